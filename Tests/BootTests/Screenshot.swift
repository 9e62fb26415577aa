// A picture of the guest's screen, and the text in it as the font's pictures tell.

import Foundation

struct Screenshot {
  struct Colour: Hashable {
    let red, green, blue: UInt8

    var brightness: Int { Int(red) + Int(green) + Int(blue) }
    var isRed: Bool { red > 128 && green < 32 && blue < 32 }
  }

  let width, height: Int
  private let pixels: [Colour]

  /// Reads `P6 640 480 255`, white space, and three bytes a pixel.
  init(portablePixmap file: [UInt8]) throws {
    var words: [String] = []
    var position = 0
    while words.count < 4, position < file.count {
      let word = file[position...].prefix { $0 > 0x20 }
      words.append(String(decoding: word, as: UTF8.self))
      position += word.count + 1
    }
    guard words.count == 4, words[0] == "P6", words[3] == "255", let width = Int(words[1]),
      let height = Int(words[2]), file.count == position + 3 * width * height
    else { throw GuestError("not a picture as QEMU makes them") }
    (self.width, self.height) = (width, height)
    pixels = stride(from: position, to: file.count, by: 3).map {
      Colour(red: file[$0], green: file[$0 + 1], blue: file[$0 + 2])
    }
  }

  func pixel(x: Int, y: Int) -> Colour { pixels[y * width + x] }

  /// The text below the picture of the address space: a third of the rows, at least 8, and at most as
  /// many as leave 22 to the picture.
  func textBelowPicture() throws -> [String] { try text(rows: rowsBelowPicture) }

  var rowsBelowPicture: Range<Int> {
    let count = height / 16
    return count - min(max(count / 3, 8), count - 22)..<count
  }

  /// The lines of text in cells of 8 by 16 pixels, without the blanks at their ends. What the cursor
  /// stands on is dark on bright.
  func text(rows: Range<Int>? = nil) throws -> [String] {
    let glyphs = Dictionary(
      uniqueKeysWithValues: try FontFile.current.get().glyphs.map { ($0.rows, $0.scalar) })
    return try (rows ?? 0..<height / 16).map { row in
      var line = String.UnicodeScalarView()
      for column in 0..<width / 8 {
        let rows = try cell(column, row)
        guard let scalar = glyphs[rows] ?? glyphs[rows.map { ~$0 }] else {
          throw GuestError("no glyph is in column \(column) of row \(row): \(rows)")
        }
        line.append(scalar)
      }
      return withoutBlanksAtEnd(String(line))
    }
  }

  /// The rows of a cell: bits are set where it is brighter. A cell of one colour counts as blank.
  private func cell(_ column: Int, _ row: Int) throws -> [UInt8] {
    let first = pixel(x: 8 * column, y: 16 * row)
    var other: Colour?
    var rows: [UInt8] = []
    for y in 16 * row..<16 * row + 16 {
      var bits: UInt8 = 0
      for colour in pixels[y * width + 8 * column..<y * width + 8 * column + 8] {
        bits <<= 1
        if colour == first { continue }
        guard colour == other ?? colour else {
          throw GuestError("column \(column) of row \(row) has more than two colours")
        }
        other = colour
        bits |= 1
      }
      rows.append(bits)
    }
    guard let other, other.brightness < first.brightness else { return rows }
    return rows.map { ~$0 }
  }
}

func withoutBlanksAtEnd(_ line: String) -> String {
  String(line.reversed().drop { $0 == " " }.reversed())
}

/// What a screen shows of `lines` that were printed: the last of them, those that are too long going
/// on in the next row, and the row that the next line would go to.
func screen(of lines: [String], columns: Int, rows: Int) throws -> [String] {
  let font = try FontFile.current.get()
  var shown: [String] = []
  for line in lines {
    let characters = Array(font.shown(line).unicodeScalars)
    for start in stride(from: 0, to: max(characters.count, 1), by: columns) {
      var row = String.UnicodeScalarView()
      row.append(contentsOf: characters[start..<min(start + columns, characters.count)])
      shown.append(withoutBlanksAtEnd(String(row)))
    }
  }
  shown = (shown + [""]).suffix(rows)
  return shown + Array(repeating: "", count: rows - shown.count)
}
