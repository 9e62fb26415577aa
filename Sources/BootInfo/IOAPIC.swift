// The MADT's I/O APICs (ACPI 6.5, 5.2.12.3):
//
//       0   1    2    3   4         8          12
//      +---+----+----+---+---------+----------+
//      | 1 | 12 | id | 0 | address | GSI base |
//      +---+----+----+---+---------+----------+

public import Addressing

/// A controller that turns devices' interrupt lines into messages to processors.
public struct IOAPIC: Equatable, Sendable {
  public let id: UInt8

  /// Where its registers lie.
  public let address: PhysicalAddress

  /// The global system interrupt of its first line; the next lines have the next numbers.
  public let interruptBase: UInt32

  /// Reads a checked entry; `nil` if it tells of something else.
  init?(_ entry: borrowing APICEntry) {
    guard entry.type == .ioAPIC else { return nil }
    id = entry.bytes.integer(UInt8.self, at: 2)
    address = PhysicalAddress(UInt64(entry.bytes.integer(UInt32.self, at: 4)))
    interruptBase = entry.bytes.integer(UInt32.self, at: 8)
  }
}

/// Walks the I/O APICs: `while let controller = controllers.next() { … }`.
public struct IOAPICs: ~Escapable {
  private var entries: APICEntries

  @_lifetime(copy table)
  init(in table: RawSpan) { entries = APICEntries(in: table) }

  public mutating func next() -> IOAPIC? {
    while let entry = entries.next() {
      if let controller = IOAPIC(entry) { return controller }
    }
    return nil
  }
}
