import Input

/// A terminal as plain as the editor may expect: it fails the test where the editor asks for more.
final class Screen: Terminal {
  let columns: Int
  private(set) var rows: [[UInt8]] = [[]]
  private(set) var column = 0
  private(set) var bellCount = 0
  /// What the editor should never do.
  private(set) var complaints: [String] = []
  private(set) var byteCount = 0

  init(columns: Int) { self.columns = columns }

  func put(_ byte: UInt8) {
    byteCount += 1
    switch byte {
    case 0x07: bellCount += 1
    case 0x08:
      if column == 0 { complaints.append("backspace at the left end") }
      column = max(0, column - 1)
    case 0x0a:
      rows.append([])
      column = 0
    case 0x20...0x7e:
      let last = rows.count - 1
      rows[last].replaceSubrange(column..<min(column + 1, rows[last].count), with: [byte])
      column += 1
      if column == columns { complaints.append("something in the last column") }
    default: complaints.append("byte \(byte)")
    }
  }

  /// The rows without the blanks at their ends.
  var lines: [String] { rows.map(text) }
  var lastLine: String { text(of: rows[rows.count - 1]) }

  private func text(of row: [UInt8]) -> String {
    withoutBlanksAtEnd(String(decoding: row, as: UTF8.self))
  }
}

func withoutBlanksAtEnd(_ line: String) -> String {
  String(line.reversed().drop { $0 == " " }.reversed())
}
