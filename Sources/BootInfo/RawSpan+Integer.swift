// This floor's only reads of raw memory, and for other floors' tables.

import Addressing

extension RawSpan {
  /// The little-endian integer at a byte offset, aligned or not. Traps outside the span.
  package func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T
  {
    // SAFETY: the load checks its bounds, and every bit pattern is an integer.
    unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: type)
  }

  /// The 32-bit number at a byte offset, as sizes and counts are kept. Never negative.
  func size(at offset: Int) -> Int { Int(integer(UInt32.self, at: offset)) }

  func address(at offset: Int) -> PhysicalAddress {
    PhysicalAddress(integer(UInt64.self, at: offset))
  }

  /// The sum of all bytes, without carry: zero where a checksum among them holds.
  var byteSum: UInt8 {
    var sum: UInt8 = 0
    for offset in 0..<byteCount { sum &+= integer(UInt8.self, at: offset) }
    return sum
  }

  /// The offset of the first zero byte at or after `start`.
  func zeroByte(from start: Int) -> Int? {
    var offset = start
    while offset < byteCount {
      if integer(UInt8.self, at: offset) == 0 { return offset }
      offset += 1
    }
    return nil
  }
}
