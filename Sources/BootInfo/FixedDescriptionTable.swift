// How the machine is turned off and reset (ACPI 6.5, 5.2.9, "Fixed ACPI Description Table", whose
// signature is older than its name). Only what that takes is read:
//
//       36           40      44   48            52            64        68        72
//      +------------+-------+- - +-------------+-------------+- - - - -+---------+---------+- - -
//      |            | DSDT  |    | SMI command | ACPI enable |         | PM1a    | PM1b    |
//      |            |       |    | port        | value       |         | control | control |
//      +------------+-------+- - +-------------+-------------+- - - - -+---------+---------+- - -
//
//       112     116              128           140      148      172            184            196
//      +-------+----------------+-------+- - -+--------+- - - - +--------------+--------------+- -
//      | flags | reset register | value |     | X_DSDT |        | X_PM1a       | X_PM1b       |
//      |       |                |       |     |        |        | control      | control      |
//      +-------+----------------+-------+- - -+--------+- - - - +--------------+--------------+- -
//
// The table has grown with every edition: what lies past its end is not there. An X field counts
// where it is not zero (ACPI 6.5, table 5.9).

public import Addressing

/// A register that lies in one of several spaces (ACPI 6.5, 5.2.3.2, "Generic Address Structure").
///
///       0       1       2        3             4         12
///      +-------+-------+--------+-------------+---------+
///      | space | width | offset | access size | address |
///      +-------+-------+--------+-------------+---------+
public struct GenericAddress: Equatable, Sendable {
  public enum Space: UInt8, Sendable {
    case memory = 0
    case port = 1
    /// Of bus 0: device in bits 47:32 of the address, function in 31:16, offset in 15:0.
    case pciConfiguration = 2
  }

  public static var byteCount: Int { 12 }

  /// `nil` for a space that is not known here.
  public let space: Space?
  public let address: UInt64

  public init(port: UInt64) { (space, address) = (.port, port) }

  init(_ bytes: RawSpan, at offset: Int) {
    space = Space(rawValue: bytes.integer(UInt8.self, at: offset))
    address = bytes.integer(UInt64.self, at: offset + 4)
  }
}

/// A checked FADT.
public struct FixedDescriptionTable: Equatable, Sendable {
  /// Where the differentiated system description table lies. Nothing says yet that there is memory.
  public let dsdt: PhysicalAddress?

  /// Reduced hardware: none of the registers here is there.
  public let isHardwareReduced: Bool

  /// Where to write `enableValue` to turn ACPI mode on; `nil` if there is no other mode.
  public let commandPort: UInt16?
  public let enableValue: UInt8

  /// The power management control registers. The second is there on few machines.
  public let pm1aControl: GenericAddress?
  public let pm1bControl: GenericAddress?

  /// A write of `resetValue` here resets the machine; `nil` where that is not supported.
  public let resetRegister: GenericAddress?
  public let resetValue: UInt8

  /// Takes a table for the FADT.
  ///
  /// - Throws: `wrongSignature`; `lengthTooSmall` for less than the first edition's fields.
  public init(_ table: borrowing SystemDescriptionTable) throws(ACPIError) {
    try table.check(.fadt, least: 116)
    let bytes = table.bytes

    func register(_ block: Int, extended: Int) -> GenericAddress? {
      if bytes.byteCount >= extended + GenericAddress.byteCount {
        let register = GenericAddress(bytes, at: extended)
        if register.address != 0 { return register }
      }
      let port = UInt64(bytes.integer(UInt32.self, at: block))
      return port == 0 ? nil : GenericAddress(port: port)
    }

    let flags = bytes.integer(UInt32.self, at: 112)
    isHardwareReduced = flags & 1 << 20 != 0
    let port = bytes.integer(UInt32.self, at: 48)
    commandPort = port == 0 ? nil : UInt16(exactly: port)
    enableValue = bytes.integer(UInt8.self, at: 52)
    pm1aControl = register(64, extended: 172)
    pm1bControl = register(68, extended: 184)

    var dsdt = PhysicalAddress(UInt64(bytes.integer(UInt32.self, at: 40)))
    if bytes.byteCount >= 148, case let extended = bytes.address(at: 140), extended.rawValue != 0 {
      dsdt = extended
    }
    self.dsdt = dsdt.rawValue == 0 ? nil : dsdt

    // The flag came with the second edition, and with it the register (ACPI 6.5, 4.8.3.6).
    if flags & 1 << 10 != 0, bytes.byteCount >= 129,
      case let register = GenericAddress(bytes, at: 116), register.address != 0
    {
      (resetRegister, resetValue) = (register, bytes.integer(UInt8.self, at: 128))
    } else {
      (resetRegister, resetValue) = (nil, 0)
    }
  }
}
