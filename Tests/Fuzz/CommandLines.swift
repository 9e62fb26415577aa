import BootInfo
import TestSupport

/// A command line of any bytes: its words are those of a second decoder; two ways to cut a word at its
/// commas agree; numbers, ranges and changes of the memory map are read or refused.
func fuzzCommandLine(_ bytes: [UInt8]) -> String? {
  let bytes = Array(bytes.prefix(2048))
  return guardedMemory.with(bytes) { span in
    let line = CommandLine(span)
    let expected = plainWords(bytes)
    var (words, index) = (line.words, 0)
    while let word = words.next() {
      guard index < expected.count, decoded(word) == expected[index] else {
        return "word \(index) of \(expected) is \(decoded(word))"
      }
      index += 1
      if let complaint = cut(word) { return complaint }
      _ = try? word.number()
      _ = try? word.range()
      _ = MemoryMapChange(mem: word)
      _ = MemoryMapChange(memmap: word)
      if let value = word.value(ofKey: "run") {
        guard decoded(value) == Array(expected[index - 1].dropFirst(4)) else {
          return "the value in \(expected[index - 1]) is \(decoded(value))"
        }
      }
    }
    if index != expected.count { return "\(index) words instead of \(expected)" }
    var (commands, count) = (line.commands, 0)
    while commands.next() != nil { count += 1 }
    let most = bytes.count { $0 == UInt8(ascii: ";") } + 1
    if count < 1 || count > most { return "\(count) commands" }
    _ = line.lastCommand.endsInFirstWord
    return nil
  }
}

private func decoded(_ word: borrowing Word) -> [UInt8] {
  var bytes: [UInt8] = []
  word.forEachByte { bytes.append($0) }
  return bytes
}

private func cut(_ word: borrowing Word) -> String? {
  var parts: [[UInt8]] = []
  word.forEachPart { parts.append(decoded($0)) }
  var (pieces, found) = (word.pieces, [[UInt8]]())
  while let piece = pieces.next() { found.append(decoded(piece)) }
  return parts == found ? nil : "pieces \(found), parts \(parts)"
}
