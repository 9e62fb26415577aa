// The words of a command line, by the parser and by a second, plain one.

import BootInfo

/// The decoded words of a line.
package func decodedWords(_ bytes: [UInt8]) -> [[UInt8]] {
  var result: [[UInt8]] = []
  let line = CommandLine(bytes.span.bytes)
  var words = line.words
  while let word = words.next() {
    var decoded: [UInt8] = []
    word.forEachByte { decoded.append($0) }
    result.append(decoded)
  }
  return result
}

/// A decoder of the whole line at once, with arrays.
package func plainWords(_ line: [UInt8]) -> [[UInt8]] {
  var result: [[UInt8]] = []
  var current: [UInt8]?
  var quote: UInt8?
  var escaped = false
  for byte in line {
    let isBlank = byte == 0x20 || byte == 0x09
    if escaped {
      current! += [byte]
      escaped = false
    } else if isBlank, quote == nil {
      if let word = current { result.append(word) }
      current = nil
    } else {
      current = current ?? []
      if byte == UInt8(ascii: "\\") {
        escaped = true
      } else if byte == quote {
        quote = nil
      } else if quote == nil, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        quote = byte
      } else {
        current! += [byte]
      }
    }
  }
  if let word = current { result.append(word) }
  return result
}
