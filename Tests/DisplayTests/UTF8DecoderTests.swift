import Display
import TestSupport
import Testing

private func decode(_ bytes: [UInt8]) -> [Unicode.Scalar] {
  var decoder = UTF8Decoder()
  return bytes.flatMap { byte -> [Unicode.Scalar] in
    let decoded = decoder.decode(byte)
    return (decoded.isBroken ? ["\u{fffd}"] : []) + (decoded.scalar.map { [$0] } ?? [])
  }
}

@Suite struct UTF8DecoderTests {
  /// Every code point of up to three bytes, and every 64th of the others with its neighbours.
  @Test func wellFormed() {
    for value in UInt32(0)...0x10_ffff where value < 0x3000 || (value + 1) % 64 < 3 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let bytes = Array(Character(scalar).utf8)
      if decode(bytes) != [scalar] { Issue.record("U+\(String(value, radix: 16))") }
    }
  }

  @Test(
    arguments: [
      ([0x80], "\u{fffd}"), ([0xff, 0x41], "\u{fffd}A"),
      // Cut short, by a character and by another beginning.
      ([0xe2, 0x94, 0x41], "\u{fffd}A"), ([0xe2, 0xc3, 0xa9], "\u{fffd}é"),
      ([0xc3, 0xff], "\u{fffd}\u{fffd}"),
      // Longer than it takes; a surrogate; past the last code point.
      ([0xc1, 0x81, 0x42], "\u{fffd}B"), ([0xe0, 0x82, 0x80], "\u{fffd}"),
      ([0xf0, 0x80, 0x80, 0x80], "\u{fffd}"), ([0xed, 0xa0, 0x80, 0x43], "\u{fffd}C"),
      ([0xf4, 0x90, 0x80, 0x80, 0x44], "\u{fffd}D"), ([0xf7, 0xbf, 0xbf, 0xbf], "\u{fffd}"),
    ] as [([UInt8], String)])
  func malformed(_ bytes: [UInt8], _ text: String) {
    #expect(decode(bytes) == Array(text.unicodeScalars))
  }

  /// Whatever came before, what is well-formed comes through.
  @Test func findsItsWayBack() {
    var generator = SeededGenerator(seed: 8)
    for _ in 0..<2000 {
      let garbage = (0..<5).map { _ in UInt8.random(in: 0...255, using: &generator) }
      #expect(decode(garbage + Array("│ok…".utf8)).suffix(4) == ["│", "o", "k", "…"])
    }
  }
}
