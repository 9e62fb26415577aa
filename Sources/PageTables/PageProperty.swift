// What a mapping allows and how the CPU caches it.

/// What may be done through a mapping. Reading is always allowed.
///
/// A set of three flags, but no `OptionSet`: that protocol brings arrays, and so a heap.
public struct Rights: Hashable, Sendable, BitwiseCopyable {
  public private(set) var rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static var none: Rights { Rights(rawValue: 0) }
  public static var write: Rights { Rights(rawValue: 1 << 0) }
  public static var execute: Rights { Rights(rawValue: 1 << 1) }
  public static var user: Rights { Rights(rawValue: 1 << 2) }
  public static var all: Rights { write | execute | user }

  public static func | (left: Rights, right: Rights) -> Rights {
    Rights(rawValue: left.rawValue | right.rawValue)
  }

  public func contains(_ other: Rights) -> Bool { rawValue & other.rawValue == other.rawValue }

  public func intersection(_ other: Rights) -> Rights {
    Rights(rawValue: rawValue & other.rawValue)
  }

  public mutating func insert(_ other: Rights) { rawValue |= other.rawValue }

  /// The rights as `ls` writes them, with a `u` behind where user mode has them.
  public var word: StaticString {
    switch (contains(.write), contains(.execute), contains(.user)) {
    case (false, false, false): "r--"
    case (true, false, false): "rw-"
    case (false, true, false): "r-x"
    case (true, true, false): "rwx"
    case (false, false, true): "r--u"
    case (true, false, true): "rw-u"
    case (false, true, true): "r-xu"
    case (true, true, true): "rwxu"
    }
  }
}

/// How the CPU caches a page (SDM volume 3, 12.3). The raw value is the index of the type in the
/// page attribute table as Highland programs it.
public enum MemoryType: UInt8, Sendable, BitwiseCopyable {
  case writeBack = 0
  case writeThrough = 1
  /// Uncacheable, but an MTRR may make it write-combining.
  case uncacheableMinus = 2
  case uncacheable = 3
  case writeProtected = 4
  case writeCombining = 5

  public var patIndex: UInt8 { rawValue }

  /// The type at an index of the page attribute table below.
  public init(patIndex: UInt8) {
    self = MemoryType(rawValue: patIndex) ?? (patIndex == 6 ? .uncacheableMinus : .uncacheable)
  }

  /// The value of IA32_PAT (MSR 0x277; SDM volume 3, 12.12.2), one type a byte, index 0 lowest.
  /// Indices 0 to 3 are those of the CPU's reset, so that nothing changes under a boot loader's
  /// mappings; 4 and 5 hold the types it lacks; 6 and 7 repeat 2 and 3.
  ///
  ///     7 UC   6 UC-   5 WC   4 WP   3 UC   2 UC-   1 WT   0 WB
  public static let pageAttributeTable: UInt64 = 0x0007_0105_0007_0406
}

/// All that a leaf says about its page but where it is: its bits, as a leaf of 4 KiB has them. So
/// reading one out of an entry and writing it into another is a mask.
public struct PageProperty: Equatable, Sendable, BitwiseCopyable {
  private(set) var bits: UInt64

  /// - Parameter bits: of `PageTableEntry.Bits.property`.
  init(bits: UInt64) { self.bits = bits }

  public init(
    rights: Rights, memoryType: MemoryType = .writeBack, isGlobal: Bool = false,
    software: UInt16 = 0
  ) {
    bits = 0
    self.rights = rights
    self.memoryType = memoryType
    self.isGlobal = isGlobal
    self.software = software
  }

  /// A write-back page of the kernel half, seen in every address space.
  public static func kernel(_ rights: Rights) -> PageProperty {
    PageProperty(rights: rights, isGlobal: true)
  }

  private mutating func set(_ mask: UInt64, to new: UInt64) { bits = bits & ~mask | new }
}

extension PageProperty {
  private typealias Bits = PageTableEntry.Bits

  public var rights: Rights {
    @inline(__always) get { PageTableEntry(rawValue: bits).rights }
    set {
      set(
        Bits.rights,
        to: (newValue.contains(.write) ? Bits.writable : 0)
          | (newValue.contains(.user) ? Bits.user : 0)
          | (newValue.contains(.execute) ? 0 : Bits.executeDisable))
    }
  }

  /// Whether user mode may touch the page.
  var isForUser: Bool { bits & Bits.user != 0 }

  public var memoryType: MemoryType {
    get { MemoryType(patIndex: UInt8(truncatingIfNeeded: bits >> 3 & 3 | bits >> 5 & 4)) }
    set {
      let pat = UInt64(newValue.patIndex)
      set(Bits.memoryType, to: (pat & 3) << 3 | (pat & 4) << 5)
    }
  }

  /// The translation survives a CR3 load: for what every address space shares.
  public var isGlobal: Bool {
    get { bits & Bits.global != 0 }
    set { set(Bits.global, to: newValue ? Bits.global : 0) }
  }

  /// Ten bits that the CPU ignores: entry bits 9 to 11, then 52 to 58.
  public var software: UInt16 {
    get { UInt16(truncatingIfNeeded: bits >> 9 & 7 | bits >> 49 & 0x3f8) }
    set { set(Bits.software, to: UInt64(newValue & 7) << 9 | UInt64(newValue & 0x3f8) << 49) }
  }

  /// Whether the CPU may do wrong with this property in the table and `old` in its TLB. With more
  /// rights it may not, and the software bits are none of its business.
  func needsFlush(after old: PageProperty) -> Bool {
    let lost =
      old.bits & ~bits & (Bits.writable | Bits.user) | bits & ~old.bits & Bits.executeDisable
    return lost | (bits ^ old.bits) & (Bits.memoryType | Bits.global) != 0
  }

  /// Whether what the caches hold of write-back memory has to be in memory from now on.
  func exposesData(after old: PageProperty) -> Bool {
    old.memoryType == .writeBack && memoryType != .writeBack
  }
}
