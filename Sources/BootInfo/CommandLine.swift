// The kernel command line: words between spaces and tabs, some of the form key=value.
//
//     run="a; b"       quotes group and vanish; single and double quotes are alike
//     "run=a; b"       the same word: GRUB moves the quotes like this
//     say=it\'s\ me    a backslash, in quotes too, makes the next byte plain
//
// Nothing is copied: a word is a view of the line that decodes itself while it is read. All bytes
// are accepted; a quote left open runs to the end of the line, a backslash there is dropped.

/// A view of a command line.
public struct CommandLine: ~Escapable {
  /// The line as received.
  public let bytes: RawSpan

  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) { self.bytes = bytes }

  /// The words from first to last: `while let word = words.next() { … }`.
  public var words: Words {
    @_lifetime(copy self)
    get { Words(bytes) }
  }

  /// Whether one of the words is `word`.
  public func contains(_ word: StaticString) -> Bool {
    var words = words
    while let candidate = words.next() {
      if candidate == word { return true }
    }
    return false
  }

  /// The value of the first word of the form key=value.
  @_lifetime(copy self)
  public func value(ofKey key: StaticString) -> Word? {
    var words = words
    while let candidate = words.next() {
      if let value = candidate.value(ofKey: key) { return value }
    }
    return nil
  }

  /// Walks the words of a line.
  public struct Words: ~Escapable {
    private let line: RawSpan
    private var position = 0

    @_lifetime(copy line)
    fileprivate init(_ line: RawSpan) { self.line = line }

    @_lifetime(copy self)
    public mutating func next() -> Word? {
      while position < line.byteCount, isSeparator(line.integer(UInt8.self, at: position)) {
        position += 1
      }
      let rest = line.extracting(position..<line.byteCount)
      if rest.isEmpty { return nil }
      var decoder = WordDecoder(rest, quote: nil)
      while decoder.next() != nil {}
      position += decoder.position
      return Word(rest.extracting(0..<decoder.position), quote: nil)
    }
  }
}
