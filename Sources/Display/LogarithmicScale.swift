/// Sizes by their logarithm: twice the size is always the same bit larger.
public enum LogarithmicScale {
  /// What doubling a size adds.
  public static var doubling: UInt64 { 16 }

  /// How far a size is from 4 KiB, in sixteenths of a doubling, and `doubling` more: nothing is
  /// without width. Between two powers of two the scale is a straight line.
  ///
  /// - Parameter byteCount: 2^64 is given as 0.
  public static func weight(_ byteCount: UInt64) -> UInt64 {
    let exponent = byteCount == 0 ? 64 : UInt64(63 - byteCount.leadingZeroBitCount)
    // The four bits behind the highest one.
    let fraction = exponent == 64 || exponent < 4 ? 0 : byteCount >> (exponent - 4) & 15
    let steps = exponent * doubling + fraction
    let page: UInt64 = 12 * doubling
    return max(steps, page) - page + doubling
  }
}

extension Rectangle {
  /// The columns of a strip that show `part` of `whole`, true to scale; at least one.
  public func columns(of part: Range<UInt64>, in whole: Range<UInt64>) -> Range<Int> {
    let start = column(of: part.lowerBound, in: whole)
    let end = column(of: part.upperBound, in: whole)
    return min(start, width - 1)..<max(end, min(start, width - 1) + 1)
  }

  private func column(of place: UInt64, in whole: Range<UInt64>) -> Int {
    let extent = whole.upperBound - whole.lowerBound
    // So that the product fits: no screen is 2^16 pixels wide.
    let shift = UInt64(max(16 - extent.leadingZeroBitCount, 0))
    return Int(
      ((place - whole.lowerBound) >> shift) * UInt64(width) / (extent >> shift))
  }
}
