extension CommandLine {
  /// What lies between the semicolons outside quotes: a line each, without the blanks before it. It
  /// may be empty.
  ///
  ///     walk 0; map 'a;b' 16K       walk 0 | map 'a;b' 16K
  public var commands: Commands {
    @_lifetime(copy self)
    get { Commands(bytes) }
  }

  /// The last of the commands: the one that someone who types is at.
  public var lastCommand: CommandLine {
    @_lifetime(copy self)
    get {
      var commands = commands
      var last = CommandLine(bytes)
      while let command = commands.next() { last = command }
      return last
    }
  }

  /// Whether a command ends in its name: nothing follows it, not even a blank.
  public var endsInFirstWord: Bool {
    var decoder = WordDecoder(bytes, quote: nil)
    while decoder.next() != nil {}
    return decoder.position == bytes.byteCount
  }

  /// Walks the commands of a line: `while let command = commands.next() { … }`.
  public struct Commands: ~Escapable {
    private let line: RawSpan
    /// Where the next command starts; past the last one, `nil`.
    private var position: Int? = 0

    @_lifetime(copy line)
    fileprivate init(_ line: RawSpan) { self.line = line }

    @_lifetime(copy self)
    public mutating func next() -> CommandLine? {
      guard var start = position else { return nil }
      while start < line.byteCount, isSeparator(line.integer(UInt8.self, at: start)) { start += 1 }
      let rest = line.extracting(start..<line.byteCount)
      var decoder = WordDecoder(rest, quote: nil)
      var isAtEnd = false
      while !isAtEnd {
        guard let byte = decoder.next() else {
          isAtEnd = !decoder.skipSeparator()
          continue
        }
        guard byte == UInt8(ascii: ";"), decoder.quote == nil, !decoder.isEscaped else { continue }
        position = start + decoder.position
        return CommandLine(rest.extracting(0..<decoder.position - 1))
      }
      position = nil
      return CommandLine(rest)
    }
  }
}
