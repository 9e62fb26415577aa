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
      if column == rows[rows.count - 1].count { rows[rows.count - 1].append(byte) } else {
        rows[rows.count - 1][column] = byte
      }
      column += 1
      if column == columns { complaints.append("something in the last column") }
    default: complaints.append("byte \(byte)")
    }
  }

  /// The rows without the blanks at their ends.
  var lines: [String] { rows.map { withoutBlanksAtEnd(String(decoding: $0, as: UTF8.self)) } }
}

func withoutBlanksAtEnd(_ line: String) -> String {
  String(line.reversed().drop { $0 == " " }.reversed())
}
