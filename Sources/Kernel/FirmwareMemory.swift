import Addressing
import KernelSpace
import PageTables

/// Physical memory that the firmware filled: through the linear mapping where it holds it, else
/// through a read-only area for as long as it is read. Some firmware keeps ACPI tables in reserved
/// memory, which the linear mapping leaves out.
enum FirmwareMemory {
  /// Calls `body` with `count` bytes of physical memory.
  ///
  /// - Throws: `AreaError` if they can't be mapped.
  static func read(
    at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Void
  ) throws(AreaError) {
    let (end, overflow) = address.rawValue.addingReportingOverflow(UInt64(count))
    guard !overflow, let lastPage = PhysicalAddress(end).alignedUp(to: .size4KiB) else {
      throw .pageTable(.physicalOutOfRange(address))
    }
    let pages = address.alignedDown(to: .size4KiB)..<lastPage
    if isInLinearMapping(pages) {
      body(KernelFrames.memory.bytes(at: address, count: count))
    } else {
      let area = try KernelArea.untracked(pages, .kernel(.none))
      let start = area.range.lowerBound + (address - pages.lowerBound)
      // SAFETY: the area maps the bytes, and ends after the last use of the span.
      body(unsafe mappedBytes(at: start, count: count))
    }
  }

  private static func isInLinearMapping(_ pages: Range<PhysicalAddress>) -> Bool {
    let layout = KernelState.layout
    guard pages.upperBound.rawValue <= layout.linearCapacity else { return false }
    var page = pages.lowerBound
    while page < pages.upperBound {
      guard let mapping = try? KernelState.liveReader.query(paddrToVaddr(page)) else {
        return false
      }
      page = page + (mapping.size.byteCount - (page.rawValue & mapping.size.offsetMask))
    }
    return true
  }
}
