import Addressing
import BenchFloors
import PageTables

/// Pages in a row that map frames in a row.
struct Pages {
  let start: VirtualAddress
  let physical: PhysicalAddress
  let size: PageSize
  let count: UInt64
  var property: PageProperty { .kernel(.write) }

  init(
    _ count: UInt64, _ size: PageSize, at start: UInt64 = 0xffff_8000_0000_0000,
    to physical: UInt64 = 0
  ) {
    self.start = VirtualAddress(start)
    self.physical = PhysicalAddress(physical)
    self.size = size
    self.count = count
  }

  var range: Range<VirtualAddress> { start..<start + count << size.shift }

  func page(_ number: UInt64) -> Pages {
    let offset = number << size.shift
    return Pages(1, size, at: start.rawValue + offset, to: physical.rawValue + offset)
  }

  /// The first leaf, by the SDM: present, writable, global, no-execute, and a large page's bit 7.
  var firstEntry: UInt64 {
    physical.rawValue | 0x8000_0000_0000_0103 | (size == .size4KiB ? 0 : 1 << 7)
  }

  var floorPages: floor_pages {
    floor_pages(start: start.rawValue, count: count, level: Int32(size.level))
  }

  /// The sum of the physical addresses, and of the leaves.
  var addressSum: UInt64 { count * physical.rawValue + (count * (count - 1) / 2) << size.shift }
  var entrySum: UInt64 { addressSum &+ count &* (firstEntry - physical.rawValue) }
}
