import Addressing
import Display
import Machine

// Pictures on a linear framebuffer. Like text, they are written and never read.

extension Screen {
  /// Fills a part of the screen with one colour.
  ///
  /// - Precondition: it is on the screen.
  func fill(_ part: Rectangle, _ colour: Colour) {
    guard let format, part.width > 0, part.height > 0 else { return }
    precondition(part.x >= 0 && part.y >= 0 && part.right <= width && part.bottom <= height)
    let pixel = format.pixel(colour)
    for y in part.y..<part.bottom {
      var address = address(x: part.x, y: y, format).rawValue
      if format.byteCount == 4 {
        fill32(address, UInt64(part.width), pixel)
        continue
      }
      for _ in 0..<part.width / 8 {
        format.forEachWord(of: 0xff, ink: pixel, paper: pixel) { word in
          store64(address, word)
          address += 8
        }
      }
      for _ in 0..<part.width % 8 {
        for byte in 0..<UInt32(format.byteCount) {
          store8(address, UInt8(truncatingIfNeeded: pixel >> (8 * byte)))
          address += 1
        }
      }
    }
  }

  /// Draws a character with its upper left pixel at a place.
  ///
  /// - Precondition: it is on the screen.
  func draw(_ glyph: UInt8, x: Int, y: Int, ink: Colour, paper: Colour) {
    guard let format else { return }
    precondition(x >= 0 && y >= 0 && x + Font.width <= width && y + Font.height <= height)
    draw(
      glyph, at: address(x: x, y: y, format), format, ink: format.pixel(ink),
      paper: format.pixel(paper))
  }
}

/// A place on the screen where text goes on, up to where there is no more room.
struct Pen {
  let screen: Screen
  let font: Font
  var x: Int
  let y: Int
  let end: Int
  let ink: Colour
  let paper: Colour

  /// - Parameter byte: ASCII.
  mutating func put(_ byte: UInt8) {
    guard x + Font.width <= end else { return }
    screen.draw(font.glyph(for: Unicode.Scalar(byte)), x: x, y: y, ink: ink, paper: paper)
    x += Font.width
  }
}
