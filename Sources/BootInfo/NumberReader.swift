// Numbers in words, wherever someone types one: decimal, or hexadecimal with 0x, and perhaps one of
// the suffixes K, M, G, T, P and E, in either case, each 1024 times the one before.

/// Why a word is no number.
public enum NumberError: Error, Equatable {
  /// It does not read as one.
  case notANumber
  /// 64 bits do not hold it.
  case tooLarge
}

/// Reads the numbers of a word.
struct NumberReader: ~Escapable {
  enum Style {
    /// Linux's: a leading zero means octal.
    case linux
    /// The monitor's: as the kernel prints them, with `_` between the digits.
    case monitor
  }

  private let style: Style
  private var decoder: WordDecoder
  /// What comes next; `nil` at the end.
  private var byte: UInt8?

  @_lifetime(copy word)
  init(_ word: borrowing Word, _ style: Style) {
    self.style = style
    decoder = word.decoder
    byte = decoder.next()
  }

  var isAtEnd: Bool { byte == nil }

  @_lifetime(self: copy self)
  mutating func next() -> UInt8? {
    let current = byte
    byte = decoder.next()
    return current
  }

  /// A number with its suffix.
  @_lifetime(self: copy self)
  mutating func number() throws(NumberError) -> UInt64 {
    guard var value = digit, value < 10 else { throw .notANumber }
    _ = next()
    var radix: UInt64 = value == 0 && style == .linux ? 8 : 10
    if value == 0, byte == UInt8(ascii: "x") || byte == UInt8(ascii: "X") {
      _ = next()
      radix = 16
      guard digit != nil else { throw .notANumber }
    }
    var isTooLarge = false
    while true {
      if style == .monitor, byte == UInt8(ascii: "_") {
        _ = next()
        guard let digit, digit < radix else { throw .notANumber }
      }
      guard let digit, digit < radix else { break }
      let (product, overflows) = value.multipliedReportingOverflow(by: radix)
      let (sum, carries) = product.addingReportingOverflow(digit)
      isTooLarge = isTooLarge || overflows || carries
      value = sum
      _ = next()
    }
    if let shift = suffixShift {
      _ = next()
      isTooLarge = isTooLarge || value > UInt64.max >> shift
      value <<= shift
    }
    if isTooLarge { throw .tooLarge }
    return value
  }

  /// The value of the next byte as a hexadecimal digit.
  private var digit: UInt64? {
    switch byte {
    case .some(let byte) where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"):
      UInt64(byte - UInt8(ascii: "0"))
    case .some(let byte) where byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"):
      UInt64(byte | 0x20 - UInt8(ascii: "a") + 10)
    default: nil
    }
  }

  /// By how many bits the next byte, as a suffix, shifts a number.
  private var suffixShift: UInt64? {
    switch byte.map({ $0 | 0x20 }) {
    case UInt8(ascii: "k"): 10
    case UInt8(ascii: "m"): 20
    case UInt8(ascii: "g"): 30
    case UInt8(ascii: "t"): 40
    case UInt8(ascii: "p"): 50
    case UInt8(ascii: "e"): 60
    default: nil
    }
  }
}
