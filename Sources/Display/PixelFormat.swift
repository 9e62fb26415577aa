public import BootInfo

/// A colour, its parts from 0 to 255.
public struct Colour: Equatable, Sendable {
  public let red, green, blue: UInt8

  public init(red: UInt8, green: UInt8, blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }
}

/// How a linear framebuffer keeps a pixel: in 2, 3 or 4 bytes, lowest first, with a field of bits
/// for each colour, in any order and of any size.
///
///      bit 15       10         4         0
///         +----------+---------+---------+
///         | red 5    | green 6 | blue 5  |   16 bits per pixel, for example
///         +----------+---------+---------+
public struct PixelFormat: Equatable, Sendable {
  public let byteCount: Int
  private let red, green, blue: Framebuffer.ColourField

  /// The framebuffer's format; `nil` if it is not of this kind, or if a field lies outside the pixel.
  public init?(_ framebuffer: Framebuffer) {
    guard case .rgb(let red, let green, let blue) = framebuffer.format else { return nil }
    switch framebuffer.bitsPerPixel {
    case 15, 16: byteCount = 2
    case 24: byteCount = 3
    case 32: byteCount = 4
    default: return nil
    }
    let bitCount = 8 * byteCount
    func fits(_ field: Framebuffer.ColourField) -> Bool {
      Int(field.position) + Int(field.bitCount) <= bitCount
    }
    guard fits(red), fits(green), fits(blue) else { return nil }
    (self.red, self.green, self.blue) = (red, green, blue)
  }

  /// The pixel of a colour, each part rounded to what its field can tell.
  public func pixel(_ colour: Colour) -> UInt32 {
    func bits(_ part: UInt8, _ field: Framebuffer.ColourField) -> UInt32 {
      let largest = (UInt64(1) << UInt64(field.bitCount)) - 1
      return UInt32(((UInt64(part) * largest + 127) / 255) << UInt64(field.position))
    }
    return bits(colour.red, red) | bits(colour.green, green) | bits(colour.blue, blue)
  }

  /// Calls `body` with eight pixels in a row, 8 bytes at a time from the left: as many times as a
  /// pixel has bytes.
  ///
  /// - Parameter row: a bit a pixel, the highest first: `ink` where it is set, else `paper`.
  public func forEachWord(
    of row: UInt8, ink: UInt32, paper: UInt32, _ body: (UInt64) -> Void
  ) {
    // What most screens have: two pixels a word, and no need to count bits.
    if byteCount == 4 {
      func word(_ left: UInt8) -> UInt64 {
        let pixel = UInt64(row & left != 0 ? ink : paper)
        return pixel | UInt64(row & left >> 1 != 0 ? ink : paper) << 32
      }
      body(word(0x80))
      body(word(0x20))
      body(word(0x08))
      return body(word(0x02))
    }
    let width = UInt64(8 * byteCount)
    var word: UInt64 = 0
    var filled: UInt64 = 0
    var row = row
    for _ in 0..<8 {
      let pixel = UInt64(row & 0x80 != 0 ? ink : paper)
      row <<= 1
      word |= pixel << filled
      filled += width
      guard filled >= 64 else { continue }
      body(word)
      // Three bytes do not divide eight: the rest of the pixel begins the next word.
      filled -= 64
      word = pixel >> (width - filled)
    }
  }
}
