import Input
import TestSupport
import Testing

/// What the editor should do, with arrays and without a screen.
private struct Model {
  let capacity: Int
  let historyCapacity: Int
  var line: [UInt8] = []
  var cursor = 0
  var isIncomplete = false
  var history: [[UInt8]] = []
  /// Lines from the history's end: 0 is the draft.
  var depth = 0
  var draft: [UInt8] = []

  mutating func insert(_ character: UInt8) {
    guard line.count < capacity else {
      isIncomplete = true
      return
    }
    line.insert(character, at: cursor)
    cursor += 1
  }

  private mutating func erase(_ range: Range<Int>) {
    let range = range.clamped(to: 0..<line.count)
    if range.isEmpty { return }
    line.removeSubrange(range)
    cursor = range.lowerBound
    if line.isEmpty { isIncomplete = false }
  }

  private mutating func recall(_ newDepth: Int) {
    if depth == 0 { draft = line }
    guard newDepth >= 0, newDepth <= history.count, newDepth != depth else { return }
    depth = newDepth
    line = depth == 0 ? draft : history[history.count - depth]
    cursor = line.count
    isIncomplete = false
  }

  private mutating func remember() {
    guard line.contains(where: { $0 != 0x20 }), history.last != line else { return }
    guard line.count < historyCapacity else { return }
    history.append(line)
    while history.reduce(0, { $0 + $1.count + 1 }) > historyCapacity { history.removeFirst() }
  }

  /// Returns what was entered, if anything was.
  mutating func press(_ key: Key) -> String? {
    var entered: String?
    switch key {
    case .character(let character): insert(character)
    case .left: cursor = max(0, cursor - 1)
    case .right: cursor = min(line.count, cursor + 1)
    case .home: cursor = 0
    case .end: cursor = line.count
    case .up: recall(depth + 1)
    case .down: if depth > 0 { recall(depth - 1) }
    case .backspace: if cursor > 0 { erase(cursor - 1..<cursor) }
    case .delete: if cursor < line.count { erase(cursor..<cursor + 1) }
    case .eraseWord:
      let blanks = line[..<cursor].reversed().prefix { $0 == 0x20 }.count
      let word = line[..<(cursor - blanks)].reversed().prefix { $0 != 0x20 }.count
      erase(cursor - blanks - word..<cursor)
    case .eraseToStart: erase(0..<cursor)
    case .eraseToEnd: if cursor < line.count { erase(cursor..<line.count) }
    case .tab: complete()
    case .enter:
      entered = isIncomplete ? "incomplete" : String(decoding: line, as: UTF8.self)
      remember()
      begin()
    case .cancel:
      entered = "cancelled"
      begin()
    }
    return entered
  }

  private mutating func begin() { (line, cursor, isIncomplete, depth) = ([], 0, false, 0) }

  private mutating func complete() {
    let before = line[..<cursor]
    let word = before.reversed().prefix { $0 != 0x20 && $0 != UInt8(ascii: ";") }.reversed()
    guard Bench.hasNames(atEndOf: Array(before)) else { return }
    let names = Bench.names.map { Array("\($0)".utf8) }.filter { $0.starts(with: word) }
    guard var agreed = names.first else { return }
    for name in names { agreed = Array(zip(agreed, name).prefix { $0 == $1 }.map(\.0)) }
    for byte in agreed.dropFirst(word.count) { insert(byte) }
    guard names.count == 1 else { return }
    if cursor < line.count, line[cursor] == 0x20 { cursor += 1 } else { insert(0x20) }
  }
}

@Suite struct LineEditorModelTests {
  /// Random keys: text, cursor, what is entered and what the screen shows are as the model says.
  @Test(arguments: [
    (80, 256, 4096), (80, 12, 64), (18, 40, 100), (30, 60, 20), (18, 256, 300), (20, 1, 1),
  ])
  func random(_ columns: Int, _ capacity: Int, _ history: Int) throws {
    var generator = SeededGenerator(seed: UInt64(columns * capacity))
    var bench = Bench(columns: columns, capacity: capacity, history: history)
    var model = Model(capacity: capacity, historyCapacity: history)
    var entered: [String] = []
    let keys: [Key] = [
      .left, .left, .right, .home, .end, .up, .up, .down, .backspace, .delete, .eraseWord,
      .eraseToStart, .eraseToEnd, .tab, .enter, .cancel,
    ]
    // Words that can be completed, blanks, semicolons.
    let characters = Array("mapwlhe  ;".utf8)
    for _ in 0..<20_000 {
      let key: Key =
        Int.random(in: 0..<3, using: &generator) == 0
        ? keys.randomElement(using: &generator)!
        : .character(characters.randomElement(using: &generator)!)
      bench.press(key)
      if let line = model.press(key) { entered.append(line) }
      let text = String(decoding: model.line, as: UTF8.self)
      try #require(bench.text == text)
      // The row is the prompt and a part of the line, with the cursor where it belongs.
      let row = bench.screen.lastLine
      try #require(row == "highland>" || row.hasPrefix("highland> "))
      let width = columns - 11
      let shown = String(row.dropFirst(10))
      let first = model.cursor - (bench.screen.column - 10)
      try #require(first >= 0 && first <= model.line.count)
      let part = model.line[first..<min(model.line.count, first + width)]
      try #require(shown == withoutBlanksAtEnd(String(decoding: part, as: UTF8.self)))
      // What the cursor stands on can be seen, and something before it if there is anything.
      try #require(model.cursor == model.line.count || model.cursor < first + width)
      try #require(first == 0 || bench.screen.column > 10)
    }
    #expect(bench.entered == entered)
    #expect(entered.count > 100)
    #expect(bench.screen.complaints == [])
  }
}
