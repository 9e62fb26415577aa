// Where ACPI's tables begin (ACPI 6.5, 5.2.5.3, "Root System Description Pointer (RSDP) Structure").
//
//       0             8          9        15         16           20
//      +-------------+----------+--------+----------+------------+
//      | "RSD PTR "  | checksum | OEM id | revision | RSDT       |    revisions below 2 end here
//      +-------------+----------+--------+----------+------------+
//      |<--------- checksum: these 20 bytes sum up to 0 -------->|
//
//       20       24           32                  33         36
//      +--------+------------+-------------------+----------+
//      | length | XSDT       | extended checksum | reserved |         revisions from 2 on
//      +--------+------------+-------------------+----------+
//      extended checksum: all bytes from 0 up to the length sum up to 0

public import Addressing

/// The checked pointer to the table that lists all others.
public struct RootSystemDescriptionPointer: Equatable, Sendable {
  /// 0 for ACPI 1.0, 2 for all later editions.
  public let revision: UInt8

  /// Where the root table lies. Nothing says yet that there is memory.
  public let rootTable: PhysicalAddress

  /// What is to be found there.
  public let kind: RootSystemDescriptionTable.Kind

  /// Checks the pointer that starts `bytes`. From revision 2 on the XSDT is preferred, which
  /// reaches all of memory; a zero there leaves the RSDT (ACPI 6.5, 5.2.8).
  public init(_ bytes: RawSpan) throws(ACPIError) {
    guard bytes.byteCount >= 20 else { throw ACPIError(.truncated, at: 0) }
    // "RSD PTR ", its last letter first.
    guard bytes.integer(UInt64.self, at: 0) == 0x2052_5450_2044_5352 else {
      throw ACPIError(.wrongSignature, at: 0)
    }
    guard bytes.extracting(0..<20).byteSum == 0 else { throw ACPIError(.wrongChecksum, at: 8) }
    revision = bytes.integer(UInt8.self, at: 15)

    var xsdt = PhysicalAddress(0)
    if revision >= 2 {
      guard bytes.byteCount >= 36 else { throw ACPIError(.truncated, at: 0) }
      let length = bytes.size(at: 20)
      guard length >= 36 else { throw ACPIError(.lengthTooSmall, at: 20) }
      guard length <= bytes.byteCount else { throw ACPIError(.truncated, at: 20) }
      guard bytes.extracting(0..<length).byteSum == 0 else {
        throw ACPIError(.wrongExtendedChecksum, at: 32)
      }
      xsdt = bytes.address(at: 24)
    }

    let rsdt = PhysicalAddress(UInt64(bytes.integer(UInt32.self, at: 16)))
    (rootTable, kind) = xsdt.rawValue != 0 ? (xsdt, .xsdt) : (rsdt, .rsdt)
    guard rootTable.rawValue != 0 else { throw ACPIError(.rootTableMissing, at: 16) }
  }
}
