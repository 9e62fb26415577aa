extension Word {
  /// What lies between the commas of a word: at least one piece, which may be empty.
  public var pieces: Pieces {
    @_lifetime(copy self)
    get { Pieces(self) }
  }

  /// Walks the pieces of a word: `while let piece = pieces.next() { … }`.
  public struct Pieces: ~Escapable {
    private let bytes: RawSpan
    /// Where the next piece starts; past the last one, `nil`.
    private var position: Int? = 0
    /// The quote that is open there.
    private var quote: UInt8?

    @_lifetime(copy word)
    fileprivate init(_ word: borrowing Word) {
      bytes = word.bytes
      quote = word.quote
    }

    @_lifetime(copy self)
    public mutating func next() -> Word? {
      guard let start = position else { return nil }
      let rest = bytes.extracting(start..<bytes.byteCount)
      let openQuote = quote
      var decoder = WordDecoder(rest, quote: openQuote)
      // Up to the piece's last byte: before the comma there may be quotes.
      var end = 0
      while let byte = decoder.next() {
        if byte == UInt8(ascii: ",") {
          position = start + decoder.position
          quote = decoder.quote
          return Word(rest.extracting(0..<end), quote: openQuote)
        }
        end = decoder.position
      }
      position = nil
      return Word(rest, quote: openQuote)
    }
  }
}
