// Physical memory, table frames and a TLB that cost as little as they can.

import Addressing
import BenchFloors
import PageTables

/// One stretch of host memory, touched beforehand. Physical address 0 is its start.
struct Arena: PhysicalMemory {
  static let byteCount = 64 << 20

  let base: UnsafeMutablePointer<UInt64>

  init() {
    let alignment = PageSize.size2MiB.byteCount
    base =
      UnsafeMutableRawPointer
      .allocate(byteCount: Arena.byteCount, alignment: Int(alignment))
      .initializeMemory(as: UInt64.self, repeating: 0, count: Arena.byteCount / 8)
  }

  func table(at address: PhysicalAddress) -> TableEntries {
    TableEntries(unsafeBase: base + Int(address.rawValue / 8))
  }

  /// A table for the floors: the frame 1 is its root, and all memory is zero.
  func floorTable() -> floor_table {
    base.update(repeating: 0, count: Arena.byteCount / 8)
    return floor_table(memory: base, root: 4096, next: 8192)
  }
}

/// Frames in order, but those that came back first.
struct BumpFrames: TableFramePool {
  private let arena: Arena
  private var next = PhysicalAddress(4096)
  private var firstFree: UInt64 = 0
  private(set) var inUseCount = 0

  init(_ arena: Arena) { self.arena = arena }

  mutating func reserve(_ count: Int) throws(OutOfFrames) {
    let available = (Arena.byteCount - Int(next.rawValue)) / 4096
    guard count <= available else { throw OutOfFrames(needed: count, available: available) }
  }

  mutating func takeFrame() -> PhysicalAddress {
    inUseCount += 1
    if firstFree != 0 {
      let frame = PhysicalAddress(firstFree)
      firstFree = arena.table(at: frame)[word: 0]
      return frame
    }
    defer { next = next + PageSize.size4KiB.byteCount }
    return next
  }

  mutating func giveBack(_ frame: PhysicalAddress) {
    inUseCount -= 1
    arena.table(at: frame)[word: 0] = firstFree
    firstFree = frame.rawValue
  }
}

/// Flushing costs nothing on the host, so it is only counted.
struct CountedFlushes: TranslationCache {
  private(set) var count = 0

  mutating func invalidate(page: VirtualAddress) { count += 1 }
  mutating func invalidateAll() { count += 1 }
  mutating func writeBackData() {}
}

/// An empty page table with all that it needs.
struct Subject: ~Copyable {
  let arena: Arena
  var frames: BumpFrames
  var table: PageTable<Arena>
  var flushes = CountedFlushes()

  init(_ arena: Arena) throws(PageTableError) {
    self.arena = arena
    frames = BumpFrames(arena)
    table = try PageTable(mode: .fourLevel, memory: arena, from: &frames)
  }

  @inline(__always) mutating func spend(_ token: consuming FlushToken) {
    token.spend(on: &flushes, returningTablesTo: &frames, in: arena)
  }

  @inline(__always) mutating func map(_ pages: Pages) throws(PageTableError) {
    spend(
      try table.map(
        pages.range, to: pages.physical, pages.property, largest: pages.size, from: &frames))
  }

  /// The table as the floors' code sees it.
  var floorTable: floor_table {
    floor_table(memory: arena.base, root: table.root.rawValue, next: 0)
  }
}
