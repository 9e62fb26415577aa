public import BootInfo

// Text on a screen that cannot be read back: device memory is slow to read, or cannot be read at all.
// So a copy of the characters is kept in RAM, and what changes is drawn, nothing else. In particular
// a scroll draws only the cells that differ from the ones below them.

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

/// Lines of text on a surface, the newest at the bottom once all are used.
public struct TextGrid<Target: Surface>: ~Copyable {
  /// How the characters to come look.
  public var style = Cell.Style.normal

  public let columns: Int
  public let rows: Int
  private let surface: Target
  private var cells: FixedArray<Cell>
  private var column = 0
  private var row = 0
  /// Whether the surface shows the cells.
  private var isShown = true
  /// Whether the surface shows where the text goes on.
  private var isCursorShown = false

  /// An empty grid. On a surface with more cells than `storage` holds, the lowest rows stay unused.
  ///
  /// - Parameters:
  ///   - surface: blank, or written to in the style of alarms alone: then what it shows stays until
  ///     something is written over it.
  ///   - storage: room for at least one row.
  public init(
    columns: Int, rows: Int, on surface: Target, storage: consuming FixedArray<Cell>
  ) {
    precondition(columns > 0 && rows > 0 && storage.capacity >= columns)
    self.columns = columns
    self.rows = min(rows, storage.capacity / columns)
    self.surface = surface
    cells = storage
    cells.removeAll()
    for _ in 0..<self.columns * self.rows { _ = cells.append(.blank) }
  }

  /// Keeps what is written from the surface, until `show`.
  public mutating func hide() { isShown = false }

  /// Draws what was written since `hide`.
  ///
  /// - Precondition: the surface is blank.
  public mutating func show() {
    isShown = true
    for row in 0..<rows {
      for column in 0..<columns {
        let cell = cells[row * columns + column]
        if cell != .blank { surface.draw(cell, over: .blank, column: column, row: row) }
      }
    }
  }

  /// Writes a glyph at the end of the text; after a full line, at the start of the next.
  public mutating func put(glyph: UInt8) {
    hideCursor()
    if column == columns { endLine() }
    set(Cell(glyph: glyph, style: style), column: column, row: row)
    column += 1
  }

  /// Goes on at the start of the next line; the rest of this one gets the style's blanks.
  public mutating func endLine() {
    hideCursor()
    let blank = Cell(glyph: 0, style: style)
    for column in column..<columns { set(blank, column: column, row: row) }
    column = 0
    if row + 1 < rows { row += 1 } else { scroll() }
  }

  /// What is written next replaces the last glyph of the row; at its start, there is none.
  public mutating func goBack() {
    hideCursor()
    if column > 0 { column -= 1 }
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

  /// After a full row the cursor stands on its last cell.
  private func drawCursor() {
    guard isShown else { return }
    let column = min(column, columns - 1)
    let cell = cells[row * columns + column]
    let cursor = Cell(glyph: cell.glyph, style: .cursor)
    surface.draw(
      isCursorShown ? cursor : cell, over: isCursorShown ? cell : cursor, column: column, row: row)
  }

  private mutating func scroll() {
    for row in stride(from: 1, to: rows, by: 1) {
      for column in 0..<columns {
        set(cells[row * columns + column], column: column, row: row - 1)
      }
    }
    for column in 0..<columns { set(.blank, column: column, row: rows - 1) }
  }

  private mutating func set(_ cell: Cell, column: Int, row: Int) {
    let index = row * columns + column
    let old = cells[index]
    guard old != cell else { return }
    cells[index] = cell
    if isShown { surface.draw(cell, over: old, column: column, row: row) }
  }
}
