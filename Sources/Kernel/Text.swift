import Addressing
import BootInfo

// String interpolation without strings: the literal pieces and the values of `"\(a) of \(b)"` go to
// the console one by one as the expression is evaluated. Nothing is stored.

/// What the kernel prints. Making a value prints it.
struct Text: ExpressibleByStringInterpolation {
  init(stringLiteral literal: StaticString) { Interpolation.put(literal) }

  init(stringInterpolation: Interpolation) {}

  struct Interpolation: StringInterpolationProtocol {
    init(literalCapacity: Int, interpolationCount: Int) {}

    func appendLiteral(_ literal: StaticString) { Self.put(literal) }

    func appendInterpolation(_ text: StaticString) { Self.put(text) }

    /// Left-aligned in a column of `width`.
    func appendInterpolation(_ text: StaticString, width: Int) {
      Self.put(text)
      Self.pad(from: text.utf8CodeUnitCount, to: width)
    }

    /// Decimal, right-aligned in a column of `width`.
    func appendInterpolation<Number: FixedWidthInteger & UnsignedInteger>(
      _ number: Number, width: Int = 0
    ) {
      let number = UInt64(number)
      Self.pad(from: Self.digits(number), to: width)
      Self.put(decimal: number)
    }

    func appendInterpolation(_ number: Int, width: Int = 0) {
      appendInterpolation(UInt64(number), width: width)
    }

    /// All 16 digits, in groups of four.
    @inline(never) func appendInterpolation(hex number: UInt64) {
      Self.put("0x")
      for shift in stride(from: UInt64(60), through: 0, by: -4) {
        Self.put(hexDigit: number >> shift)
        if shift % 16 == 0, shift > 0 { Console.put(UInt8(ascii: "_")) }
      }
    }

    /// As many digits as it takes.
    func appendInterpolation(shortHex number: UInt64) {
      Self.put("0x")
      var shift: UInt64 = 60
      while shift > 0, number >> shift == 0 { shift -= 4 }
      for shift in stride(from: shift, through: 0, by: -4) { Self.put(hexDigit: number >> shift) }
    }

    /// The lowest `count` hexadecimal digits, and nothing else.
    func appendInterpolation(digits number: UInt64, count: UInt64) {
      for digit in stride(from: count, to: 0, by: -1) {
        Self.put(hexDigit: number >> (4 * (digit - 1)))
      }
    }

    func appendInterpolation<Place: Address>(_ address: Place) {
      appendInterpolation(hex: address.rawValue)
    }

    /// An exact size, in the largest unit that divides it; right-aligned in a column of `width`.
    @inline(never) func appendInterpolation(bytes: UInt64, width: Int = 0) {
      var amount = bytes
      var unit = 0
      while amount != 0, amount & 1023 == 0, unit < 5 {
        amount >>= 10
        unit += 1
      }
      let name = Self.name(ofUnit: unit)
      Self.pad(from: Self.digits(amount) + name.utf8CodeUnitCount, to: width)
      Self.put(decimal: amount)
      Self.put(name)
    }

    /// A size in the largest unit that it has one of, to a tenth of it, rounded down.
    @inline(never) func appendInterpolation(about bytes: UInt64) {
      var unit = 0
      while unit < 6, bytes >> UInt64(10 * (unit + 1)) > 0 { unit += 1 }
      Self.put(decimal: bytes >> UInt64(10 * unit))
      let tenths = unit == 0 ? 0 : (bytes >> UInt64(10 * unit - 10) & 1023) * 10 / 1024
      if tenths > 0 {
        Self.put(".")
        Self.put(decimal: tenths)
      }
      Self.put(Self.name(ofUnit: unit))
    }

    private static func name(ofUnit unit: Int) -> StaticString {
      switch unit {
      case 0: " B"
      case 1: " KiB"
      case 2: " MiB"
      case 3: " GiB"
      case 4: " TiB"
      case 5: " PiB"
      default: " EiB"
      }
    }

    /// Bytes from outside: what would steer a terminal becomes a question mark. The rest is taken
    /// for UTF-8, and so left alone.
    func appendInterpolation(_ bytes: RawSpan) {
      for index in 0..<bytes.byteCount {
        // SAFETY: any byte is a UInt8, and the load checks its bounds.
        unsafe Self.put(foreign: bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
      }
    }

    func appendInterpolation(_ word: borrowing Word) { word.forEachByte(Self.put(foreign:)) }

    /// Kept out of line: otherwise each character of each literal becomes a call.
    @inline(never) fileprivate static func put(_ text: StaticString) {
      // SAFETY: the bytes of a string literal lie in the image.
      for index in 0..<text.utf8CodeUnitCount { unsafe Console.put(text.utf8Start[index]) }
    }

    static func put(foreign byte: UInt8) {
      Console.put(byte < 0x20 || byte == 0x7f ? UInt8(ascii: "?") : byte)
    }

    private static func put(hexDigit number: UInt64) {
      let digit = UInt8(truncatingIfNeeded: number & 0xf)
      Console.put(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }

    @inline(never) private static func put(decimal number: UInt64) {
      if number >= 10 { put(decimal: number / 10) }
      Console.put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
    }

    private static func digits(_ number: UInt64) -> Int {
      var rest = number / 10
      var count = 1
      while rest > 0 {
        rest /= 10
        count += 1
      }
      return count
    }

    @inline(never) private static func pad(from used: Int, to width: Int) {
      for _ in stride(from: used, to: width, by: 1) { Console.put(UInt8(ascii: " ")) }
    }
  }
}

/// Prints a line.
func print(_ text: Text) { Console.put(UInt8(ascii: "\n")) }

/// Prints without ending the line.
func printPart(_ text: Text) {}
