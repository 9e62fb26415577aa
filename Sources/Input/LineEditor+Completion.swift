import BootInfo

// The tab key: the word before the cursor is completed as far as all names that begin like it agree.
// If one name is left, a blank ends it; if several are, they are listed.

extension LineEditor {
  mutating func complete(_ forEachName: (RawSpan, (StaticString) -> Void) -> Void) {
    var start = cursor
    while start > 0, !isBoundary(line[start - 1]) { start -= 1 }
    let length = cursor - start
    var found: StaticString?
    var count = 0
    var agreed = 0
    forEachName(line.bytes.extracting(0..<cursor)) { name in
      guard beginsLikeWord(name, at: start) else { return }
      count += 1
      agreed = found.map { min(agreed, commonLength($0, name)) } ?? name.utf8CodeUnitCount
      if found == nil { found = name }
    }
    guard let found else { return ring() }
    for index in length..<agreed { insert(found.byte(at: index)) }
    if count == 1 {
      // Where a blank is there already, the cursor goes behind it.
      if cursor < line.count, line[cursor] == UInt8(ascii: " ") {
        cursor += 1
        show(from: line.count)
      } else {
        insert(UInt8(ascii: " "))
      }
    } else {
      list(start, forEachName)
    }
  }

  /// All names that begin like the word at `start`, in rows that the terminal has room for.
  private mutating func list(
    _ start: Int, _ forEachName: (RawSpan, (StaticString) -> Void) -> Void
  ) {
    finish("\n")
    let columns = width + prompt.utf8CodeUnitCount
    var used = 0
    forEachName(line.bytes.extracting(0..<cursor)) { name in
      guard beginsLikeWord(name, at: start) else { return }
      let length = name.utf8CodeUnitCount
      if used > 0, used + 2 + length > columns {
        write("\n")
        used = 0
      }
      if used > 0 { write("  ") }
      write(name)
      used += (used > 0 ? 2 : 0) + length
    }
    write("\n")
    showAll()
  }

  private func isBoundary(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: ";")
  }

  private func beginsLikeWord(_ name: StaticString, at start: Int) -> Bool {
    guard name.utf8CodeUnitCount >= cursor - start else { return false }
    for index in start..<cursor where name.byte(at: index - start) != line[index] { return false }
    return true
  }

  private func commonLength(_ one: StaticString, _ other: StaticString) -> Int {
    let limit = min(one.utf8CodeUnitCount, other.utf8CodeUnitCount)
    var length = 0
    while length < limit, one.byte(at: length) == other.byte(at: length) { length += 1 }
    return length
  }
}
