// The font's pictures, read by the tests themselves.

import Foundation

struct FontFile {
  struct Glyph {
    let scalar: Unicode.Scalar
    /// What stands in for it on a VGA in text mode.
    let vgaCharacter: UInt8
    /// From the top, the leftmost pixel in the highest bit.
    let rows: [UInt8]
  }

  static let current = Result {
    try FontFile(BootImage.repository.appending(path: "boot/font.txt"))
  }

  /// In the order of the file.
  private(set) var glyphs: [Glyph] = []

  /// Reads lines of code points, `U+2500=c4`, with sixteen lines of pictures below each.
  init(_ url: URL) throws {
    let lines = try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n")
    for (number, line) in lines.enumerated() where line.hasPrefix("U+") {
      let pictures = lines[(number + 1)...].prefix(16).map { $0.split(separator: " ") }
      for (column, header) in line.split(separator: " ").enumerated() {
        let parts = header.dropFirst(2).split(separator: "=").map { UInt32($0, radix: 16) }
        guard let scalar = parts[0].flatMap(Unicode.Scalar.init), let vga = parts.last ?? nil else {
          throw GuestError("not a code point: \(header)")
        }
        let rows = try pictures.map { pictures in
          let bits = String(pictures[column].map { $0 == "#" ? "1" : "0" })
          guard bits.count == 8, let row = UInt8(bits, radix: 2) else {
            throw GuestError("not a row of \(header): \(pictures[column])")
          }
          return row
        }
        glyphs.append(Glyph(scalar: scalar, vgaCharacter: UInt8(vga), rows: rows))
      }
    }
  }

  /// The pictures of a text's characters, those the font has.
  func rows(of text: String) -> [[UInt8]] {
    text.unicodeScalars.compactMap { scalar in glyphs.first { $0.scalar == scalar }?.rows }
  }

  /// The text as the font can show it: what it has no picture for becomes U+FFFD.
  func shown(_ text: String) -> String {
    let known = Set(glyphs.map(\.scalar))
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { shown.append(known.contains(scalar) ? scalar : "\u{fffd}") }
    return String(shown)
  }
}
