extension Word {
  /// The number that this word is: decimal, or hexadecimal with 0x, with `_` between the digits
  /// wherever one likes, and perhaps a suffix of K, M, G, T, P or E.
  public func number() throws(NumberError) -> UInt64 {
    var reader = NumberReader(self, .monitor)
    let number = try reader.number()
    guard reader.isAtEnd else { throw .notANumber }
    return number
  }

  /// The range that this word is: `START-END`, without the byte at END, or `START+SIZE`.
  ///
  /// - Throws: `notANumber`, also where the end lies below the start.
  public func range() throws(NumberError) -> Range<UInt64> {
    var reader = NumberReader(self, .monitor)
    let start = try reader.number()
    let separator = reader.next()
    let second = try reader.number()
    guard reader.isAtEnd else { throw .notANumber }
    switch separator {
    case UInt8(ascii: "-") where start <= second: return start..<second
    case UInt8(ascii: "+"):
      let (end, overflow) = start.addingReportingOverflow(second)
      if overflow { throw .tooLarge }
      return start..<end
    default: throw .notANumber
    }
  }
}
