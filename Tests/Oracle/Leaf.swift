// What the bits of a page-table entry mean, straight from the SDM (volume 3, 4.5.4). The oracle
// imports no Highland module: an error there must not hide behind the same error here.

/// The rights that all entries from the root to a leaf grant together (SDM volume 3, 4.6.1):
/// writable if all say so, user if all say so, executable if none sets execute-disable.
public struct Grants: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let write = Grants(rawValue: 1)
  public static let user = Grants(rawValue: 2)
  public static let execute = Grants(rawValue: 4)
  public static let all: Grants = [.write, .user, .execute]

  init(entry: UInt64) {
    self = []
    if entry & 1 << 1 != 0 { insert(.write) }
    if entry & 1 << 2 != 0 { insert(.user) }
    if entry & 1 << 63 == 0 { insert(.execute) }
  }
}

/// One mapped page. Kept small: a machine of 8 TiB in 2 MiB pages has four million of them.
public struct Leaf: Equatable, Sendable {
  public let virtual: UInt64
  /// The entry as it stands in the table.
  public let entry: UInt64
  /// 12, 21 or 30: the number of address bits inside the page.
  public let shift: UInt8
  public let grants: Grants

  public var size: UInt64 { 1 << UInt64(shift) }
  public var physical: UInt64 { entry & addressBits & ~(size - 1) }
  public var writable: Bool { grants.contains(.write) }
  public var user: Bool { grants.contains(.user) }
  public var executable: Bool { grants.contains(.execute) }
  public var global: Bool { entry & 1 << 8 != 0 }

  /// The index into IA32_PAT (SDM volume 3, 4.9.2): PAT, PCD, PWT. PAT is bit 7 of a level 1 entry,
  /// bit 12 of a larger leaf.
  public var patIndex: UInt8 {
    let pat = entry >> (shift == 12 ? 7 : 12) & 1
    return UInt8(pat << 2 | entry >> 3 & 3)
  }
}

/// The address field, bits 51 to 12.
let addressBits: UInt64 = 0x000f_ffff_ffff_f000

/// Bit 7: at levels 2 and 3 the entry maps a page; at level 1 it is a PAT bit, above it is reserved.
let pageSizeBit: UInt64 = 1 << 7

func isLeaf(_ entry: UInt64, level: Int) -> Bool {
  level == 1 || level <= 3 && entry & pageSizeBit != 0
}

/// The bits of a present entry that must be zero (SDM volume 3, tables 4-15 to 4-20). The CPU
/// faults on an entry that has one set.
func reservedBits(of entry: UInt64, level: Int, physicalWidth: Int) -> UInt64 {
  var reserved: UInt64 = 1 << 52 - 1 << UInt64(physicalWidth)
  if level > 3 { reserved |= pageSizeBit }
  // A large leaf has its PAT at bit 12; from bit 13 up to the page's size the address is zero.
  if level == 3, isLeaf(entry, level: 3) { reserved |= 1 << 30 - 1 << 13 }
  if level == 2, isLeaf(entry, level: 2) { reserved |= 1 << 21 - 1 << 13 }
  return entry & reserved
}

func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
