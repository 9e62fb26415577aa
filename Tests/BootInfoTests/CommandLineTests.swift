// Words, quotes and escapes of the command line, against examples and a second decoder.

import BootInfo
import TestSupport
import Testing

private func words(_ line: String) -> [String] {
  decodedWords(Array(line.utf8)).map { String(decoding: $0, as: UTF8.self) }
}

/// The value of `key` in a line.
private func value(ofKey key: StaticString, _ line: String) -> String? {
  let bytes = Array(line.utf8)
  guard let value = CommandLine(bytes.span.bytes).value(ofKey: key) else { return nil }
  var decoded: [UInt8] = []
  value.forEachByte { decoded.append($0) }
  return String(decoding: decoded, as: UTF8.self)
}

private func contains(_ word: StaticString, _ line: String) -> Bool {
  let bytes = Array(line.utf8)
  return CommandLine(bytes.span.bytes).contains(word)
}

@Suite struct CommandLineTests {
  @Test func wordsBetweenBlanks() {
    #expect(words("") == [])
    #expect(words(" \t ") == [])
    #expect(words("exit") == ["exit"])
    #expect(words("  exit\t\tno5lvl  fault=null ") == ["exit", "no5lvl", "fault=null"])
  }

  @Test func quotes() {
    #expect(words(#"run="a; b" exit"#) == ["run=a; b", "exit"])
    #expect(words(#""run=a; b" exit"#) == ["run=a; b", "exit"])
    #expect(words("run='a \"b\" c'") == ["run=a \"b\" c"])
    #expect(words(#"a"b c"d'e f'g"#) == ["ab cde fg"])
    #expect(words(#""" x '' "#) == ["", "x", ""])
    #expect(words(#"open "to the end "#) == ["open", "to the end "])
  }

  @Test func escapes() {
    #expect(words(#"a\ b c\\d \"e \'f"#) == ["a b", #"c\d"#, "\"e", "'f"])
    #expect(words(#""a\"b" 'c\'d' "e\\""#) == ["a\"b", "c'd", #"e\"#])
    #expect(words(#"plain\x"#) == ["plainx"])
    #expect(words(#"last\"#) == ["last"])
    #expect(words(#"\"#) == [""])
    #expect(words(#""open\"#) == ["open"])
    #expect(words(##"$ # ; \" \'"##) == ["$", "#", ";", "\"", "'"])
  }

  @Test func values() {
    #expect(value(ofKey: "run", #"run="a; b""#) == "a; b")
    #expect(value(ofKey: "run", #""run=a; b""#) == "a; b")
    #expect(value(ofKey: "run", #"exit "run=a \"b\"" x"#) == "a \"b\"")
    #expect(value(ofKey: "run", "run=") == "")
    #expect(value(ofKey: "run", "run=a=b") == "a=b")
    #expect(value(ofKey: "run", "run") == nil)
    #expect(value(ofKey: "run", "runs=1 ru=2 xrun=3") == nil)
    #expect(value(ofKey: "run", "runs=1 run=2 run=3") == "2")
    #expect(value(ofKey: "a", "b=1 a=2") == "2")
    #expect(value(ofKey: "", "=x") == "x")
  }

  @Test func parts() {
    #expect(parts("a") == ["a"])
    #expect(parts("a,bc,d") == ["a", "bc", "d"])
    #expect(parts(",a,,b,") == ["", "a", "", "b", ""])
    #expect(parts(#""a b",c"#) == ["a b", "c"])
    #expect(parts(#""a b,c d",'e"f'"#) == ["a b", "c d", "e\"f"])
    #expect(parts(#"a\\,b\,c"#) == [#"a\"#, "b", "c"])
    #expect(parts(#""list=a,b c""#, ofKey: "list") == ["a", "b c"])
    #expect(parts(#"list="a,b" c,d"#, ofKey: "list") == ["a", "b"])
    #expect(parts("list=", ofKey: "list") == [""])
  }

  /// The parts of the line's first word, or of its value.
  private func parts(_ line: String, ofKey key: StaticString? = nil) -> [String] {
    let bytes = Array(line.utf8)
    var words = CommandLine(bytes.span.bytes).words
    var parts: [String] = []
    guard let word = words.next() else { return [] }
    func note(_ part: borrowing Word) {
      var decoded: [UInt8] = []
      part.forEachByte { decoded.append($0) }
      parts.append(String(decoding: decoded, as: UTF8.self))
    }
    if let key {
      guard let value = word.value(ofKey: key) else { return [] }
      value.forEachPart(note)
    } else {
      word.forEachPart(note)
    }
    return parts
  }

  @Test func wholeWords() {
    #expect(contains("exit", "quiet exit"))
    #expect(contains("exit", "e'xi't"))
    #expect(!contains("exit", "exits exi exit=1 \"exit \""))
    #expect(contains("", "''"))
    #expect(!contains("", "a b"))
    let bytes = Array(#"fault="null""#.utf8)
    let line = CommandLine(bytes.span.bytes)
    guard let fault = line.value(ofKey: "fault") else {
      Issue.record("no value")
      return
    }
    let (isNull, isNul) = (fault == "null", fault == "nul")
    #expect(isNull && !isNul)
  }

  /// All lines of up to five bytes that mean something.
  @Test func everyShortString() {
    let alphabet = [UInt8](#"a= '"\"#.utf8)
    var lines: [[UInt8]] = [[]]
    for _ in 0..<5 {
      lines = lines.flatMap { line in alphabet.map { line + [$0] } }
      for line in lines where decodedWords(line) != plainWords(line) {
        Issue.record("\(String(decoding: line, as: UTF8.self))")
      }
    }
  }

  @Test func garbage() {
    var wrong = 0
    for first in UInt8.min...UInt8.max {
      if decodedWords([first]) != plainWords([first]) { wrong += 1 }
      for second in UInt8.min...UInt8.max {
        let line = [first, second]
        if decodedWords(line) != plainWords(line) { wrong += 1 }
      }
    }
    var random = SeededGenerator(seed: 7)
    let special = Array(" \t'\"\\=".utf8)
    for _ in 0..<2000 {
      let line = (0..<Int.random(in: 3...200, using: &random)).map { _ in
        Bool.random(using: &random)
          ? UInt8.random(in: 0...255, using: &random) : special.randomElement(using: &random)!
      }
      let expected = plainWords(line)
      if decodedWords(line) != expected { wrong += 1 }
      let hasKey = CommandLine(line.span.bytes).value(ofKey: "a") != nil
      if hasKey != expected.contains(where: { $0.starts(with: Array("a=".utf8)) }) { wrong += 1 }
    }
    #expect(wrong == 0)
  }
}
