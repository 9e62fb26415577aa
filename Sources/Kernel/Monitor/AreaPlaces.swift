import Addressing
import KernelSpace
import Machine

/// Where the areas live that commands make: places with numbers, each of which may hold one. The
/// first few are those with names, the others those of `stress`.
enum AreaPlaces {
  static var named: Range<Int> { 0..<8 }
  static var forStress: Range<Int> { 8..<64 }

  /// Which places hold an area, a bit each.
  // SAFETY: one CPU runs commands.
  private nonisolated(unsafe) static var occupied: UInt64 = 0

  static func isFree(_ place: Int) -> Bool { unsafe occupied >> UInt64(place) & 1 == 0 }

  static func put(_ area: consuming KernelArea, at place: Int) {
    precondition(isFree(place))
    // SAFETY: memory for an area, in which there is none.
    unsafe pointer(place).initialize(to: area)
    unsafe occupied |= 1 << UInt64(place)
  }

  static func take(_ place: Int) -> KernelArea? {
    guard !isFree(place) else { return nil }
    unsafe occupied &= ~(1 << UInt64(place))
    // SAFETY: an area is there, and counts as gone from now on.
    return unsafe pointer(place).move()
  }

  /// The addresses of the area in a place.
  static func range(at place: Int) -> Range<VirtualAddress>? {
    // SAFETY: an area is there.
    isFree(place) ? nil : unsafe pointer(place).pointee.range
  }

  /// Calls `body` with the area in a place, if there is one.
  static func change(
    _ place: Int, _ body: (inout KernelArea) throws(AreaError) -> Void
  ) throws(AreaError) {
    guard !isFree(place) else { return }
    // SAFETY: an area is there, and nobody else is at it: commands run one at a time.
    try unsafe body(&pointer(place).pointee)
  }

  private static func pointer(_ place: Int) -> UnsafeMutablePointer<KernelArea> {
    precondition(place < forStress.upperBound)
    let record = KernelState.bootRecord
    precondition(
      Int(record.areaPlacesSize) >= forStress.upperBound * MemoryLayout<KernelArea>.stride)
    let start = unsafe UnsafeMutablePointer<KernelArea>(bitPattern: UInt(record.areaPlaces))
    // SAFETY: boot/image.asm set the memory aside, for nothing else.
    return unsafe start.unsafelyUnwrapped + place
  }
}
