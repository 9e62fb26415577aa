import Addressing
import BootInfo
import Display
import Machine

/// The screen that the boot loader left, of one of two kinds: a VGA in text mode, where a character
/// is two bytes, or a linear framebuffer, where it is a picture of 8 by 16 pixels. It is written to
/// and never read.
struct Screen: Surface {
  private enum Kind {
    case text
    case linear(PixelFormat, normal: Colours, alarm: Colours, cursor: Colours)
  }

  /// Pixels of what is written and of what is behind it.
  private struct Colours {
    let ink, paper: UInt32
  }

  let columns: Int
  let rows: Int
  /// In pixels, or in characters.
  let width: Int
  let height: Int
  private let kind: Kind
  private let start: VirtualAddress
  /// The bytes of a line of pixels, or of characters.
  private let pitch: UInt64
  /// The bytes of a line that show, and the lines that do.
  private let lineByteCount: UInt64
  private let lineCount: UInt64
  private let font: Font

  /// The screen of the boot loader's framebuffer, if it is of a known kind and there.
  ///
  /// - Parameter start: where `framebuffer.byteCount` bytes of it are mapped.
  init?(_ framebuffer: Framebuffer, mappedAt start: VirtualAddress, _ font: Font) {
    let (width, height) = (UInt64(framebuffer.width), UInt64(framebuffer.height))
    let cellByteCount: UInt64
    if framebuffer.format == .egaText {
      guard VGA.isInTextMode else { return nil }
      kind = .text
      cellByteCount = 2
      (columns, rows) = (Int(width), Int(height))
    } else {
      guard let format = PixelFormat(framebuffer) else { return nil }
      func pixel(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt32 {
        format.pixel(Colour(red: red, green: green, blue: blue))
      }
      let normal = Colours(ink: pixel(0xaa, 0xaa, 0xaa), paper: pixel(0, 0, 0))
      kind = .linear(
        format, normal: normal,
        alarm: Colours(ink: pixel(0xff, 0xff, 0xff), paper: pixel(0xaa, 0, 0)),
        cursor: Colours(ink: normal.paper, paper: normal.ink))
      cellByteCount = UInt64(format.byteCount)
      (columns, rows) = (Int(width) / Font.width, Int(height) / Font.height)
    }
    (self.width, self.height) = (Int(width), Int(height))
    pitch = UInt64(framebuffer.pitch)
    lineByteCount = width * cellByteCount
    lineCount = height
    guard columns > 0, rows > 0, columns <= Screen.mostColumns, lineByteCount <= pitch else {
      return nil
    }
    self.start = start
    self.font = font
  }

  /// A VGA's 80 by 25 characters.
  init(textAt start: VirtualAddress, _ font: Font) {
    (columns, rows) = (80, 25)
    (width, height) = (columns, rows)
    (kind, self.start, self.font) = (.text, start, font)
    (pitch, lineByteCount, lineCount) = (160, 160, 25)
  }

  /// Wider ones are none of today's, and a row has to fit into the RAM that is set aside for all.
  private static var mostColumns: Int { 1024 }

  var isText: Bool { format == nil }

  /// How pixels are kept; `nil` for text.
  var format: PixelFormat? {
    if case .linear(let format, _, _, _) = kind { format } else { nil }
  }

  /// Where a pixel is.
  func address(x: Int, y: Int, _ format: PixelFormat) -> VirtualAddress {
    start + UInt64(y) * pitch + UInt64(x * format.byteCount)
  }

  /// Wipes off what the boot loader left.
  func clear() {
    if isText {
      VGA.hideCursor()
      for row in 0..<rows {
        for column in 0..<columns {
          draw(.blank, over: .blank, column: column, row: row)
        }
      }
    } else {
      for line in 0..<lineCount {
        let line = start + line * pitch
        // Black is 0 in every format.
        fill64(line.rawValue, lineByteCount / 8, 0)
        for offset in lineByteCount & ~7..<lineByteCount { store8(line.rawValue + offset, 0) }
      }
    }
  }

  /// - Precondition: the cell is on the screen.
  func draw(_ cell: Cell, over old: Cell, column: Int, row: Int) {
    precondition(column >= 0 && column < columns && row >= 0 && row < rows)
    switch kind {
    case .text:
      let address = start + UInt64(row) * pitch + UInt64(column) * 2
      // Light grey on black, white on red, black on light grey.
      let colours: UInt16 =
        switch cell.style {
        case .normal: 0x0700
        case .alarm: 0x4f00
        case .cursor: 0x7000
        }
      store16(address.rawValue, colours | UInt16(font.vgaCharacter(of: cell.glyph)))
    case .linear(let format, let normal, let alarm, let cursor):
      let colours =
        switch cell.style {
        case .normal: normal
        case .alarm: alarm
        case .cursor: cursor
        }
      draw(
        cell.glyph, at: address(x: column * Font.width, y: row * Font.height, format), format,
        ink: colours.ink, paper: colours.paper, over: cell.style == old.style ? old.glyph : nil)
    }
  }

  /// Draws a character of pixels; only those rows in which it differs from one that is there in the
  /// same colours.
  func draw(
    _ glyph: UInt8, at place: VirtualAddress, _ format: PixelFormat, ink: UInt32, paper: UInt32,
    over old: UInt8? = nil
  ) {
    var line = place
    for half in 0..<2 {
      var rows = font.rows(of: glyph, isLower: half == 1)
      // The rows to draw have a bit set.
      var changed = ~UInt64(0)
      if let old { changed = rows ^ font.rows(of: old, isLower: half == 1) }
      for _ in 0..<8 {
        if changed & 0xff != 0 {
          var address = line.rawValue
          format.forEachWord(of: UInt8(truncatingIfNeeded: rows), ink: ink, paper: paper) { word in
            store64(address, word)
            address += 8
          }
        }
        rows >>= 8
        changed >>= 8
        line = line + pitch
      }
    }
  }
}

/// The registers of a VGA that matter for its text mode.
enum VGA {
  /// Whether text stands at 0xb8000: the miscellaneous graphics register then has 11 in bits 3:2
  /// and the graphics bit clear. Without a VGA it reads as all ones.
  static var isInTextMode: Bool {
    out8(0x3ce, 6)
    return in8(0x3cf) & 0x0d == 0x0c
  }

  /// Cursor start register, bit 5.
  static func hideCursor() {
    out8(0x3d4, 0x0a)
    out8(0x3d5, 0x20)
  }
}
