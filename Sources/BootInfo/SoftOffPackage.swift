// What to write to the power management control registers to turn the machine off: the firmware
// tells it by an object of its own language, the package \_S5 (ACPI 6.5, 7.4.2.6), in the DSDT or
// an SSDT:
//
//      Name (\_S5, Package () { 5, 5, 0, 0 })
//
//       08     [5c]  5f 53 35 5f   12        08             04       0a 05     0a 05     00   00
//      +------+-----+-------------+---------+--------------+--------+---------+---------+----+----+
//      | Name | "\" | "_S5_"      | Package | bytes, this  | number | SLP_TYP | SLP_TYP |        |
//      |      |     |             |         | one included | of     | of PM1a | of PM1b |        |
//      +------+-----+-------------+---------+--------------+--------+---------+---------+----+----+
//                                                           elements
//
// Reading the language as a whole (ACPI 6.5, chapter 20) would take an interpreter. So the bytes are
// searched for a name and a package that has this shape to its end, as small kernels do: where they
// appear by chance, in a buffer say, the package would have to be a good one too.

/// The sleep types of the state "soft off", three bits each.
public struct SoftOffPackage: Equatable, Sendable {
  public let pm1a: UInt8
  public let pm1b: UInt8

  /// Searches a DSDT or SSDT for the package; takes the first one that is well-formed.
  ///
  /// - Complexity: O(bytes)
  public init?(in table: borrowing SystemDescriptionTable) {
    guard table.header.signature == .dsdt || table.header.signature == .ssdt else { return nil }
    var offset = DescriptionHeader.byteCount
    while offset < table.bytes.byteCount {
      if let found = SoftOffPackage(table.bytes, at: offset) {
        self = found
        return
      }
      offset += 1
    }
    return nil
  }

  /// The package whose definition starts at `offset`.
  private init?(_ bytes: RawSpan, at offset: Int) {
    var code = MachineCode(bytes, at: offset)
    guard code.skip(.name) else { return nil }
    _ = code.skip(.rootPrefix)
    guard code.skip(0x5f), code.skip(0x53), code.skip(0x35), code.skip(0x5f), code.skip(.package),
      let end = code.packageEnd(), let count = code.byte(), count > 0,
      let first = code.number(before: end)
    else { return nil }
    if count == 1 {
      // Both in one number, as some firmware has them: the second in the second byte.
      (pm1a, pm1b) = (UInt8(first & 7), UInt8(first >> 8 & 7))
    } else {
      guard let second = code.number(before: end) else { return nil }
      (pm1a, pm1b) = (UInt8(first & 7), UInt8(second & 7))
    }
  }
}

extension UInt8 {
  fileprivate static var name: UInt8 { 0x08 }
  fileprivate static var package: UInt8 { 0x12 }
  fileprivate static var rootPrefix: UInt8 { 0x5c }
}

/// A place in ACPI machine language that moves on as its bytes are read, and never past their end.
private struct MachineCode: ~Escapable {
  private let bytes: RawSpan
  private var offset: Int

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, at offset: Int) {
    self.bytes = bytes
    self.offset = offset
  }

  mutating func byte() -> UInt8? {
    guard offset < bytes.byteCount else { return nil }
    defer { offset += 1 }
    return bytes.integer(UInt8.self, at: offset)
  }

  /// Moves on if the next byte is this one.
  mutating func skip(_ wanted: UInt8) -> Bool {
    guard offset < bytes.byteCount, bytes.integer(UInt8.self, at: offset) == wanted else {
      return false
    }
    offset += 1
    return true
  }

  /// Reads a package's length (ACPI 6.5, 20.2.4): up to 63 in one byte; else the first byte's upper
  /// two bits count the bytes to come, the lowest four bits are in it, and eight in each of them.
  ///
  /// - Returns: where the package ends: within the bytes.
  mutating func packageEnd() -> Int? {
    let start = offset
    guard let lead = byte() else { return nil }
    var length = Int(lead & 0x3f)
    let more = Int(lead >> 6)
    if more > 0 {
      guard lead & 0x30 == 0 else { return nil }
      for index in 0..<more {
        guard let next = byte() else { return nil }
        length |= Int(next) << (4 + 8 * index)
      }
    }
    // It counts itself.
    let end = start + length
    return end > offset && end <= bytes.byteCount ? end : nil
  }

  /// Reads a constant (ACPI 6.5, 20.2.3) that ends before a package does.
  mutating func number(before end: Int) -> UInt64? {
    let byteCount: Int
    switch byte() {
    case 0x00: return offset <= end ? 0 : nil
    case 0x01: return offset <= end ? 1 : nil
    case 0xff: return offset <= end ? .max : nil
    case 0x0a: byteCount = 1
    case 0x0b: byteCount = 2
    case 0x0c: byteCount = 4
    case 0x0e: byteCount = 8
    default: return nil
    }
    guard offset + byteCount <= end else { return nil }
    var number: UInt64 = 0
    for index in 0..<byteCount {
      number |= UInt64(bytes.integer(UInt8.self, at: offset + index)) << UInt64(8 * index)
    }
    offset += byteCount
    return number
  }
}
