// Two formats of memory maps in files:
//
//     0 9fc00 usable                                                    END exclusive, both without
//     9fc00 a0000 reserved      # starts a comment line                 0x or with it
//
//     [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
//     anything else in a Linux boot log, before these words and between such lines

import BootInfo

/// Why a text is no memory map.
public enum FirmwareMapError: Error, Equatable, CustomStringConvertible {
  case noEntry
  /// The line, counted from 1, and what is wrong with it.
  case badLine(Int, String)

  public var description: String {
    switch self {
    case .noEntry: "no line of a memory map"
    case .badLine(let number, let reason): "\(number): \(reason)"
    }
  }
}

extension FirmwareMap {
  /// Reads a text in either format: where one line is a boot log's, the others are not looked at.
  public init(parsing text: String) throws(FirmwareMapError) {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    var logged: [Entry] = []
    var plain: [Entry] = []
    for (index, line) in lines.enumerated() {
      if let entry = Entry(logLine: line, number: index + 1) {
        logged.append(entry)
      } else if logged.isEmpty, let entry = Entry(line, number: index + 1) {
        plain.append(entry)
      }
    }
    let entries = logged.isEmpty ? plain : logged
    // A text whose every line is alien is something else altogether, not a map with a slip.
    guard entries.contains(where: { !$0.isAlien }) else { throw .noEntry }
    var reports: [Report] = []
    for entry in entries { reports.append(try entry.report()) }
    self.init(reports)
  }
}

/// A line that should be an entry.
private struct Entry {
  let number: Int
  let start: UInt64?
  /// Exclusive.
  let end: UInt64?
  let kind: RegionKind?
  /// What the line should look like, for one that does not.
  let form: String
  /// Whether the line has the form, right or wrong in its parts.
  let hasForm: Bool

  /// `nil` for blank lines and comments.
  init?(_ line: Substring, number: Int) {
    let words = line.split(whereSeparator: \.isWhitespace)
    guard let first = words.first, !first.hasPrefix("#") else { return nil }
    self.number = number
    form = "START END TYPE"
    hasForm = words.count == 3
    start = hexadecimal(first)
    end = words.count > 1 ? hexadecimal(words[1]) : nil
    kind = words.count > 2 ? kinds[String(words[2])] : nil
  }

  /// `nil` for any line but a boot log's line of the firmware's map.
  init?(logLine line: Substring, number: Int) {
    guard let mark = line.firstRange(of: "BIOS-e820:") else { return nil }
    self.number = number
    form = "BIOS-e820: [mem START-END] TYPE"
    let words = line[mark.upperBound...].split(maxSplits: 2, whereSeparator: \.isWhitespace)
    let bounds =
      words.count > 1
      ? words[1].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false) : []
    hasForm =
      words.count == 3 && words[0] == "[mem" && bounds.count == 2 && bounds[1].hasSuffix("]")
    start = hasForm ? hexadecimal(bounds[0]) : nil
    // The log's END is the last byte. The very last of all has no successor: one byte less will do.
    let last = hasForm ? hexadecimal(bounds[1].dropLast()) : nil
    end = last.map { $0 == .max ? .max : $0 + 1 }
    kind = hasForm ? loggedKind(words[2]) : nil
  }

  /// Whether nothing in the line speaks for an entry.
  var isAlien: Bool {
    form.hasPrefix("START") && (!hasForm || kind == nil && (start == nil || end == nil))
  }

  func report() throws(FirmwareMapError) -> Report {
    guard hasForm else { throw .badLine(number, "not of the form \(form)") }
    guard let start else { throw .badLine(number, "START is no hexadecimal number of 64 bits") }
    guard let end else { throw .badLine(number, "END is no hexadecimal number of 64 bits") }
    guard let kind else { throw .badLine(number, "TYPE is none that is known") }
    guard start <= end else { throw .badLine(number, "END lies below START") }
    return Report(start, end, kind)
  }
}

private let kinds: [String: RegionKind] = [
  "usable": .usable, "reserved": .reserved, "acpi-data": .acpi, "acpi-nvs": .nvs,
  "unusable": .unusable, "persistent": .persistent, "soft-reserved": .reserved, "other": .reserved,
]

/// A type as Linux prints it: a number where it has no name for it, and one behind `persistent`.
private func loggedKind(_ words: Substring) -> RegionKind? {
  let words = words.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  if words.hasPrefix("type ") { return .reserved }
  if words.hasPrefix("persistent (type ") { return .persistent }
  return kinds[words.lowercased().replacing(" ", with: "-")]
}

private func hexadecimal(_ word: Substring) -> UInt64? {
  let digits = word.hasPrefix("0x") ? word.dropFirst(2) : word
  return digits.allSatisfy(\.isHexDigit) ? UInt64(digits, radix: 16) : nil
}
