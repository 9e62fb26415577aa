// Frames and areas on the host: the floors of the kernel, over an arena, without locks.

import Addressing
import BenchFloors
import BootInfo
import Frames
import KernelSpace
import PageTables

/// The slots of all frames in one stretch of host memory: what lies at a virtual address of the
/// window is found without a page table, as in the kernel.
struct SlotMemory: VirtualMemory {
  private let base: UnsafeMutablePointer<UInt64>
  private let start: UInt64

  init(_ arena: Arena) {
    start = Layout(addressWidth: .bits48).frameMetadata.lowerBound.rawValue
    let byteCount = Arena.byteCount / 256
    base = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 4096)
      .initializeMemory(as: UInt64.self, repeating: 0, count: byteCount / 8)
  }

  func page(at address: VirtualAddress) -> TableEntries {
    TableEntries(unsafeBase: base + Int((address.rawValue - start) / 8))
  }
}

/// All of it in static storage, as the kernel has it. A flush costs nothing.
enum BenchSpace: KernelAddressSpace, FramePool {
  typealias Pool = BenchSpace

  nonisolated(unsafe) private static var arena: Arena?
  nonisolated(unsafe) private static var table: PageTable<Arena>?
  nonisolated(unsafe) private static var frames: FrameAllocator<Arena, SlotMemory>?
  nonisolated(unsafe) private static var areas: VirtualAreas<Arena>?

  static func begin(_ arena: Arena) {
    let layout = Layout(addressWidth: .bits48)
    do throws(MemoryMapError) {
      var map = MemoryMap(unsafeStorage: storage(16 * MemoryMap.bytesPerRegion))
      try map.add(start: 1 << 20, byteCount: UInt64(Arena.byteCount) - 1 << 20, kind: .usable)
      try map.normalise(limit: PhysicalAddress(UInt64(Arena.byteCount)))
      begin(arena, layout, map)
    } catch { fail("the memory map of the arena") }
  }

  private static func begin(_ arena: Arena, _ layout: Layout, _ map: consuming MemoryMap) {
    self.arena = arena
    var early = EarlyFrameAllocator(
      unsafeStorage: storage(16 * EarlyFrameAllocator<Arena>.bytesPerRange), of: arena)
    early.add(map[0].range)
    do throws(PageTableError) {
      var table = try PageTable(mode: .fourLevel, memory: arena, from: &early)
      try table.populateKernelHalf(from: &early)
      do throws(OutOfFrames) {
        var frames = try FrameAllocator.takeOver(
          from: early, map, slots: layout.frameMetadata.lowerBound, in: table, memory: arena,
          window: SlotMemory(arena), forEachUsableRange: { (map, body) in body(map[0].range) })
        let kept = try frames.allocate(VirtualAreas<Arena>.initialFrameCount, as: .bookkeeping)
        areas = VirtualAreas(layout.vmalloc, memory: arena, keeping: kept.lowerBound)
        self.frames = consume frames
      } catch { fail("frames of the arena") }
      self.table = consume table
    } catch { fail("the page table of the arena") }
  }

  private static func storage(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    .allocate(byteCount: byteCount, alignment: 16)
  }

  static var memory: Arena { arena! }
  static var cache: CountedFlushes { CountedFlushes() }
  static var largestPage: PageSize { .size1GiB }
  static var activeRoot: PhysicalAddress { PhysicalAddress(0) }
  static func activate(root: PhysicalAddress) {}

  static func withAllocator<Result: ~Copyable, Failure: Error>(
    _ body: (inout FrameAllocator<Arena, SlotMemory>) throws(Failure) -> Result
  ) throws(Failure) -> Result { try body(&frames!) }

  static func withAreas<Result: ~Copyable, Failure: Error>(
    _ body: (inout VirtualAreas<Arena>) throws(Failure) -> Result
  ) throws(Failure) -> Result { try body(&areas!) }

  static func withPageTable<Result: ~Copyable, Failure: Error>(
    _ body: (inout PageTable<Arena>) throws(Failure) -> Result
  ) throws(Failure) -> Result { try body(&table!) }

  static var freeCount: UInt64 {
    withAllocator { frames in frames.freeCount + UInt64(frames.bookkeepingFrameCount) }
      + withAreas { areas in UInt64(areas.bookkeepingFrameCount) }
  }
}

extension Workloads {
  /// A frame made and ended, and an area of four frames made and ended. The floor of both is the C
  /// loop of `area4`, once a round: it leaves four entries and takes them away.
  func owners() -> [Workload] {
    [
      owner("frame") { () throws(PageTableError) in
        do throws(OutOfFrames) { _ = try Frame<BenchSpace>() } catch { fail("a frame") }
      },
      owner("area of 4 frames") { () throws(PageTableError) in
        do throws(OutOfFrames) {
          var frames: Segment<BenchSpace>? = try Segment(frameCount: 4)
          makeArea(&frames)
        } catch { fail("four frames") }
      },
    ]
  }

  private func makeArea(_ frames: inout Segment<BenchSpace>?) {
    do throws(AreaError) {
      _ = try KernelVirtualArea<BenchSpace>.tracked(&frames, .write)
    } catch { fail("an area") }
  }

  private func owner(
    _ name: StaticString, _ body: @escaping () throws(PageTableError) -> Void
  ) -> Workload {
    let rounds: UInt64 = 100_000
    return Workload(name: name, unit: "round", units: rounds, aim: 0) {
      var table = arena.floorTable()
      let start: UInt64 = 0xffff_c000_0000_0000
      for slot in 0..<8192 as Range<UInt64> {
        floor_map(&table, floor_pages(start: start + slot << 15, count: 4, level: 1), 0, 4)
      }
      return time { _ = floor_area4(&table, start, 0x103, rounds) }
    } subject: { () throws(PageTableError) in
      BenchSpace.begin(arena)
      let before = BenchSpace.freeCount
      let duration = try time { () throws(PageTableError) in
        for _ in 0..<rounds { try body() }
        BenchSpace.flush()
      }
      check(BenchSpace.freeCount == before, "all frames came back")
      return duration
    }
  }
}
