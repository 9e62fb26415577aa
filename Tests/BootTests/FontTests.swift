// The font of the screens: that all of it is there, and that it can be told apart.

import Testing

@Suite struct FontTests {
  @Test func complete() throws {
    let scalars = try FontFile.current.get().glyphs.map(\.scalar)
    let ascii = (UInt8(0x20)...0x7e).map { Unicode.Scalar($0) }
    #expect(scalars.prefix(ascii.count) == ascii[...])
    #expect(Set(scalars).isSuperset(of: "─│┌┐└┘├┤┬┴┼█…".unicodeScalars))
    #expect(scalars.last == "\u{fffd}")
    #expect(Set(scalars).count == scalars.count)
  }

  @Test func legible() throws {
    let glyphs = try FontFile.current.get().glyphs
    for glyph in glyphs {
      #expect(glyph.rows.count == 16)
      #expect((glyph.rows.allSatisfy { $0 == 0 }) == (glyph.scalar == " "), "\(glyph.scalar)")
    }
    #expect(Set(glyphs.map(\.rows)).count == glyphs.count)
    // Next to each other letters do not touch.
    for glyph in glyphs where glyph.scalar.properties.isAlphabetic {
      #expect(glyph.rows.allSatisfy { $0 & 1 == 0 }, "\(glyph.scalar)")
    }
  }
}
