// The list of all other tables, in two widths (ACPI 6.5, 5.2.7, RSDT, and 5.2.8, XSDT).
//
//       0                      36          40          44
//      +----------------------+-----------+-----------+- - -
//      | header, "RSDT"       | address   | address   |
//      +----------------------+-----------+-----------+- - -
//
//       0                      36                      44                      52
//      +----------------------+-----------------------+-----------------------+- - -
//      | header, "XSDT"       | address               | address               |
//      +----------------------+-----------------------+-----------------------+- - -
//
// 36 is no multiple of 8: the XSDT's addresses are not aligned.

public import Addressing

/// The checked root table.
public struct RootSystemDescriptionTable: ~Escapable {
  /// The raw value is how many bytes an entry takes.
  public enum Kind: UInt8, Sendable {
    case rsdt = 4
    case xsdt = 8
  }

  public let kind: Kind

  private let entries: RawSpan

  /// Takes a table for the root table. An RSDT where the pointer promised an XSDT, or the other way
  /// round, is refused: its entries would be read in the wrong width.
  @_lifetime(copy table)
  public init(_ table: SystemDescriptionTable, _ kind: Kind) throws(ACPIError) {
    try table.check(kind == .rsdt ? .rsdt : .xsdt)
    self.kind = kind
    entries = table.bytes.extracting(DescriptionHeader.byteCount..<table.bytes.byteCount)
  }

  private var entryByteCount: Int { Int(kind.rawValue) }

  /// How many entries there are. A piece at the end that is no whole entry does not count.
  public var count: Int { entries.byteCount / entryByteCount }

  /// Where a table lies; `nil` for an entry that firmware left zero. Nothing says yet that there is
  /// memory.
  public subscript(index: Int) -> PhysicalAddress? {
    precondition(index >= 0 && index < count)
    let offset = index * entryByteCount
    let address =
      switch kind {
      case .rsdt: PhysicalAddress(UInt64(entries.integer(UInt32.self, at: offset)))
      case .xsdt: entries.address(at: offset)
      }
    return address.rawValue == 0 ? nil : address
  }
}
