// A word of the command line, and the one place that knows about quotes and backslashes.

/// A word of a command line, or the value at a word's end.
public struct Word: ~Escapable {
  /// The bytes as received: quotes, backslashes and all.
  let bytes: RawSpan

  /// The quote that was opened before the first of the bytes.
  let quote: UInt8?

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, quote: UInt8?) {
    self.bytes = bytes
    self.quote = quote
  }

  /// A decoder that stands at the first byte.
  var decoder: WordDecoder {
    @_lifetime(copy self)
    get { WordDecoder(bytes, quote: quote) }
  }

  /// Calls `body` with each decoded byte.
  public func forEachByte(_ body: (UInt8) -> Void) {
    var decoder = decoder
    while let byte = decoder.next() { body(byte) }
  }

  /// Calls `body` with each part of a list with commas between them.
  public func forEachPart(_ body: (borrowing Word) -> Void) {
    var decoder = WordDecoder(bytes, quote: quote)
    var (start, quoteAtStart) = (0, quote)
    while true {
      let end = decoder.position
      let byte = decoder.next()
      if byte == UInt8(ascii: ",") || byte == nil {
        body(Word(bytes.extracting(start..<end), quote: quoteAtStart))
        (start, quoteAtStart) = (decoder.position, decoder.quote)
      }
      if byte == nil { return }
    }
  }

  public static func == (word: Word, text: StaticString) -> Bool {
    var decoder = word.decoder
    return decoder.skip(text) && decoder.next() == nil
  }

  /// What follows `key` and an equals sign; `nil` for any other word.
  @_lifetime(copy self)
  public func value(ofKey key: StaticString) -> Word? {
    var decoder = decoder
    guard decoder.skip(key), decoder.next() == UInt8(ascii: "=") else { return nil }
    return Word(bytes.extracting(decoder.position..<bytes.byteCount), quote: decoder.quote)
  }
}

func isSeparator(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
}

/// Decodes one word, byte by byte, up to a separator outside quotes or the end of the bytes.
struct WordDecoder: ~Escapable {
  private let bytes: RawSpan
  private(set) var position = 0

  /// The quote that is open.
  private(set) var quote: UInt8?

  /// Whether a backslash made the last byte plain.
  private(set) var isEscaped = false

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, quote: UInt8?) {
    self.bytes = bytes
    self.quote = quote
  }

  mutating func next() -> UInt8? {
    isEscaped = false
    while position < bytes.byteCount {
      let byte = bytes.integer(UInt8.self, at: position)
      if quote == nil, isSeparator(byte) { return nil }
      position += 1
      switch byte {
      case UInt8(ascii: "\\"):
        guard position < bytes.byteCount else { return nil }
        position += 1
        isEscaped = true
        return bytes.integer(UInt8.self, at: position - 1)
      case quote:
        quote = nil
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        guard quote == nil else { return byte }
        quote = byte
      default:
        return byte
      }
    }
    return nil
  }

  /// Goes on behind the separator that a word ended at; says whether there was one.
  mutating func skipSeparator() -> Bool {
    guard position < bytes.byteCount else { return false }
    position += 1
    return true
  }

  /// Reads the bytes of `text`, or up to the first that differs.
  mutating func skip(_ text: StaticString) -> Bool {
    let text = text.utf8Span
    for index in 0..<text.byteCount where next() != text.integer(UInt8.self, at: index) {
      return false
    }
    return true
  }
}

extension StaticString {
  fileprivate var utf8Span: RawSpan {
    @_lifetime(immortal)
    get {
      // SAFETY: the bytes of a string literal lie in the image and never change.
      let span = unsafe RawSpan(_unsafeStart: utf8Start, byteCount: utf8CodeUnitCount)
      return unsafe _overrideLifetime(span, copying: ())
    }
  }
}
