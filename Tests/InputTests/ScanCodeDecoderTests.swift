import Input
import TestSupport
import Testing

@Suite struct ScanCodeDecoderTests {
  private func keys(_ codes: [UInt8]) -> [Key] {
    var decoder = ScanCodeDecoder()
    return codes.compactMap { decoder.decode($0) }
  }

  private func typed(_ text: String) -> [Key] { text.utf8.map { .character($0) } }

  /// Down and up again.
  private func struck(_ codes: ClosedRange<UInt8>) -> [UInt8] { codes.flatMap { [$0, $0 | 0x80] } }

  /// The rows of a US keyboard, as they are, shifted, in capitals, and both.
  @Test(arguments: [
    (UInt8(0x02)...UInt8(0x0d), "1234567890-=", "!@#$%^&*()_+"),
    (0x10...0x1b, "qwertyuiop[]", "QWERTYUIOP{}"),
    (0x1e...0x29, "asdfghjkl;'`", "ASDFGHJKL:\"~"),
    (0x2b...0x35, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (0x39...0x39, " ", " "),
    (0x56...0x56, "\\", "|"),
    (0x37...0x37, "*", "*"),
    (0x47...0x53, "789-456+1230.", "789-456+1230."),
  ])
  func rows(_ codes: ClosedRange<UInt8>, _ plain: String, _ shifted: String) {
    let codes = struck(codes)
    #expect(keys(codes) == typed(plain))
    for shift: UInt8 in [0x2a, 0x36] {
      #expect(keys([shift] + codes + [shift | 0x80] + codes) == typed(shifted + plain))
    }
    let capsLock: [UInt8] = [0x3a, 0xba]
    func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
    let capitals = zip(plain.utf8, shifted.utf8).map { isLetter($0) ? $1 : $0 }
    let both = zip(plain.utf8, shifted.utf8).map { isLetter($0) ? $0 : $1 }
    #expect(keys(capsLock + codes) == capitals.map { .character($0) })
    #expect(keys(capsLock + [0x2a] + codes) == both.map { .character($0) })
    #expect(keys(capsLock + capsLock + codes) == typed(plain))
  }

  @Test(arguments: [
    (Key.backspace, [UInt8(0x0e)]), (.tab, [0x0f]), (.enter, [0x1c]),
    (.enter, [0xe0, 0x1c]), (.character(0x2f), [0xe0, 0x35]),
    (.home, [0xe0, 0x47]), (.up, [0xe0, 0x48]), (.left, [0xe0, 0x4b]), (.right, [0xe0, 0x4d]),
    (.end, [0xe0, 0x4f]), (.down, [0xe0, 0x50]), (.delete, [0xe0, 0x53]),
  ])
  func specialKeys(_ key: Key, _ codes: [UInt8]) {
    let up = codes.dropLast() + [codes.last! | 0x80]
    #expect(keys(codes + up) == [key])
    // Held, it repeats. With a shift key it is the same.
    #expect(keys([0x2a] + codes + codes + up + [0xaa]) == [key, key])
  }

  /// Every letter, with the left control key and with the right one: what a terminal makes of it.
  @Test func control() {
    let letters: [(UInt8, String)] = [
      (0x10, "qwertyuiop"), (0x1e, "asdfghjkl"), (0x2c, "zxcvbnm"),
    ]
    for (first, row) in letters {
      for (code, letter) in zip(first..., row.utf8) {
        var terminal = TerminalDecoder()
        let expected = [terminal.decode(letter & 0x1f)].compactMap { $0 }
        #expect(keys([0x1d, code]) == expected)
        #expect(keys([0xe0, 0x1d, code]) == expected)
        #expect(keys([0x1d, 0x9d, code]) == [.character(letter)])
        #expect(keys([0xe0, 0x1d, 0xe0, 0x9d, code]) == [.character(letter)])
      }
    }
    #expect(keys([0x1d, 0x02]) == [])
  }

  /// Both shift keys held, one released.
  @Test func twoShifts() { #expect(keys([0x2a, 0x36, 0xaa, 0x1e, 0xb6, 0x1e]) == typed("Aa")) }

  /// What a keyboard with Num Lock on sends around an arrow is no shift key.
  @Test func shiftsAroundArrows() {
    #expect(keys([0xe0, 0x2a, 0xe0, 0x4b, 0xe0, 0xcb, 0xe0, 0xaa, 0x1e]) == [.left] + typed("a"))
    #expect(keys([0x2a, 0xe0, 0xaa, 0xe0, 0x4b, 0xe0, 0x2a, 0x1e]) == [.left] + typed("A"))
  }

  /// Pause, Print Screen, F1, Escape, the Windows key, Insert, Alt; answers of the keyboard.
  @Test(arguments: [
    [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5], [0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa],
    [0x3b, 0xbb], [0x01, 0x81], [0xe0, 0x5b, 0xe0, 0xdb], [0xe0, 0x52, 0xe0, 0xd2], [0x38, 0xb8],
    [0xfa], [0xfe], [0x00], [0xff], [0x45, 0xc5], [0xe0, 0xe0, 0x5b],
  ])
  func unknownKeys(_ codes: [UInt8]) {
    #expect(keys([0x1e] + codes + [0x30]) == typed("ab"))
  }

  /// Whatever comes first: once all keys are up, and caps lock is off, the decoder is as new.
  @Test func anything() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<2_000 {
      var decoder = ScanCodeDecoder()
      for _ in 0..<Int.random(in: 0...20, using: &generator) {
        let code: UInt8 =
          Int.random(in: 0..<4, using: &generator) == 0
          ? 0xe0 : .random(in: 0...255, using: &generator)
        if case .character(let character)? = decoder.decode(code) {
          #expect((0x20...0x7e).contains(character))
        }
      }
      // A pause key that broke off swallows two codes.
      let up: [UInt8] = [0x80, 0x80, 0x80, 0xaa, 0xb6, 0x9d, 0xe0, 0x9d]
      #expect(up.compactMap { decoder.decode($0) } == [])
      if decoder.decode(0x1e) == .character(0x41) { _ = decoder.decode(0x3a) }
      #expect([0x30, 0x03, 0xe0, 0x48].compactMap { decoder.decode($0) } == typed("b2") + [.up])
    }
  }
}
