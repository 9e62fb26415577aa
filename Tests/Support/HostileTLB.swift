// The most treacherous CPU that the SDM allows (volume 3, 4.10.2 and 4.10.3): it remembers every
// present entry that it meets, uses what it remembers before it looks at memory, breaks large pages
// into small ones, and forgets what it is told to forget and nothing else.
//
//     page ----> translations: by page     hit: memory is not looked at
//          `---> ways: by level and prefix, the lowest first: the walk begins at that table
//                `---> memory, entry by entry; each present one is remembered
//
// It reads entries by the SDM, not by Highland's types.

import Addressing
import PageTables

public final class HostileTLB: TranslationCache {
  /// What the CPU knows of a 4 KiB page.
  public struct Translation: Equatable {
    public var physical: UInt64
    /// Bit 0: writable, bit 1: user, bit 2: executable; what all entries on the way grant.
    public var grants: UInt8
    /// PAT, PCD, PWT.
    public var patIndex: UInt8
    public var isGlobal: Bool
    /// 1, 2 or 3: of the page that this is a piece of. A page that was split must be forgotten, even
    /// if its pieces translate alike (SDM volume 3, 4.10.2.3).
    public var level: Int
  }

  /// What it knows of a table on the way to pages.
  private struct Way: Equatable {
    var table: UInt64
    var grants: UInt8
  }

  private let memory: SimulatedMemory
  public var root: UInt64
  private let levels: Int
  private var translations: [UInt64: Translation] = [:]
  private var ways: [UInt64: Way] = [:]

  public private(set) var invalidatedPages: [UInt64] = []
  public private(set) var fullFlushCount = 0
  public private(set) var writeBackCount = 0
  /// What no kernel may let happen.
  public private(set) var complaints: [String] = []

  public init(memory: SimulatedMemory, root: PhysicalAddress, mode: PagingMode) {
    self.memory = memory
    self.root = root.rawValue
    levels = mode.levels
  }

  public func invalidate(page: VirtualAddress) {
    invalidatedPages.append(page.rawValue)
    translations[page.rawValue >> 12] = nil
    for level in 1..<levels { ways[key(page.rawValue, level)] = nil }
  }

  public func invalidateAll() {
    fullFlushCount += 1
    translations.removeAll(keepingCapacity: true)
    ways.removeAll(keepingCapacity: true)
  }

  public func writeBackData() { writeBackCount += 1 }

  /// A store to CR3 spares global translations (SDM volume 3, 4.10.4.1).
  public func loadCR3(_ root: PhysicalAddress) {
    self.root = root.rawValue
    translations = translations.filter { $0.value.isGlobal }
    ways.removeAll(keepingCapacity: true)
  }

  public func forgetCounts() {
    invalidatedPages.removeAll()
    (fullFlushCount, writeBackCount) = (0, 0)
  }

  /// Translates `address` as the CPU would, and remembers all that it meets; `nil` is a fault.
  ///
  /// - Parameter writes: whether the access sets the dirty bit of the page.
  @discardableResult
  public func touch(_ address: UInt64, writes: Bool = false) -> Translation? {
    if let known = translations[address >> 12] { return known }
    var (level, way) = (levels, Way(table: root, grants: 7))
    for lower in 1..<levels {
      if let known = ways[key(address, lower)] {
        (level, way) = (lower, known)
        break
      }
    }
    while true {
      guard let entry = memory.entry(index(address, level), ofTableAt: way.table) else {
        complaints.append("the CPU walks in a frame that is no table any more")
        return nil
      }
      guard entry.pointee & 1 != 0 else { return nil }
      // The accessed bit, and the dirty bit of a leaf.
      entry.pointee |= 1 << 5
      way.grants &= grants(of: entry.pointee)
      if isLeaf(entry.pointee, level) {
        if writes { entry.pointee |= 1 << 6 }
        let found = translation(of: address, by: entry.pointee, level, granting: way.grants)
        translations[address >> 12] = found
        return found
      }
      way.table = entry.pointee & 0x000f_ffff_ffff_f000
      level -= 1
      ways[key(address, level)] = way
    }
  }

  /// Why what is remembered of `address` is not what the tables say; `nil` if it is. To know fewer
  /// rights than there are is no harm: the CPU looks again before it faults for good.
  public func contradiction(at address: UInt64) -> String? {
    let known = translations[address >> 12]
    var way = Way(table: root, grants: 7)
    for level in stride(from: levels, to: 0, by: -1) {
      if level < levels, let remembered = ways[key(address, level)],
        remembered.table != way.table || remembered.grants & ~way.grants != 0
      {
        return "a stale table of level \(level)"
      }
      let entry = memory.entry(index(address, level), ofTableAt: way.table)!.pointee
      way.grants &= grants(of: entry)
      if entry & 1 == 0 || isLeaf(entry, level) {
        for lower in 1..<level where ways[key(address, lower)] != nil {
          return "a table of level \(lower) that is gone"
        }
        guard let known else { return nil }
        guard entry & 1 != 0 else { return "a page that is gone" }
        var real = translation(of: address, by: entry, level, granting: way.grants)
        if known.grants & ~real.grants != 0 { return "rights that are gone" }
        real.grants = known.grants
        return known == real ? nil : "another page, size or property"
      }
      way.table = entry & 0x000f_ffff_ffff_f000
    }
    return nil
  }

  /// The first contradiction in all that is remembered.
  public func anyContradiction() -> String? {
    let addresses =
      translations.keys.map { $0 << 12 }
      + ways.keys.map { VirtualAddress(($0 >> 3) << (12 + 9 * ($0 & 7))).rawValue }
    for address in addresses {
      if let contradiction = contradiction(at: address) {
        return "\(String(address, radix: 16)): \(contradiction)"
      }
    }
    return nil
  }

  /// All pages that are remembered, and where they lead.
  public var rememberedPages: [(virtual: UInt64, physical: UInt64)] {
    translations.map { (VirtualAddress($0.key << 12).rawValue, $0.value.physical) }
  }

  /// All tables that are remembered.
  public var rememberedTables: Set<UInt64> { Set(ways.values.map(\.table)) }

  /// Complains about what somebody else has found.
  public func complain(_ complaint: String) { complaints.append(complaint) }

  /// Complains if the CPU may still walk in the table at `frame`.
  public func checkNotReachable(_ frame: PhysicalAddress) {
    if ways.values.contains(where: { $0.table == frame.rawValue }) {
      complaints.append("a table comes back that the CPU still knows")
    }
  }

  private func key(_ address: UInt64, _ level: Int) -> UInt64 {
    (address >> UInt64(12 + 9 * level)) << 3 | UInt64(level)
  }

  private func index(_ address: UInt64, _ level: Int) -> Int {
    Int(address >> UInt64(3 + 9 * level) & 511)
  }

  private func isLeaf(_ entry: UInt64, _ level: Int) -> Bool {
    level == 1 || level <= 3 && entry & 1 << 7 != 0
  }

  private func grants(of entry: UInt64) -> UInt8 {
    UInt8(entry >> 1 & 3) | (entry >> 63 == 0 ? 4 : 0)
  }

  private func translation(
    of address: UInt64, by entry: UInt64, _ level: Int, granting grants: UInt8
  ) -> Translation {
    let offsetMask: UInt64 = 1 << UInt64(3 + 9 * level) - 1
    let physical = entry & 0x000f_ffff_ffff_f000 & ~offsetMask | address & offsetMask & ~0xfff
    let pat = entry >> (level == 1 ? 7 : 12) & 1
    return Translation(
      physical: physical, grants: grants, patIndex: UInt8(pat << 2 | entry >> 3 & 3),
      isGlobal: entry & 1 << 8 != 0, level: level)
  }
}
