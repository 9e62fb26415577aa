// The three tables that multiboot2 hands over, and their entries. Each table says how far apart
// its entries lie, so that later versions can append fields: what goes past ours is not looked at.

/// An entry of known fields at the start of a possibly larger one.
public protocol TableEntry: Equatable, Sendable {
  /// The bytes up to the end of the last known field.
  static var leastByteCount: Int { get }

  /// Reads the entry from its first `leastByteCount` bytes.
  init(_ bytes: RawSpan)
}

/// The entries of a checked tag. A piece at the end that is no whole entry does not count.
public struct Table<Entry: TableEntry>: ~Escapable {
  private let bytes: RawSpan
  private let stride: Int
  public let count: Int

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, stride: Int, count: Int) {
    self.bytes = bytes
    self.stride = stride
    self.count = count
  }

  public subscript(index: Int) -> Entry {
    precondition(index >= 0 && index < count)
    let start = index * stride
    return Entry(bytes.extracting(start..<start + Entry.leastByteCount))
  }
}

/// What the firmware says of a stretch of memory (multiboot2, "Memory map").
///
///       0                 8                 16       20
///      +-----------------+-----------------+--------+----------+
///      | start           | bytes           | type   | reserved |
///      +-----------------+-----------------+--------+----------+
public struct MemoryMapEntry: TableEntry {
  public static var leastByteCount: Int { 24 }

  public let start: UInt64
  public let byteCount: UInt64
  public let type: UInt32

  public init(_ bytes: RawSpan) {
    start = bytes.integer(UInt64.self, at: 0)
    byteCount = bytes.integer(UInt64.self, at: 8)
    type = bytes.integer(UInt32.self, at: 16)
  }
}

/// What UEFI says of a stretch of memory (UEFI 2.10, 7.2.3: EFI_MEMORY_DESCRIPTOR).
///
///       0      4     8                16        24       32
///      +------+-----+----------------+---------+--------+------------+
///      | type | pad | physical start | virtual | pages  | attributes |
///      +------+-----+----------------+---------+--------+------------+
public struct EFIMemoryDescriptor: TableEntry {
  public static var leastByteCount: Int { 40 }

  /// The attribute of memory kept for a purpose of its own, such as high-bandwidth memory.
  public static var specialPurpose: UInt64 { 0x40000 }

  public let type: UInt32
  public let start: UInt64
  public let pageCount: UInt64
  public let attributes: UInt64

  public init(_ bytes: RawSpan) {
    type = bytes.integer(UInt32.self, at: 0)
    start = bytes.integer(UInt64.self, at: 8)
    pageCount = bytes.integer(UInt64.self, at: 24)
    attributes = bytes.integer(UInt64.self, at: 32)
  }

  /// The bytes of all its 4 KiB pages, or all there can be.
  public var byteCount: UInt64 {
    let (product, overflow) = pageCount.multipliedReportingOverflow(by: 4096)
    return overflow ? .max : product
  }
}

/// A section of the loaded kernel image (ELF-64 object file format, "Sections").
///
///       0      4      8       16        24       32      40
///      +------+------+-------+---------+--------+-------+-----------------+
///      | name | type | flags | address | offset | bytes | ...          64 |
///      +------+------+-------+---------+--------+-------+-----------------+
public struct ELFSection: TableEntry {
  public static var leastByteCount: Int { 64 }

  /// Where the name starts in the section that holds the names.
  public let nameOffset: UInt32
  public let type: UInt32
  public let flags: UInt64
  public let address: UInt64
  public let byteCount: UInt64

  public init(_ bytes: RawSpan) {
    nameOffset = bytes.integer(UInt32.self, at: 0)
    type = bytes.integer(UInt32.self, at: 4)
    flags = bytes.integer(UInt64.self, at: 8)
    address = bytes.integer(UInt64.self, at: 16)
    byteCount = bytes.integer(UInt64.self, at: 32)
  }
}
