public import Addressing

/// The screen the boot loader left (multiboot2, "Framebuffer info").
///
///       8         16      20      24       28    29     30         32
///      +---------+-------+-------+--------+-----+------+----------+---------------------------+
///      | address | pitch | width | height | bpp | type | reserved | colour information        |
///      +---------+-------+-------+--------+-----+------+----------+---------------------------+
///                                                                 type 1: position and size, a
///                                                                 byte each, of red, green, blue
public struct Framebuffer: Equatable, Sendable {
  /// The bits of a pixel that hold one colour.
  public struct ColourField: Equatable, Sendable, BitwiseCopyable {
    public let position: UInt8
    public let bitCount: UInt8

    public init(position: UInt8, bitCount: UInt8) {
      self.position = position
      self.bitCount = bitCount
    }
  }

  public enum Format: Equatable, Sendable {
    case indexed
    case rgb(red: ColourField, green: ColourField, blue: ColourField)
    /// Characters with attributes: `width` and `height` count these.
    case egaText
    case unknown(UInt8)
  }

  static var rgbType: UInt8 { 1 }

  public let address: PhysicalAddress
  /// The bytes from one line to the next.
  public let pitch: UInt32
  public let width: UInt32
  public let height: UInt32
  public let bitsPerPixel: UInt8
  public let format: Format

  public init(
    address: PhysicalAddress, pitch: UInt32, width: UInt32, height: UInt32, bitsPerPixel: UInt8,
    format: Format
  ) {
    self.address = address
    self.pitch = pitch
    self.width = width
    self.height = height
    self.bitsPerPixel = bitsPerPixel
    self.format = format
  }

  /// Reads a checked tag.
  init(_ tag: RawSpan) {
    address = tag.address(at: 8)
    pitch = tag.integer(UInt32.self, at: 16)
    width = tag.integer(UInt32.self, at: 20)
    height = tag.integer(UInt32.self, at: 24)
    bitsPerPixel = tag.integer(UInt8.self, at: 28)
    let type = tag.integer(UInt8.self, at: 29)
    switch type {
    case 0: format = .indexed
    case Self.rgbType:
      format = .rgb(
        red: ColourField(tag, at: 32), green: ColourField(tag, at: 34),
        blue: ColourField(tag, at: 36))
    case 2: format = .egaText
    default: format = .unknown(type)
    }
  }

  /// Two 32-bit factors: the product fits.
  public var byteCount: UInt64 { UInt64(pitch) * UInt64(height) }
}

extension Framebuffer.ColourField {
  fileprivate init(_ tag: RawSpan, at offset: Int) {
    position = tag.integer(UInt8.self, at: offset)
    bitCount = tag.integer(UInt8.self, at: offset + 1)
  }
}
