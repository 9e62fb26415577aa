import Addressing
import KernelSpace
import PageTables

/// What lies at an address of the vmalloc window, for reports about faults: whoever holds the lock may
/// be who has faulted, and may have left half of a change behind.
enum AreaGlimpse {
  case noArea
  case guardBelow(Range<VirtualAddress>)
  case guardAbove(Range<VirtualAddress>)
  case inside(Range<VirtualAddress>)
  /// The area has ended, and waits for a flush.
  case ended(Range<VirtualAddress>)
  case unknown

  init(_ address: VirtualAddress) {
    let found = unsafe virtualAreas?.glimpse(
      of: address, canRead: { KernelState.isInLinearMapping($0) })
    guard let found else {
      self = .unknown
      return
    }
    switch found {
    case .free: self = .noArea
    case .unknown: self = .unknown
    case .reserved(let all, let areaCount):
      let page = PageSize.size4KiB.byteCount
      let area = all.lowerBound + page..<all.upperBound - page
      if areaCount == 0 {
        self = .ended(area)
      } else if address < area.lowerBound {
        self = .guardBelow(area)
      } else if address >= area.upperBound {
        self = .guardAbove(area)
      } else {
        self = .inside(area)
      }
    }
  }
}

extension Text.Interpolation {
  /// `the area of 8 KiB at 0xff80_0000_0002_5000`
  func appendInterpolation(area: Range<VirtualAddress>) {
    appendLiteral("the area of ")
    appendInterpolation(bytes: area.byteCount)
    appendLiteral(" at ")
    appendInterpolation(area.lowerBound)
  }
}
