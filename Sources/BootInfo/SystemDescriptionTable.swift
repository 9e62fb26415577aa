// What all ACPI tables begin with (ACPI 6.5, 5.2.6, "System Description Table Header").
//
//       0           4        8          9          10       16             24           36
//      +-----------+--------+----------+----------+--------+--------------+------------+-------
//      | signature | length | revision | checksum | OEM id | OEM table id | OEM's and  | the
//      |           |        |          |          |        |              | creator's  | table's
//      |           |        |          |          |        |              | revisions  | own
//      +-----------+--------+----------+----------+--------+--------------+------------+-------
//      |<------------------ checksum: all bytes up to the length sum up to 0 --------------->|
//
// Whoever follows an address to a table maps the 36 bytes of the header first, learns from a
// `DescriptionHeader` what the table is and how long, maps that, and makes a
// `SystemDescriptionTable` of it. The views of the single kinds are made of one of these.

/// The four letters that name a kind of table, the first in the lowest byte.
public struct TableSignature: RawRepresentable, Equatable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  private init(
    _ first: Unicode.Scalar, _ second: Unicode.Scalar, _ third: Unicode.Scalar,
    _ fourth: Unicode.Scalar
  ) {
    rawValue =
      UInt32(UInt8(ascii: first)) | UInt32(UInt8(ascii: second)) << 8
      | UInt32(UInt8(ascii: third)) << 16 | UInt32(UInt8(ascii: fourth)) << 24
  }

  public static var rsdt: Self { Self("R", "S", "D", "T") }
  public static var xsdt: Self { Self("X", "S", "D", "T") }
  /// The MADT's is older than its name.
  public static var madt: Self { Self("A", "P", "I", "C") }
  public static var hpet: Self { Self("H", "P", "E", "T") }
  /// So is the FADT's.
  public static var fadt: Self { Self("F", "A", "C", "P") }
  public static var dsdt: Self { Self("D", "S", "D", "T") }
  public static var ssdt: Self { Self("S", "S", "D", "T") }
}

/// What a table says of itself, before its checksum is known to hold.
public struct DescriptionHeader: Equatable, Sendable {
  public static var byteCount: Int { 36 }

  /// The longest table that is believed. Its purpose is to keep a damaged length from having 4 GiB
  /// mapped and summed up: a MADT of 16 MiB would list a million processors.
  static var mostTableBytes: Int { 16 << 20 }

  public let signature: TableSignature

  /// The bytes of the whole table, header included: from 36 up to 16 MiB.
  public let tableByteCount: Int

  public let revision: UInt8

  /// Reads the header that starts `bytes`.
  public init(_ bytes: RawSpan) throws(ACPIError) {
    guard bytes.byteCount >= Self.byteCount else { throw ACPIError(.truncated, at: 0) }
    signature = TableSignature(rawValue: bytes.integer(UInt32.self, at: 0))
    tableByteCount = bytes.size(at: 4)
    revision = bytes.integer(UInt8.self, at: 8)
    guard tableByteCount >= Self.byteCount else { throw ACPIError(.lengthTooSmall, at: 4) }
    guard tableByteCount <= Self.mostTableBytes else { throw ACPIError(.lengthTooLarge, at: 4) }
  }
}

/// A table of any kind whose length and checksum hold.
public struct SystemDescriptionTable: ~Escapable {
  public let header: DescriptionHeader

  /// The whole table, header included.
  let bytes: RawSpan

  /// Checks the table that starts `bytes`.
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) throws(ACPIError) {
    header = try DescriptionHeader(bytes)
    guard header.tableByteCount <= bytes.byteCount else { throw ACPIError(.truncated, at: 4) }
    self.bytes = bytes.extracting(0..<header.tableByteCount)
    guard self.bytes.byteSum == 0 else { throw ACPIError(.wrongChecksum, at: 9) }
  }

  /// Who made the table: six bytes, letters and spaces if the maker kept to the rules.
  public var oemID: RawSpan {
    @_lifetime(copy self)
    get { bytes.extracting(10..<16) }
  }

  /// Checks that the table is of a kind, and has the bytes of that kind's fixed fields.
  func check(
    _ signature: TableSignature, least byteCount: Int = DescriptionHeader.byteCount
  ) throws(ACPIError) {
    guard header.signature == signature else { throw ACPIError(.wrongSignature, at: 0) }
    guard bytes.byteCount >= byteCount else { throw ACPIError(.lengthTooSmall, at: 4) }
  }
}
