// Several commands on a line, and the numbers and ranges that their arguments are.

import BootInfo
import TestSupport
import Testing

private func text(_ bytes: RawSpan) -> String {
  var text: [UInt8] = []
  for index in 0..<bytes.byteCount {
    unsafe text.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
  }
  return String(decoding: text, as: UTF8.self)
}

private func commands(_ line: String) -> [String] {
  let bytes = Array(line.utf8)
  var commands = CommandLine(bytes.span.bytes).commands
  var result: [String] = []
  while let command = commands.next() { result.append(text(command.bytes)) }
  return result
}

/// What `body` makes of the only word of a line.
private func read<Value>(
  _ line: String, _ body: (borrowing Word) throws(NumberError) -> Value
) -> Result<Value, NumberError> {
  let bytes = Array(line.utf8)
  var words = CommandLine(bytes.span.bytes).words
  guard let word = words.next() else { return .failure(.notANumber) }
  do throws(NumberError) { return .success(try body(word)) } catch { return .failure(error) }
}

private func number(_ line: String) -> Result<UInt64, NumberError> {
  read(line) { word throws(NumberError) in try word.number() }
}

private func range(_ line: String) -> Result<Range<UInt64>, NumberError> {
  read(line) { word throws(NumberError) in try word.range() }
}

@Suite struct CommandsTests {
  @Test(arguments: [
    ("", [""]), ("layout", ["layout"]), ("a; b", ["a", "b"]), (";", ["", ""]),
    (" a b ;\t; c", ["a b ", "", "c"]), ("a ';' b; c", ["a ';' b", "c"]),
    (#"a ";;"; b"#, [#"a ";;""#, "b"]), (#"a \; b; c"#, [#"a \; b"#, "c"]),
    (#"a \\; b"#, [#"a \\"#, "b"]), (#"a "";b"#, [#"a """#, "b"]), ("a 'b; c", ["a 'b; c"]),
    (#"a \"#, [#"a \"#]), (#"a '\';' ; b"#, [#"a '\';' "#, "b"]),
  ])
  func semicolons(_ line: String, _ expected: [String]) {
    #expect(commands(line) == expected)
  }

  /// Where a command begins, and so where its name is completed; behind it come arguments.
  @Test(arguments: [
    ("", "", true), ("la", "la", true), ("  la", "la", true), ("la ", "la ", false),
    ("walk 0", "walk 0", false), ("walk 0;", "", true), ("walk 0; tr", "tr", true),
    ("walk 0; help w", "help w", false), (#"a";"b"#, #"a";"b"#, true), ("'a b", "'a b", true),
  ])
  func endOfLine(_ line: String, _ last: String, _ endsInName: Bool) {
    let bytes = Array(line.utf8)
    let command = CommandLine(bytes.span.bytes).lastCommand
    #expect(text(command.bytes) == last)
    #expect(command.endsInFirstWord == endsInName)
  }
}

@Suite struct NumberTests {
  @Test(
    arguments: [
      ("0", 0), ("7", 7), ("010", 10), ("09", 9), ("1_000", 1000), ("0x1f", 0x1f),
      ("0XaBcDeF", 0xabcdef), ("0xffff_8000_0000_0000", 0xffff_8000_0000_0000),
      ("4K", 4096), ("4k", 4096), ("2m", 2 << 20), ("0x10M", 16 << 20),
      ("3G", 3 << 30), ("5t", 5 << 40), ("15E", 15 << 60), ("0x1E", 0x1e), ("0x1_EK", 0x1e << 10),
      ("'12'K", 12 << 10), ("18446744073709551615", .max), ("0xffffffffffffffff", .max),
      ("18_014_398_509_481_983K", 0xffff_ffff_ffff_fc00),
    ] as [(String, UInt64)])
  func good(_ word: String, _ value: UInt64) {
    #expect(number(word) == .success(value))
  }

  @Test(arguments: [
    "''", "x", "0x", "0x_10", "0xg", "0x_", "_1", "1_", "1__0", "0x1_K", "-1", "+1", "1.5G", "4KB",
    "4Q",
    "K",
    "08x", "ffff", "\u{e9}",
  ])
  func noNumber(_ word: String) {
    #expect(number(word) == .failure(.notANumber))
  }

  @Test(arguments: [
    "18446744073709551616", "0x10000000000000000", "0x1_0000_0000_0000_0000", "16E",
    "18014398509481984K", "99999999999999999999999999999999999999",
  ])
  func tooLarge(_ word: String) {
    #expect(number(word) == .failure(.tooLarge))
  }

  @Test func ranges() {
    #expect(range("1-2") == .success(1..<2))
    #expect(range("4K-8K") == .success(4096..<8192))
    #expect(range("0x1000+4K") == .success(4096..<8192))
    #expect(range("5-5") == .success(5..<5))
    #expect(range("0+0xffff_ffff_ffff_ffff") == .success(0..<UInt64.max))
    for word in ["", "1", "1-", "-1", "2-1", "1--2", "1+", "1:2", "1-2-3", "1 -2", "x-2", "1-x"] {
      #expect(range("'\(word)'") == .failure(.notANumber), "\(word)")
    }
    #expect(range("0xffff_ffff_ffff_ffff+1") == .failure(.tooLarge))
    #expect(range("16E-1") == .failure(.tooLarge))
    #expect(range("1-16E") == .failure(.tooLarge))
  }
}
