/// A page size of x86-64, named by the level whose entries map it (SDM volume 3, 4.5).
///
///     level 3 entry   1 GiB   only where CPUID 0x8000_0001 EDX bit 26 says so
///     level 2 entry   2 MiB
///     level 1 entry   4 KiB
public enum PageSize: UInt8, Comparable, Sendable, BitwiseCopyable {
  case size4KiB = 1
  case size2MiB = 2
  case size1GiB = 3

  /// The level of the entry that maps a page of this size.
  public var level: Int { Int(rawValue) }

  /// The number of address bits inside the page: 12, 21 or 30.
  public var shift: UInt64 { 3 &+ 9 &* UInt64(rawValue) }

  public var byteCount: UInt64 { 1 &<< shift }

  /// The address bits inside the page, all ones.
  public var offsetMask: UInt64 { byteCount &- 1 }

  public static func < (left: PageSize, right: PageSize) -> Bool {
    left.rawValue < right.rawValue
  }
}
