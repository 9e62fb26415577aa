import Addressing
import BootInfo
import PageTables

/// Why an area, or an address space, could not do what was asked. It is then as it was before, and
/// what was to be given to it is still the caller's.
public enum AreaError: Error, Equatable {
  /// No pages at all were asked for.
  case empty
  /// An offset or a size is not a multiple of 4 KiB.
  case misaligned(UInt64)
  /// The range reaches past the area; its end.
  case outsideArea(UInt64)
  /// There are not so many pages in a row left in the vmalloc window.
  case outOfAddresses(pageCount: UInt64)
  /// No frames for tables or bookkeeping.
  case outOfFrames(OutOfFrames)
  /// Areas are never executable, nor open to user mode; what an address space has below is.
  case forbidden(Rights)
  /// What is mapped already, RAM as write-back or a device by another area, can have no second type.
  case twoMemoryTypes(PhysicalAddress)
  /// Usable RAM and the kernel's own is mapped only by who owns its frames; where it begins.
  case owned(PhysicalAddress, RegionKind)
  /// What the page table has against it.
  case pageTable(PageTableError)

  /// Whether a flush may bring back what is missing.
  var isShortage: Bool {
    switch self {
    case .outOfAddresses, .outOfFrames: true
    default: false
    }
  }

  init(_ error: PageTableError) {
    if case .outOfFrames(let shortage) = error {
      self = .outOfFrames(shortage)
    } else {
      self = .pageTable(error)
    }
  }
}
