import BootInfo
import Input
import TestSupport
import Testing

/// An editor, its screen, and what was entered.
struct Bench: ~Copyable {
  static let names: [StaticString] = ["layout", "memory", "map", "mappings", "walk", "help"]

  let screen: Screen
  var editor: LineEditor<Screen>
  private(set) var entered: [String] = []

  init(columns: Int = 80, capacity: Int = 256, history: Int = 4096) {
    screen = Screen(columns: columns)
    editor = LineEditor(
      prompt: "highland> ", columns: columns, on: screen,
      line: FixedArray(unsafeStorage: hostStorage(capacity)),
      draft: FixedArray(unsafeStorage: hostStorage(capacity)),
      history: FixedArray(unsafeStorage: hostStorage(history)))
    editor.begin()
  }

  mutating func type(_ text: String) {
    for byte in text.utf8 { press(.character(byte)) }
  }

  mutating func enter(_ text: String) {
    type(text)
    press(.enter)
  }

  @discardableResult
  mutating func press(_ key: Key) -> LineEditor<Screen>.Outcome {
    let outcome = editor.press(key) { text, body in
      if Bench.hasNames(atEndOf: text.withUnsafeBytes { Array($0) }) {
        for name in Bench.names { body(name) }
      }
    }
    switch outcome {
    case .editing: return outcome
    case .line: entered.append(text)
    case .incomplete: entered.append("incomplete")
    case .cancelled: entered.append("cancelled")
    }
    editor.begin()
    return outcome
  }

  /// Names can be the first word of a command, and what comes behind `help`.
  static func hasNames(atEndOf line: [UInt8]) -> Bool {
    let command = line.reversed().prefix { $0 != UInt8(ascii: ";") }.reversed().drop { $0 == 0x20 }
    return !command.contains(0x20) || command.starts(with: "help ".utf8)
  }

  var text: String {
    String(decoding: editor.text.withUnsafeBytes { Array($0) }, as: UTF8.self)
  }
}

@Suite struct LineEditorTests {
  @Test func typing() {
    var bench = Bench()
    bench.enter("layout")
    bench.enter("")
    #expect(bench.entered == ["layout", ""])
    #expect(bench.screen.lines == ["highland> layout", "highland>", "highland>"])
    // Prompts, characters, line feeds: nothing is written twice.
    #expect(bench.screen.byteCount == 3 * 10 + 6 + 2)
  }

  @Test(arguments: [
    ([Key.left, .left, .character(0x78)], "waxlk", 13),
    ([.home, .character(0x78)], "xwalk", 11),
    ([.home, .right, .right, .backspace], "wlk", 11),
    ([.home, .delete, .end, .backspace], "al", 12),
    ([.left, .delete, .delete], "wal", 13),
    ([.backspace, .backspace, .backspace, .backspace, .backspace], "", 10),
    ([.left, .eraseToStart], "k", 10),
    ([.left, .eraseToEnd], "wal", 13),
    ([.character(0x20), .character(0x78), .eraseWord], "walk ", 15),
    ([.character(0x20), .character(0x20), .eraseWord], "", 10),
    ([.home, .left, .backspace, .up, .down], "walk", 10),
    ([.right, .delete, .eraseToEnd], "walk", 14),
  ])
  func editing(_ keys: [Key], _ text: String, _ column: Int) {
    var bench = Bench()
    bench.type("walk")
    for key in keys { bench.press(key) }
    #expect(bench.text == text)
    #expect(bench.screen.lines == [withoutBlanksAtEnd("highland> " + text)])
    #expect(bench.screen.column == column)
    #expect(bench.screen.complaints == [])
  }

  /// Entered from the middle, the whole line stays on the screen.
  @Test func enterInTheMiddle() {
    var bench = Bench()
    bench.type("layout")
    bench.press(.home)
    bench.press(.enter)
    #expect(bench.entered == ["layout"])
    #expect(bench.screen.lines == ["highland> layout", "highland>"])
  }

  @Test func cancel() {
    var bench = Bench()
    bench.type("layout")
    bench.press(.home)
    bench.press(.cancel)
    bench.press(.up)
    #expect(bench.entered == ["cancelled"])
    #expect(bench.text == "")
    #expect(bench.screen.lines == ["highland> layout^C", "highland>"])
  }

  @Test func history() {
    var bench = Bench()
    for line in ["one", "", "two", "two", "  ", "three"] { bench.enter(line) }
    bench.type("draft")
    let steps: [(Key, String)] = [
      (.up, "three"), (.up, "two"), (.up, "one"), (.up, "one"), (.down, "two"), (.down, "three"),
      (.down, "draft"), (.down, "draft"), (.up, "three"),
    ]
    for (key, text) in steps {
      bench.press(key)
      #expect(bench.text == text)
      #expect(bench.screen.lines.last == "highland> " + text)
      #expect(bench.screen.column == 10 + text.utf8.count)
    }
    // What is made of an older line is a new one.
    bench.type("!")
    bench.press(.enter)
    for text in ["three!", "three", "two", "one"] {
      bench.press(.up)
      #expect(bench.text == text)
    }
    #expect(bench.screen.complaints == [])
  }

  /// As many of the last lines as there is room for.
  @Test func historyIsBounded() {
    var bench = Bench(history: 20)
    for number in 10..<30 { bench.enter("line\(number)") }
    bench.enter("a line that is longer than the history")
    for text in ["line29", "line28", "line28"] {
      bench.press(.up)
      #expect(bench.text == text)
    }
  }

  /// Beyond the capacity nothing is kept, one bell rings, and what was kept is not acted on; from the
  /// history it can be had again.
  @Test func tooLong() {
    var bench = Bench(capacity: 16)
    bench.type("0123456789abcdefgh")
    #expect(bench.text == "0123456789abcdef")
    #expect(bench.screen.bellCount == 1)
    bench.press(.enter)
    bench.press(.up)
    #expect(bench.text == "0123456789abcdef")
    bench.press(.enter)
    bench.enter("ok")
    #expect(bench.entered == ["incomplete", "0123456789abcdef", "ok"])
    bench.type("0123456789abcdefgh")
    bench.press(.eraseToStart)
    bench.enter("fresh")
    #expect(bench.entered.last == "fresh")
  }

  @Test func lostInput() {
    var bench = Bench()
    bench.type("poke 0x10")
    bench.editor.markIncomplete()
    bench.press(.enter)
    bench.enter("layout")
    #expect(bench.entered == ["incomplete", "layout"])
  }

  @Test(arguments: [
    // One name: the rest of it, and a blank.
    ("lay", "layout ", []), ("layout", "layout ", []), ("  wa", "  walk ", []),
    ("layout; wa", "layout; walk ", []), ("layout;wa", "layout;walk ", []),
    ("help me", "help memory ", []), ("walk; help wa", "walk; help walk ", []),
    // Several: as far as they agree, and all of them.
    ("ma", "map", ["map  mappings"]), ("m", "m", ["memory  map  mappings"]),
    ("", "", ["layout  memory  map  mappings  walk  help"]),
    // None.
    ("x", "x", []), ("layout wa", "layout wa", []), ("Lay", "Lay", []),
  ])
  func completion(_ typed: String, _ completed: String, _ listed: [String]) {
    var bench = Bench()
    bench.type(typed)
    bench.press(.tab)
    #expect(bench.text == completed)
    let before = listed.isEmpty ? [] : [withoutBlanksAtEnd("highland> " + completed)]
    #expect(bench.screen.lines == before + listed + [withoutBlanksAtEnd("highland> " + completed)])
    #expect(bench.screen.column == 10 + completed.utf8.count)
    #expect(bench.screen.bellCount == (completed == typed && listed.isEmpty ? 1 : 0))
    #expect(bench.screen.complaints == [])
  }

  /// In the middle of a line; a blank that is there already serves.
  @Test func completionInTheMiddle() {
    var bench = Bench()
    bench.type("lay x")
    bench.press(.left)
    bench.press(.left)
    bench.press(.tab)
    #expect(bench.text == "layout x")
    bench.type("y ")
    #expect(bench.text == "layout y x")
    #expect(bench.screen.lines == ["highland> layout y x"])
  }

  /// A list that takes more than a row.
  @Test func longList() {
    var bench = Bench(columns: 24)
    bench.press(.tab)
    #expect(
      bench.screen.lines == [
        "highland>", "layout  memory  map", "mappings  walk  help", "highland>",
      ])
    #expect(bench.screen.complaints == [])
  }

  /// A line wider than the screen shows the part around the cursor, and never fills a row.
  @Test func longLine() {
    var bench = Bench(columns: 20)
    let line = "abcdefghijklmnopqrstuvwxyz"
    bench.type(line)
    #expect(bench.screen.lines.last!.hasSuffix("z"))
    bench.press(.home)
    #expect(bench.screen.lines == ["highland> abcdefghi"])
    for _ in 0..<15 { bench.press(.right) }
    #expect(bench.screen.lines[0].contains("p"))
    bench.press(.enter)
    #expect(bench.entered == [line])
    #expect(bench.screen.complaints == [])
  }
}
