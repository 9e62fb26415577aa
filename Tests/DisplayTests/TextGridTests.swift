import BootInfo
import Display
import TestSupport
import Testing

/// A screen that shows what was drawn and complains of every drawing that changes nothing.
private final class Glass: Surface {
  let columns: Int
  private(set) var cells: [Cell]
  private(set) var drawn = 0

  init(columns: Int, rows: Int) {
    self.columns = columns
    cells = Array(repeating: .blank, count: columns * rows)
  }

  func draw(_ cell: Cell, over old: Cell, column: Int, row: Int) {
    #expect((0..<columns).contains(column))
    #expect(cells[row * columns + column] == old)
    #expect(cells[row * columns + column] != cell)
    cells[row * columns + column] = cell
    drawn += 1
  }

  func clear() { cells = cells.map { _ in .blank } }

  /// The rows' glyphs, with the blanks at their ends taken off.
  var lines: [[UInt8]] {
    stride(from: 0, to: cells.count, by: columns).map { start in
      let line = cells[start..<start + columns].map(\.glyph)
      return Array(line.prefix((line.lastIndex { $0 != 0 } ?? -1) + 1))
    }
  }
}

private func grid(_ columns: Int, _ rows: Int, on glass: Glass) -> TextGrid<Glass> {
  TextGrid(
    columns: columns, rows: rows, on: glass,
    storage: storage(TextGrid<Glass>.cellCount(columns: columns, rows: rows)))
}

private func storage(_ count: Int) -> FixedArray<Cell> {
  FixedArray(unsafeStorage: hostStorage(count * MemoryLayout<Cell>.stride))
}

/// The lines of a text, cut where they are too long.
private func lines(_ text: [UInt8], columns: Int) -> [[UInt8]] {
  var lines: [[UInt8]] = [[]]
  for byte in text {
    if byte == 0xff {
      lines.append([])
    } else {
      if lines[lines.count - 1].count == columns { lines.append([]) }
      lines[lines.count - 1].append(byte)
    }
  }
  return lines
}

/// What a screen shows of them.
private func shown(_ lines: ArraySlice<[UInt8]>, rows: Int) -> [[UInt8]] {
  lines + Array(repeating: [], count: rows - lines.count)
}

@Suite struct TextGridTests {
  /// Random texts on screens of many sizes, shown as they come and all at once. What is written is
  /// there at once, below at least half a screen of what was before; a settled screen is full.
  @Test(arguments: [(1, 1), (1, 4), (5, 1), (7, 3), (20, 6)], [false, true])
  func random(_ size: (columns: Int, rows: Int), _ isHidden: Bool) throws {
    var generator = SeededGenerator(seed: UInt64(size.columns))
    let glass = Glass(columns: size.columns, rows: size.rows)
    var grid = grid(size.columns, size.rows, on: glass)
    var text: [UInt8] = []
    if isHidden { grid.hide() }
    for _ in 0..<400 {
      let byte: UInt8 =
        Int.random(in: 0..<9, using: &generator) == 0
        ? 0xff : UInt8.random(in: 1...3, using: &generator)
      text.append(byte)
      if byte == 0xff { grid.endLine() } else { grid.put(glyph: byte) }
      let lines = lines(text, columns: size.columns)
      if !isHidden {
        #expect(
          (0...size.rows / 2).contains { free in
            glass.lines == shown(lines.suffix(size.rows - free), rows: size.rows)
          })
      }
      if Int.random(in: 0..<20, using: &generator) == 0 {
        grid.settle()
        #expect(isHidden || glass.lines == shown(lines.suffix(size.rows), rows: size.rows))
      }
    }
    if isHidden {
      #expect(glass.drawn == 0)
      grid.show(in: 0..<size.rows)
      #expect(glass.drawn <= size.columns * size.rows)
    }
    grid.settle()
    #expect(
      glass.lines == shown(lines(text, columns: size.columns).suffix(size.rows), rows: size.rows))
  }

  /// Lines in some rows of a screen, and then in all.
  @Test func someRows() {
    let glass = Glass(columns: 2, rows: 8)
    var grid = grid(2, 8, on: glass)
    grid.hide()
    grid.show(in: 5..<8)
    for glyph: UInt8 in 1...9 {
      grid.put(glyph: glyph)
      grid.endLine()
    }
    grid.settle()
    #expect(glass.lines == [[], [], [], [], [], [8], [9], []])
    glass.clear()
    grid.show(in: 0..<8)
    #expect(glass.lines == [[3], [4], [5], [6], [7], [8], [9], []])
  }

  /// Many lines cost few screens.
  @Test func burst() {
    let glass = Glass(columns: 1, rows: 20)
    var grid = grid(1, 20, on: glass)
    for line in 0..<1000 {
      grid.put(glyph: UInt8(line % 250 + 1))
      grid.endLine()
    }
    #expect(glass.drawn < 1000 + 100 * 20)
  }

  /// Lines that are alike cost nothing when they scroll.
  @Test func scrollDrawsDifferencesOnly() {
    let glass = Glass(columns: 10, rows: 4)
    var grid = grid(10, 4, on: glass)
    for row in 0..<4 {
      for _ in 0..<10 { grid.put(glyph: 1) }
      if row < 3 { grid.endLine() }
    }
    let before = glass.drawn
    grid.endLine()
    // The last line went over one that is like it, and left three blank rows.
    #expect(glass.drawn == before + 30)
    #expect(glass.lines.map(\.first) == [1, nil, nil, nil])
  }

  /// The line of an alarm is marked to its end; what stood there before, and other lines, stay.
  @Test func alarm() {
    let glass = Glass(columns: 4, rows: 3)
    var grid = grid(4, 3, on: glass)
    grid.put(glyph: 1)
    grid.endLine()
    grid.style = .alarm
    grid.put(glyph: 2)
    grid.endLine()
    #expect(glass.lines == [[1], [2], []])
    #expect(glass.cells.map(\.style) == (0..<12).map { (4..<8).contains($0) ? .alarm : .normal })
  }

  /// Going back takes nothing away; what is written then replaces what was there. The first place of a
  /// row is the last to go back to.
  @Test func goingBack() {
    let glass = Glass(columns: 4, rows: 2)
    var grid = grid(4, 2, on: glass)
    for glyph: UInt8 in [1, 2, 3, 4] { grid.put(glyph: glyph) }
    for _ in 0..<2 { grid.goBack() }
    #expect(glass.lines == [[1, 2, 3, 4], []])
    grid.put(glyph: 5)
    #expect(glass.lines == [[1, 2, 5, 4], []])
    for _ in 0..<9 { grid.goBack() }
    grid.put(glyph: 6)
    grid.put(glyph: 7)
    #expect(glass.lines == [[6, 7, 5, 4], []])
    // The rest of the line is left behind.
    grid.endLine()
    #expect(glass.lines == [[6, 7], []])
  }

  /// The cursor stands where the text goes on, on the last place after a full row, and nowhere once
  /// something is written.
  @Test func cursor() {
    let glass = Glass(columns: 3, rows: 2)
    var grid = grid(3, 2, on: glass)
    func cursors() -> [Int] { glass.cells.indices.filter { glass.cells[$0].style == .cursor } }
    grid.showCursor()
    #expect(cursors() == [0])
    let drawn = glass.drawn
    grid.showCursor()
    #expect(glass.drawn == drawn)
    for glyph: UInt8 in 1...3 {
      grid.put(glyph: glyph)
      #expect(cursors() == [])
      grid.showCursor()
      #expect(cursors() == [min(Int(glyph), 2)])
    }
    #expect(glass.lines == [[1, 2, 3], []])
    grid.goBack()
    #expect(cursors() == [])
    grid.goBack()
    grid.showCursor()
    #expect(cursors() == [1])
    grid.endLine()
    grid.showCursor()
    #expect(cursors() == [3])
    grid.endLine()
    #expect(cursors() == [])
    #expect(glass.cells.allSatisfy { $0 == .blank })
  }

  /// Too little storage for all rows.
  @Test func clipped() {
    let glass = Glass(columns: 10, rows: 4)
    var grid = TextGrid(columns: 10, rows: 4, on: glass, storage: storage(39))
    #expect(grid.columns == 10 && grid.rows == 0..<2)
    for glyph: UInt8 in 1...5 {
      grid.put(glyph: glyph)
      grid.endLine()
    }
    grid.settle()
    #expect(glass.lines == [[5], [], [], []])
  }
}

@Suite struct ByteRingTests {
  @Test(arguments: [0, 1, 7, 64])
  func lastBytes(_ capacity: Int) {
    var ring = ByteRing(FixedArray(unsafeStorage: hostStorage(capacity)))
    var all: [UInt8] = []
    for byte: UInt8 in 0..<200 {
      var kept: [UInt8] = []
      ring.forEachByte { kept.append($0) }
      #expect(kept == Array(all.suffix(capacity)))
      ring.append(byte)
      all.append(byte)
    }
  }
}
