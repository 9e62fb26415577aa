import Addressing
import Machine

/// The font of boot/font.txt, a record a glyph:
///
///      0            4                 8                            24
///     +------------+-----------------+----------------------------+
///     | code point | VGA's character | 16 rows, the highest first |
///     +------------+-----------------+----------------------------+
///
/// The first are those of ASCII from the blank to the tilde; the last is for all that has none.
struct Font {
  static var width: Int { 8 }
  static var height: Int { 16 }

  private static var recordSize: Int { 24 }
  private static var ascii: ClosedRange<UInt32> { 0x20...0x7e }

  private let start: VirtualAddress
  private let count: Int

  init(_ record: BootRecord) {
    start = VirtualAddress(record.font)
    count = Int(record.fontEnd - record.font) / Self.recordSize
  }

  func glyph(for scalar: Unicode.Scalar) -> UInt8 {
    if Self.ascii.contains(scalar.value) {
      return UInt8(scalar.value - Self.ascii.lowerBound)
    }
    var index = count - 1
    for other in 0..<count where load(UInt32.self, at: 0, of: other) == scalar.value {
      index = other
    }
    return UInt8(index)
  }

  /// The character of the VGA's own font that comes closest.
  func vgaCharacter(of glyph: UInt8) -> UInt8 {
    UInt8(truncatingIfNeeded: load(UInt32.self, at: 4, of: Int(glyph)))
  }

  /// The upper eight rows of a glyph or the lower, a byte each, the lowest byte first; in each the
  /// highest bit is on the left.
  func rows(of glyph: UInt8, isLower: Bool) -> UInt64 {
    load(UInt64.self, at: isLower ? 16 : 8, of: Int(glyph))
  }

  private func load<Number: FixedWidthInteger & BitwiseCopyable>(
    _: Number.Type, at offset: Int, of glyph: Int
  ) -> Number {
    // SAFETY: read-only data of the image, there as long as the kernel is; the load checks its
    // bounds, and any bits are a number.
    unsafe mappedBytes(at: start, count: count * Self.recordSize)
      .unsafeLoadUnaligned(fromByteOffset: glyph * Self.recordSize + offset, as: Number.self)
  }
}
