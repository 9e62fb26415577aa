/// Turns UTF-8, byte by byte, into code points. What is malformed becomes U+FFFD.
public struct UTF8Decoder: Sendable {
  /// What a byte has brought to light.
  public struct Decoded: Equatable, Sendable {
    /// The sequence before this byte was cut short: it stands for a U+FFFD of its own.
    public let isBroken: Bool
    /// What ends with this byte, if anything does.
    public let scalar: Unicode.Scalar?
  }

  private static var replacement: Unicode.Scalar { "\u{fffd}" }

  private var value: UInt32 = 0
  /// The smallest value that takes as many bytes: a smaller one is malformed.
  private var least: UInt32 = 0
  private var missing = 0

  public init() {}

  public mutating func decode(_ byte: UInt8) -> Decoded {
    guard missing > 0 else { return Decoded(isBroken: false, scalar: begin(byte)) }
    guard byte & 0xc0 == 0x80 else {
      missing = 0
      return Decoded(isBroken: true, scalar: begin(byte))
    }
    value = value << 6 | UInt32(byte & 0x3f)
    missing -= 1
    guard missing == 0 else { return Decoded(isBroken: false, scalar: nil) }
    let scalar = value < least ? nil : Unicode.Scalar(value)
    return Decoded(isBroken: false, scalar: scalar ?? Self.replacement)
  }

  /// The first byte of a sequence tells its length (Unicode, table 3-6).
  private mutating func begin(_ byte: UInt8) -> Unicode.Scalar? {
    switch byte {
    case 0..<0x80: return Unicode.Scalar(byte)
    case 0xc0..<0xe0: (value, least, missing) = (UInt32(byte & 0x1f), 0x80, 1)
    case 0xe0..<0xf0: (value, least, missing) = (UInt32(byte & 0x0f), 0x800, 2)
    case 0xf0..<0xf8: (value, least, missing) = (UInt32(byte & 0x07), 0x1_0000, 3)
    default: return Self.replacement
    }
    return nil
  }
}
