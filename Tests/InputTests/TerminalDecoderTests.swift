import Input
import TestSupport
import Testing

@Suite struct TerminalDecoderTests {
  private func keys(_ text: String) -> [Key] { keys(Array(text.utf8)) }

  private func keys(_ bytes: [UInt8]) -> [Key] {
    var decoder = TerminalDecoder()
    return bytes.compactMap { decoder.decode($0) }
  }

  private func typed(_ text: String) -> [Key] { text.utf8.map { .character($0) } }

  @Test func characters() {
    let ascii = String(decoding: 0x20...0x7e, as: UTF8.self)
    #expect(keys(ascii) == typed(ascii))
  }

  /// Each in all the ways that terminals have for it.
  @Test(arguments: [
    (Key.up, ["\u{1b}[A", "\u{1b}OA", "\u{10}", "\u{1b}[1;5A"]),
    (.down, ["\u{1b}[B", "\u{1b}OB", "\u{0e}", "\u{1b}[1;2B"]),
    (.right, ["\u{1b}[C", "\u{1b}OC", "\u{06}", "\u{1b}[1;5C"]),
    (.left, ["\u{1b}[D", "\u{1b}OD", "\u{02}", "\u{1b}[1;3D"]),
    (.home, ["\u{1b}[H", "\u{1b}OH", "\u{1b}[1~", "\u{1b}[7~", "\u{01}"]),
    (.end, ["\u{1b}[F", "\u{1b}OF", "\u{1b}[4~", "\u{1b}[8~", "\u{05}"]),
    (.delete, ["\u{1b}[3~", "\u{1b}[3;5~", "\u{04}"]),
    (.backspace, ["\u{08}", "\u{7f}"]),
    (.enter, ["\r", "\n", "\r\n", "\u{1b}OM"]),
    (.tab, ["\t"]),
    (.cancel, ["\u{03}"]),
    (.eraseToStart, ["\u{15}"]), (.eraseToEnd, ["\u{0b}"]), (.eraseWord, ["\u{17}"]),
  ])
  func specialKeys(_ key: Key, _ sequences: [String]) {
    for sequence in sequences {
      #expect(keys(sequence) == [key])
      #expect(keys("a" + sequence + "b") == typed("a") + [key] + typed("b"))
    }
  }

  /// Keys that mean nothing here take nothing with them: insert, page up, F1, F5, F1 of a Linux
  /// console, paste brackets, a report of the cursor's place, the window's focus.
  @Test(arguments: [
    "\u{1b}[2~", "\u{1b}[5~", "\u{1b}OP", "\u{1b}[15~", "\u{1b}[[A", "\u{1b}[200~", "\u{1b}[201~",
    "\u{1b}[24;80R", "\u{1b}[I", "\u{1b}[?1;2c", "\u{1b}[99999999999999999999~", "\u{1b}[ q",
    "\0", "\u{07}", "\u{1c}", "\u{1f}",
  ])
  func unknownKeys(_ sequence: String) { #expect(keys("a" + sequence + "b") == typed("ab")) }

  /// A sequence that breaks off swallows no control character, and not the sequence behind it.
  @Test(arguments: ["\u{1b}", "\u{1b}[", "\u{1b}O", "\u{1b}[1", "\u{1b}[1;", "\u{1b}[["])
  func brokenSequences(_ start: String) {
    #expect(keys(start + "\rhelp") == [.enter] + typed("help"))
    #expect(keys(start + "\u{7f}x") == [.backspace] + typed("x"))
    #expect(keys(start + "\u{1b}[A") == [.up])
    #expect(keys(start + "é\r") == typed("?") + [.enter])
  }

  /// Escape is no key, and takes nothing with it.
  @Test func escapeAlone() { #expect(keys("\u{1b}layout") == typed("layout")) }

  @Test func notASCII() {
    #expect(keys("é€😀") == typed("???"))
    #expect(keys([0x80, 0xbf, 0xff, 0xc3]) == typed("??"))
  }

  @Test func lineEnds() {
    #expect(keys("\r\n\r\n") == [.enter, .enter])
    #expect(keys("\n\n\r\r") == [.enter, .enter, .enter, .enter])
    #expect(keys("\ra\n") == [.enter, .character(0x61), .enter])
  }

  /// Whatever comes first: after Enter the decoder is as new, but for a line feed.
  @Test func anything() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<2_000 {
      var decoder = TerminalDecoder()
      for _ in 0..<Int.random(in: 0...20, using: &generator) {
        if case .character(let character)? = decoder.decode(.frequent(using: &generator)) {
          #expect((0x20...0x7e).contains(character))
        }
      }
      #expect(decoder.decode(0x0d) == .enter)
      #expect("ab\u{1b}[A".utf8.compactMap { decoder.decode($0) } == typed("ab") + [.up])
    }
  }
}

extension UInt8 {
  /// Any byte, those that steer a terminal more often than others.
  fileprivate static func frequent(using generator: inout SeededGenerator) -> UInt8 {
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: 0x1b
    case 1: Array("[O;~".utf8).randomElement(using: &generator)!
    case 2: .random(in: 0x30...0x39, using: &generator)
    default: .random(in: 0...255, using: &generator)
    }
  }
}
