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

/// All that a leaf says about its page but where it is.
public struct PageProperty: Equatable, Sendable, BitwiseCopyable {
  public var rights: Rights
  public var memoryType: MemoryType
  /// The translation survives a CR3 load: for what every address space shares.
  public var isGlobal: Bool
  /// Ten bits that the CPU ignores: entry bits 9 to 11, then 52 to 58.
  public var software: UInt16

  public init(
    rights: Rights, memoryType: MemoryType = .writeBack, isGlobal: Bool = false,
    software: UInt16 = 0
  ) {
    self.rights = rights
    self.memoryType = memoryType
    self.isGlobal = isGlobal
    self.software = software
  }

  /// A write-back page of the kernel half, seen in every address space.
  public static func kernel(_ rights: Rights) -> PageProperty {
    PageProperty(rights: rights, isGlobal: true)
  }
}
