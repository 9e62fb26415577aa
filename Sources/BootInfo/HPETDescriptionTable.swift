// Where the high precision event timer is (IA-PC HPET 1.0a, 3.2.4, "The ACPI 2.0 HPET Description
// Table"). Of the address, a generic address structure (ACPI 6.5, 5.2.3.2), only what is named here
// says something about a block of registers in memory.
//
//       0                36      40      41              44        52       53           55      56
//      +----------------+-------+-------+---------------+---------+--------+------------+-------+
//      | header, "HPET" | block | space | width, offset | address | number | least tick | flags |
//      +----------------+-------+-------+---------------+---------+--------+------------+-------+
//                        |
//                        |   31        16    15      13      12           8   7         0
//                        |  +------------+--------+-------+----------------+-------------+
//                        +->| PCI vendor | legacy | width | comparators -1 | hardware    |
//                           |            | routes |       |                | revision    |
//                           +------------+--------+-------+----------------+-------------+
//                           as in the lower half of the timer's own capability register

public import Addressing

/// A checked description of one block of timers.
public struct HPETDescriptionTable: Equatable, Sendable {
  /// Where the registers lie.
  public let address: PhysicalAddress

  /// The PCI vendor id of the block's maker.
  public let vendor: UInt16

  /// From 1 to 32.
  public let comparatorCount: Int

  /// Which of the machine's blocks this is, from 0 on.
  public let number: UInt8

  /// The fewest ticks of the counter that a periodic interrupt can be set to without loss.
  public let minimumTick: UInt16

  /// Takes a table for the HPET's.
  public init(_ table: borrowing SystemDescriptionTable) throws(ACPIError) {
    try table.check(.hpet, least: 56)
    let bytes = table.bytes
    // Zero is system memory (ACPI 6.5, 5.2.3.2).
    guard bytes.integer(UInt8.self, at: 40) == 0 else {
      throw ACPIError(.timerNotInMemory, at: 40)
    }
    address = bytes.address(at: 44)
    guard address.rawValue != 0 else { throw ACPIError(.timerAddressMissing, at: 44) }
    let block = bytes.integer(UInt32.self, at: 36)
    vendor = UInt16(block >> 16)
    comparatorCount = Int(block >> 8 & 0x1f) + 1
    number = bytes.integer(UInt8.self, at: 52)
    minimumTick = bytes.integer(UInt16.self, at: 53)
  }
}
