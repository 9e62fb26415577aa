import Addressing
import PageTables

// What lies in an address space, counted from its page table and from nothing else.

/// Pages by size.
public struct PageCounts: Equatable, Sendable, BitwiseCopyable {
  public var size4KiB: UInt64 = 0
  public var size2MiB: UInt64 = 0
  public var size1GiB: UInt64 = 0

  public init() {}

  public var byteCount: UInt64 {
    size4KiB << PageSize.size4KiB.shift + size2MiB << PageSize.size2MiB.shift + size1GiB
      << PageSize.size1GiB.shift
  }

  public static func + (left: PageCounts, right: PageCounts) -> PageCounts {
    var sum = left
    sum.size4KiB += right.size4KiB
    sum.size2MiB += right.size2MiB
    sum.size1GiB += right.size1GiB
    return sum
  }

  mutating func add(_ count: Int, of size: PageSize) {
    switch size {
    case .size4KiB: size4KiB += UInt64(count)
    case .size2MiB: size2MiB += UInt64(count)
    case .size1GiB: size1GiB += UInt64(count)
    }
  }
}

/// Leaves that map a contiguous virtual range to a contiguous physical one, all alike in what they
/// allow: as long as it can be, whatever the page sizes.
public struct LeafRun: Equatable, Sendable {
  public fileprivate(set) var virtual: Range<VirtualAddress>
  public let physical: PhysicalAddress
  public let effectiveRights: Rights
  public let memoryType: MemoryType
  public fileprivate(set) var pages: PageCounts

  public var physicalRange: Range<PhysicalAddress> { physical..<physical + virtual.byteCount }

  /// `count` leaves in a row, `leaf` the first.
  fileprivate init(_ leaf: Mapping, _ count: Int, _ rights: Rights) {
    virtual = leaf.virtual..<leaf.virtual + UInt64(count) << leaf.size.shift
    physical = leaf.physical
    effectiveRights = rights
    memoryType = leaf.property.memoryType
    pages = PageCounts()
    pages.add(count, of: leaf.size)
  }

  /// Takes in `count` leaves in a row if they go on where the run ends, in the same manner.
  fileprivate mutating func extend(by leaf: Mapping, _ count: Int, _ rights: Rights) -> Bool {
    guard leaf.virtual == virtual.upperBound, leaf.physical == physical + virtual.byteCount,
      rights == effectiveRights, leaf.property.memoryType == memoryType
    else { return false }
    virtual = virtual.lowerBound..<leaf.virtual + UInt64(count) << leaf.size.shift
    pages.add(count, of: leaf.size)
    return true
  }
}

/// The count of all that a page table maps, by window and rights, and of its tables.
public struct AddressSpaceSurvey: Sendable {
  private var pages = InlineArray<9, InlineArray<8, PageCounts>>(
    repeating: InlineArray(repeating: PageCounts()))
  private var tables = InlineArray<6, Int>(repeating: 0)

  public init() {}

  /// The pages of `window` through which exactly `rights` are granted.
  public func pages(in window: Window, _ rights: Rights) -> PageCounts {
    pages[Int(window.rawValue)][Int(rights.rawValue)]
  }

  /// All pages of `window`.
  public func pages(in window: Window) -> PageCounts {
    var sum = PageCounts()
    let byRights = pages[Int(window.rawValue)]
    for index in byRights.indices { sum = sum + byRights[index] }
    return sum
  }

  /// The number of tables of `level`.
  public func tableCount(atLevel level: Int) -> Int { tables[level] }

  public var tableCount: Int {
    var sum = 0
    for level in tables.indices { sum += tables[level] }
    return sum
  }

  /// Adds a run of leaves.
  public mutating func count(_ run: LeafRun, in window: Window) {
    let (row, column) = (Int(window.rawValue), Int(run.effectiveRights.rawValue))
    pages[row][column] = pages[row][column] + run.pages
  }

  mutating func countTable(atLevel level: Int) { tables[level] += 1 }
}

/// Puts the leaves of a traversal together to runs.
public struct LeafRuns {
  private var open: LeafRun?

  public init() {}

  /// Takes the next leaves in a row; returns the run that ended before them, if one did.
  public mutating func add(_ leaf: Mapping, _ count: Int, _ rights: Rights) -> LeafRun? {
    if open?.extend(by: leaf, count, rights) == true { return nil }
    defer { open = LeafRun(leaf, count, rights) }
    return open
  }

  /// The last run, once there are no more leaves.
  public mutating func finish() -> LeafRun? {
    defer { open = nil }
    return open
  }
}
