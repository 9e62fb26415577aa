public import BootInfo

// A line that is typed and corrected before anybody acts on it. The storage is fixed, and so is the
// little that a terminal has to know: printable ASCII, line feed, bell, and the backspace that moves
// the cursor to the left. What is taken away is written over with blanks.
//
// A line is never wider than the terminal: of a longer one a part is shown, the one around the cursor.
//
//     columns    0         10                           terminal's last, left free
//                highland> cation; frame 0x1000; areas_
//                          ^ first                    ^ cursor

/// What the line and the cursor are shown on.
public protocol Terminal {
  func put(_ byte: UInt8)
}

/// Where a line is edited. Lines that were entered before can be had again, and words be completed.
public struct LineEditor<Output: Terminal>: ~Copyable {
  /// What has come of a key.
  public enum Outcome: Sendable {
    case editing
    /// `text` is what was entered.
    case line
    /// Entered, and not to be acted on: some of it did not fit, or was lost on the way here.
    case incomplete
    /// Given up.
    case cancelled
  }

  let prompt: StaticString
  let output: Output
  /// How many characters of the line there is room for, the cursor's place aside.
  let width: Int

  var line: FixedArray<UInt8>
  /// The line that was being written when an older one was called for.
  var draft: FixedArray<UInt8>
  var history: LineHistory
  /// Which character the cursor stands on; one past the last at the end.
  var cursor = 0
  /// Some of what was typed is not in the line.
  var isIncomplete = false

  // What the terminal shows: characters from this one on, so many, with its cursor so far from the first.
  var first = 0
  var shown = 0
  var column = 0

  /// - Parameters:
  ///   - columns: of the terminal, at least 8 more than the prompt has.
  ///   - line: empty; its capacity is that of a line.
  ///   - draft: as large.
  ///   - history: empty; what fits of the lines entered last is kept there.
  public init(
    prompt: StaticString, columns: Int, on output: Output, line: consuming FixedArray<UInt8>,
    draft: consuming FixedArray<UInt8>, history: consuming FixedArray<UInt8>
  ) {
    width = columns - 1 - prompt.utf8CodeUnitCount
    precondition(width >= 7 && line.capacity <= draft.capacity)
    self.prompt = prompt
    self.output = output
    self.line = line
    self.draft = draft
    self.history = LineHistory(history)
  }

  /// The line.
  public var text: RawSpan {
    @_lifetime(borrow self)
    get { line.bytes }
  }

  /// Begins a new line with the prompt, at the left end of the terminal.
  public mutating func begin() {
    line.removeAll()
    history.leave()
    (cursor, first, isIncomplete) = (0, 0, false)
    showAll()
  }

  /// Something was lost on its way here: what is entered next is not to be acted on.
  public mutating func markIncomplete() { isIncomplete = true }

  /// Does what a key asks for. Between an outcome other than `editing` and the next key, the caller
  /// calls `begin`.
  ///
  /// - Parameter forEachName: calls its closure with each name that may stand where a line ends. The
  ///   word that is begun there does not matter.
  public mutating func press(
    _ key: Key, forEachName: (RawSpan, (StaticString) -> Void) -> Void
  ) -> Outcome {
    switch key {
    case .character(let character): insert(character)
    case .tab: complete(forEachName)
    case .left: moveCursor(to: cursor - 1)
    case .right: moveCursor(to: cursor + 1)
    case .home: moveCursor(to: 0)
    case .end: moveCursor(to: line.count)
    case .up: recallOlder()
    case .down: recallNewer()
    case .backspace: erase(cursor - 1..<cursor)
    case .delete: erase(cursor..<cursor + 1)
    case .eraseWord: erase(startOfWord..<cursor)
    case .eraseToStart: erase(0..<cursor)
    case .eraseToEnd: erase(cursor..<line.count)
    case .enter:
      finish("\n")
      history.add(line)
      return isIncomplete ? .incomplete : .line
    case .cancel:
      finish("^C\n")
      return .cancelled
    }
    return .editing
  }

  /// Where the blanks and the word before the cursor begin.
  private var startOfWord: Int {
    var start = cursor
    while start > 0, line[start - 1] == UInt8(ascii: " ") { start -= 1 }
    while start > 0, line[start - 1] != UInt8(ascii: " ") { start -= 1 }
    return start
  }

  mutating func insert(_ character: UInt8) {
    guard line.append(character) else {
      // Once: what is too long may be very much so.
      if !isIncomplete { ring() }
      isIncomplete = true
      return
    }
    for index in stride(from: line.count - 1, to: cursor, by: -1) { line.swapAt(index, index - 1) }
    cursor += 1
    show(from: cursor - 1)
  }

  /// Takes out characters; whatever lies outside the line is not there to be taken out.
  private mutating func erase(_ range: Range<Int>) {
    guard range.lowerBound >= 0, range.upperBound <= line.count, !range.isEmpty else { return }
    for index in range.upperBound..<line.count {
      line[index - (range.upperBound - range.lowerBound)] = line[index]
    }
    for _ in range { line.removeLast() }
    cursor = range.lowerBound
    if line.count == 0 { isIncomplete = false }
    show(from: cursor)
  }

  private mutating func moveCursor(to place: Int) {
    guard place >= 0, place <= line.count else { return }
    cursor = place
    show(from: line.count)
  }
}
