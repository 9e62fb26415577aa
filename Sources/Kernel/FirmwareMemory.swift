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
    let pages = try pages(at: address, UInt64(count))
    if isInLinearMapping(pages) {
      body(KernelFrames.memory.bytes(at: address, count: count))
    } else {
      let area = try KernelArea.untracked(pages, .kernel(.none))
      let start = area.range.lowerBound + (address - pages.lowerBound)
      // SAFETY: the area maps the bytes, and ends after the last use of the span.
      body(unsafe mappedBytes(at: start, count: count))
    }
  }

  /// The pages that hold what the firmware says lies at an address: any 64-bit number may be one.
  ///
  /// - Throws: `pageTable(.physicalOutOfRange)` where it runs past the 64-bit space.
  static func pages(
    at address: PhysicalAddress, _ byteCount: UInt64
  ) throws(AreaError) -> Range<PhysicalAddress> {
    let (end, overflow) = address.rawValue.addingReportingOverflow(byteCount)
    guard !overflow, let lastPage = PhysicalAddress(end).alignedUp(to: .size4KiB) else {
      throw .pageTable(.physicalOutOfRange(address))
    }
    return address.alignedDown(to: .size4KiB)..<lastPage
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
