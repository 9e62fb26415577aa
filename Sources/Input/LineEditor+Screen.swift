import BootInfo

// What the terminal is told. Nothing is written that it shows already.

extension LineEditor {
  /// Brings the terminal up to date after a change of the cursor, and of the line from `changed` on.
  mutating func show(from changed: Int) {
    var start = max(changed, first)
    let isAtRight = cursor >= first + width && cursor < line.count
    if cursor > first + width || isAtRight || (cursor <= first && first > 0) {
      // The cursor has left what is shown, or is about to.
      first = max(0, cursor - width / 2)
      start = first
    }
    let end = min(line.count, first + width)
    let count = end - first
    if start < end || shown > count {
      move(toColumn: min(start, end) - first)
      move(toColumn: count)
      for _ in stride(from: count, to: shown, by: 1) { output.put(UInt8(ascii: " ")) }
      column = max(count, shown)
      shown = count
    }
    move(toColumn: cursor - first)
  }

  /// The terminal's cursor goes to the left as it is, and to the right by writing what is there.
  private mutating func move(toColumn target: Int) {
    while column > target {
      output.put(0x08)
      column -= 1
    }
    while column < target {
      output.put(line[first + column])
      column += 1
    }
  }

  /// Shows prompt and line where nothing is shown yet.
  mutating func showAll() {
    write(prompt)
    (shown, column) = (0, 0)
    show(from: first)
  }

  /// Leaves the line as it is on the terminal, ended by `text`, for which there is always room.
  mutating func finish(_ text: StaticString) {
    move(toColumn: min(shown, width + 1 - text.utf8CodeUnitCount))
    write(text)
  }

  func ring() { output.put(0x07) }

  func write(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { output.put(text.byte(at: index)) }
  }
}
