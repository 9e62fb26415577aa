import Addressing

// A page-table entry, SDM volume 3, 4.5.4, tables 4-15 to 4-20.
//
//      63 62  59 58    52 51                              12 11   9 8  7  6 5  4   3   2 1 0
//     +--+------+--------+----------------------------------+------+-+---+-+-+---+---+-+-+-+
//     |XD| key  |software|   physical address of the        |  soft|G|PS |D|A|PCD|PWT|U|W|P|
//     |  |      |  3..9  |   page or the next table         |  0..2| |PAT| | |   |   | | | |
//     +--+------+--------+----------------------------------+------+-+---+-+-+---+---+-+-+-+
//
// Bit 7 of a level 2 or 3 entry says that it is a leaf (PS). A level 1 entry is always a leaf, and
// its bit 7 is the PAT bit; larger leaves have theirs at bit 12, the lowest of the address field.
//
// In an entry that points to a table the CPU ignores bits 52 to 62. There Highland counts the
// entries of that table which are present: at none it can go, and nobody has to look for one.

/// One entry of a page table at any level. What it means depends on the level it stands at.
public struct PageTableEntry: Equatable, Sendable, BitwiseCopyable {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// An entry that maps nothing.
  public static var absent: PageTableEntry { PageTableEntry(rawValue: 0) }

  /// An entry that points to the next lower table. It leaves all rights to the leaves below;
  /// `user` is needed above leaves that user mode may touch.
  ///
  /// - Parameter count: the number of present entries in that table.
  public static func table(
    at address: PhysicalAddress, user: Bool = false, count: Int = 0
  ) -> PageTableEntry {
    PageTableEntry(
      rawValue: address.rawValue & Bits.address | Bits.present | Bits.writable
        | (user ? Bits.user : 0) | UInt64(count) << Bits.countShift)
  }

  /// An entry that maps a page of `size`, to stand at the size's level.
  ///
  /// - Precondition: `address` is aligned to `size` and below 2^52.
  public static func leaf(
    at address: PhysicalAddress, size: PageSize, _ property: PageProperty
  ) -> PageTableEntry {
    precondition(address.rawValue & ~Bits.address(of: size) == 0)
    return PageTableEntry(rawValue: address.rawValue | leafBits(size: size, property))
  }

  /// All of a leaf but its address: what the leaves of one run have in common.
  static func leafBits(size: PageSize, _ property: PageProperty) -> UInt64 {
    let bits = property.bits | Bits.present
    guard size != .size4KiB else { return bits }
    // What is bit 7 of a small leaf is bit 12 of a large one.
    let pat = bits & Bits.pat(at: .size4KiB)
    return bits & ~pat | Bits.pageSize | pat << 5
  }
}

extension PageTableEntry {
  enum Bits {
    static let present: UInt64 = 1 << 0
    static let writable: UInt64 = 1 << 1
    static let user: UInt64 = 1 << 2
    static let accessed: UInt64 = 1 << 5
    static let dirty: UInt64 = 1 << 6
    /// What the CPU notes when it uses the entry (SDM volume 3, 4.8).
    static let usage = accessed | dirty
    static let pageSize: UInt64 = 1 << 7
    static let global: UInt64 = 1 << 8
    static let executeDisable: UInt64 = 1 << 63
    static let rights = writable | user | executeDisable
    /// Of a small leaf: PWT, PCD and PAT, which together choose one of eight types.
    static let memoryType: UInt64 = 0b11 << 3 | 1 << 7
    static let software: UInt64 = 0b111 << 9 | 0x7f << 52
    /// What a `PageProperty` is made of.
    static let property = rights | memoryType | global | software
    static let countShift: UInt64 = 52
    static let address: UInt64 = 0x000f_ffff_ffff_f000

    static func pat(at size: PageSize) -> UInt64 { size == .size4KiB ? 1 << 7 : 1 << 12 }
    static func address(of size: PageSize) -> UInt64 { address & ~size.offsetMask }
    /// What a change of properties leaves as it is.
    static func kept(of size: PageSize) -> UInt64 { address(of: size) | usage }
  }

  public var isPresent: Bool { rawValue & Bits.present != 0 }
  public var isAccessed: Bool { rawValue & Bits.accessed != 0 }
  public var isDirty: Bool { rawValue & Bits.dirty != 0 }

  /// Whether the CPU may set foot below this entry to write, to fetch, in user mode: the rights
  /// of a translation are those that every entry on its way grants (SDM volume 3, 4.6).
  public var rights: Rights {
    var rights = Rights.none
    if rawValue & Bits.writable != 0 { rights.insert(.write) }
    if rawValue & Bits.user != 0 { rights.insert(.user) }
    if rawValue & Bits.executeDisable == 0 { rights.insert(.execute) }
    return rights
  }

  /// What the entry is when it stands at `level`: absent, a table, or a leaf.
  public func item(atLevel level: Int) -> Item {
    guard isPresent else { return .absent }
    guard let size = leafSize(atLevel: level) else { return .table(table) }
    return .leaf(page(of: size), size)
  }

  /// The size of the page that a present entry maps when it stands at `level`; `nil` for a table.
  func leafSize(atLevel level: Int) -> PageSize? {
    switch level {
    case 1: .size4KiB
    case 2: rawValue & Bits.pageSize != 0 ? .size2MiB : nil
    case 3: rawValue & Bits.pageSize != 0 ? .size1GiB : nil
    default: nil
    }
  }

  /// Whether the entry maps a page of `size` when it stands at the size's level.
  func isLeaf(of size: PageSize) -> Bool {
    let bits = Bits.present | (size == .size4KiB ? 0 : Bits.pageSize)
    return rawValue & bits == bits
  }

  /// Whether the entry points to a table when it stands at `level`.
  func isTable(atLevel level: Int) -> Bool { isPresent && leafSize(atLevel: level) == nil }

  public enum Item: Equatable, Sendable {
    case absent
    case table(PhysicalAddress)
    case leaf(PhysicalAddress, PageSize)
  }

  /// The address field of a present entry that is no leaf.
  var table: PhysicalAddress { PhysicalAddress(rawValue & Bits.address) }

  /// The address field of a leaf.
  func page(of size: PageSize) -> PhysicalAddress {
    PhysicalAddress(rawValue & Bits.address(of: size))
  }

  /// A leaf but for what the CPU notes in it.
  var withoutUsage: PageTableEntry { PageTableEntry(rawValue: rawValue & ~Bits.usage) }

  /// How many entries are present in the table that this entry points to. Not kept in the root's
  /// entries for the kernel half, which never change.
  var entryCount: Int { Int(truncatingIfNeeded: rawValue >> Bits.countShift & 0x7ff) }

  func counting(_ gained: Int) -> PageTableEntry {
    PageTableEntry(rawValue: rawValue &+ UInt64(bitPattern: Int64(gained)) << Bits.countShift)
  }

  var isOpenForUser: Bool { rawValue & Bits.user != 0 }
  func openForUser() -> PageTableEntry { PageTableEntry(rawValue: rawValue | Bits.user) }

  /// The leaf of `size` with other properties.
  func with(_ property: PageProperty, size: PageSize) -> PageTableEntry {
    PageTableEntry(
      rawValue: rawValue & Bits.kept(of: size) | Self.leafBits(size: size, property))
  }

  /// The properties of a leaf of `size`.
  public func property(size: PageSize) -> PageProperty {
    guard size != .size4KiB else { return PageProperty(bits: rawValue & Bits.property) }
    let pat = rawValue & Bits.pat(at: size)
    return PageProperty(bits: rawValue & Bits.property & ~Bits.pageSize | pat >> 5)
  }
}
