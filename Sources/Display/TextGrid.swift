public import BootInfo

// Text on a screen that cannot be read back: device memory is slow to read, or cannot be read at all.
// So the last lines are kept in RAM, in a ring, and of them some rows of the screen show a window:
//
//                  line    0  ...    top                  newest
//     ring                 |  gone  |  kept  |#############|
//     rows of the surface                    first ... last
//
// What changes is drawn, nothing else; a scroll draws only the cells that differ from what they
// replace. Still that is most of a screen for each line. So when the rows are used up the window moves
// by half of them: what is written is on the screen at once, whatever comes next, yet few lines of many
// cost a screen. Whoever has nothing more to say calls `settle`, and the last row is used again.

/// What one place of a screen shows.
public struct Cell: Equatable, Sendable {
  public enum Style: UInt8, Sendable { case normal, alarm, cursor }

  /// The number of the glyph in the font; 0 is the blank.
  public let glyph: UInt8
  public let style: Style

  public init(glyph: UInt8, style: Style) { (self.glyph, self.style) = (glyph, style) }

  public static var blank: Cell { Cell(glyph: 0, style: .normal) }
}

/// What cells are drawn on.
public protocol Surface {
  /// Draws a cell where another is shown. What both look alike in can be left as it is.
  func draw(_ cell: Cell, over old: Cell, column: Int, row: Int)
}

/// Lines of text on a surface, the newest at the bottom once all rows are used.
public struct TextGrid<Target: Surface>: ~Copyable {
  /// How the characters to come look.
  public var style = Cell.Style.normal

  public let columns: Int
  private let surface: Target
  /// The last lines: line n is in place n modulo `lineCapacity`.
  private var cells: FixedArray<Cell>
  private let lineCapacity: Int
  /// The rows of the surface that show lines, and the line that the first of them shows.
  public private(set) var rows: Range<Int>
  private var top = 0
  /// The line that is written to, and the column that comes next.
  private var newest = 0
  private var column = 0
  /// Whether the surface shows the lines.
  private var isShown = true
  /// Whether the surface shows where the text goes on.
  private var isCursorShown = false

  /// An empty grid that uses all rows of a surface. Where `storage` has not room for one line more
  /// than that, the lowest rows stay unused.
  ///
  /// - Parameters:
  ///   - surface: blank, or written to in the style of alarms alone: then what it shows stays until
  ///     something is written over it.
  ///   - storage: room for at least two lines.
  public init(
    columns: Int, rows: Int, on surface: Target, storage: consuming FixedArray<Cell>
  ) {
    precondition(columns > 0 && rows > 0 && storage.capacity >= 2 * columns)
    self.columns = columns
    lineCapacity = min(rows + 1, storage.capacity / columns)
    self.rows = 0..<lineCapacity - 1
    self.surface = surface
    cells = storage
    cells.removeAll()
    for _ in 0..<columns * lineCapacity { _ = cells.append(.blank) }
  }

  /// The cells that a surface needs for all its rows to be used.
  public static func cellCount(columns: Int, rows: Int) -> Int { columns * (rows + 1) }

  /// Keeps what is written from the surface, until `show`.
  public mutating func hide() { isShown = false }

  /// Shows the last lines in `rows` of the surface from now on.
  ///
  /// - Precondition: the surface is blank there, and has these rows.
  public mutating func show(in rows: Range<Int>) {
    self.rows = rows.clamped(to: rows.lowerBound..<rows.lowerBound + lineCapacity - 1)
    precondition(!self.rows.isEmpty)
    isShown = true
    isCursorShown = false
    top = lowestTop
    for row in self.rows {
      let start = self.start(of: row - rows.lowerBound + top)
      for column in 0..<columns {
        let cell = self.cell(start, column)
        if cell != .blank { surface.draw(cell, over: .blank, column: column, row: row) }
      }
    }
  }

  /// Writes a glyph at the end of the text; after a full line, at the start of the next.
  public mutating func put(glyph: UInt8) {
    hideCursor()
    if column == columns { endLine() }
    set(Cell(glyph: glyph, style: style))
    column += 1
  }

  /// Goes on at the start of the next line; the rest of this one gets the style's blanks.
  public mutating func endLine() {
    hideCursor()
    while column < columns {
      set(Cell(glyph: 0, style: style))
      column += 1
    }
    column = 0
    newest += 1
    let start = newest % lineCapacity * columns
    for column in 0..<columns { cells[start + column] = .blank }
    if isShown, newest - top >= rows.count { move(to: lowestTop + rows.count / 2) }
  }

  /// What is written next replaces the last glyph of the line; at its start, there is none.
  public mutating func goBack() {
    hideCursor()
    if column > 0 { column -= 1 }
  }

  /// Fills the rows to the last again.
  public mutating func settle() {
    guard isShown, top > lowestTop else { return }
    hideCursor()
    move(to: lowestTop)
  }

  /// Shows where the text goes on, until something is written.
  public mutating func showCursor() {
    guard !isCursorShown else { return }
    isCursorShown = true
    drawCursor()
  }

  private mutating func hideCursor() {
    guard isCursorShown else { return }
    isCursorShown = false
    drawCursor()
  }

  /// After a full line the cursor stands on its last cell.
  private func drawCursor() {
    guard isShown else { return }
    let column = min(column, columns - 1)
    let cell = cell(start(of: newest), column)
    let cursor = Cell(glyph: cell.glyph, style: .cursor)
    surface.draw(
      isCursorShown ? cursor : cell, over: isCursorShown ? cell : cursor, column: column,
      row: rows.lowerBound + newest - top)
  }

  /// The line on top when the newest is in the last row.
  private var lowestTop: Int { max(newest + 1 - rows.count, 0) }

  /// Has the first row show another line.
  private mutating func move(to newTop: Int) {
    let oldTop = top
    top = newTop
    for row in rows {
      let start = self.start(of: row - rows.lowerBound + newTop)
      let oldStart = self.start(of: row - rows.lowerBound + oldTop)
      for column in 0..<columns {
        let (cell, old) = (self.cell(start, column), self.cell(oldStart, column))
        if cell != old { surface.draw(cell, over: old, column: column, row: row) }
      }
    }
  }

  /// Where the cells of a line begin; `nil` for a line that is to come, which is blank.
  private func start(of line: Int) -> Int? {
    line <= newest ? line % lineCapacity * columns : nil
  }

  private func cell(_ start: Int?, _ column: Int) -> Cell {
    if let start { cells[start + column] } else { .blank }
  }

  /// Puts a cell where the text goes on.
  private mutating func set(_ cell: Cell) {
    let index = newest % lineCapacity * columns + column
    let old = cells[index]
    guard old != cell else { return }
    cells[index] = cell
    guard isShown else { return }
    surface.draw(cell, over: old, column: column, row: rows.lowerBound + newest - top)
  }
}
