// What waits for a flush is not used before it, and does not wait without end.

import Addressing
import Frames
import KernelSpace
import PageTables
import TestSupport
import Testing

@Suite struct FlushQueueTests {
  /// Addresses, frames and tables of an area that ended, while others come and go.
  @Test func nothingIsReusedBeforeTheFlush() throws {
    let bench = try AreaBench(ramByteCount: 32 << 20)
    try bench.run {
      // Alone in its 1 GiB, with tables of its own.
      let area = try AreaBox(pages: 8, alignedTo: .size1GiB)
      let tables = Set(bench.snapshot().tables.map(\.physical))
      var segment: TestSegment? = try TestSegment(frameCount: 8)
      let physical = frames(segment?.range)
      try area.map(&segment, at: 0)
      let gone = Set(bench.snapshot().tables.map(\.physical)).subtracting(tables)
      #expect(gone.count == 2 && bench.touch(area.range) == physical)
      area.end()
      var later: [AreaBox] = []
      var values: [UInt64] = []
      for _ in 0..<30 {
        let next = try AreaBox(frames: 3)
        values += bench.touch(next.range).map { $0! }
        #expect(!next.range.overlaps(area.range))
        later.append(next)
      }
      #expect(Set(values).isDisjoint(with: physical) && Set(values).isDisjoint(with: gone))
      #expect(gone.allSatisfy { bench.slot($0)?.isTable == true })
      #expect(bench.touch(area.range) == physical && bench.tlb.complaints.isEmpty)
      SimulatedSpace.flush()
      #expect(physical.allSatisfy(bench.isFree) && gone.allSatisfy(bench.isFree))
      #expect(bench.touch(area.range).allSatisfy { $0 == nil } && bench.verdict() == nil)
    }
  }

  @Test func aFlushOfNothingCostsNothing() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 3)
      bench.tlb.forgetCounts()
      SimulatedSpace.flush()
      #expect(bench.tlb.fullFlushCount == 0 && bench.tlb.invalidatedPages.isEmpty)
      // One flush for all areas that ended since the last one.
      let others = try (0..<20).map { _ in try AreaBox(frames: 3) }
      for other in others { other.end() }
      #expect(bench.tlb.fullFlushCount == 0 && bench.tlb.invalidatedPages.isEmpty)
      SimulatedSpace.flush()
      #expect(bench.tlb.fullFlushCount == 1 && bench.tlb.invalidatedPages.isEmpty)
      // Few pages are forgotten one by one.
      bench.tlb.forgetCounts()
      let start = area.start
      area.end()
      SimulatedSpace.flush()
      let forgotten = bench.tlb.invalidatedPages
      #expect(Set(forgotten).isSuperset(of: [start, start + 0x1000, start + 0x2000]))
      // A page for the tables that go with it.
      #expect(forgotten.count <= 4)
      #expect(bench.tlb.fullFlushCount == 0)
    }
  }

  /// Areas end without end and nobody asks for a flush.
  @Test(arguments: [1, 3, 64] as [UInt64]) func itIsBounded(pages: UInt64) throws {
    let bench = try AreaBench(ramByteCount: 32 << 20)
    try bench.run {
      let before = bench.areas.freePageCount
      bench.tlb.forgetCounts()
      var (mostPages, mostReservations) = (UInt64(0), 0)
      for _ in 0..<1000 {
        let area = try AreaBox(frames: pages)
        bench.tlb.touch(area.start)
        area.end()
        mostPages = max(mostPages, before - bench.areas.freePageCount)
        mostReservations = max(mostReservations, bench.areas.reservationCount)
      }
      // 1024 pages with their frames, and a frame of entries.
      #expect(mostPages <= 1024 + pages + 2 && mostReservations <= 512)
      let flushes = bench.tlb.fullFlushCount
      #expect(flushes >= 3 && flushes < 150)
      #expect(bench.tlb.complaints.isEmpty)
    }
  }

  /// Frames none of which follows another: an entry for each.
  @Test func aScatteredAreaTakesSeveralFlushes() throws {
    let bench = try AreaBench(ramByteCount: 128 << 20)
    try bench.run {
      let count: UInt64 = 10_000
      let area = try AreaBox(pages: count)
      var even: [TestFrameBox] = []
      var physical: [UInt64] = []
      for page in 0..<count {
        var frame: TestFrame? = try TestFrame()
        physical.append(frame?.address.rawValue ?? 0)
        try area.map(&frame, at: page << 12)
        even.append(try TestFrameBox())
      }
      #expect(zip(physical, physical.dropFirst()).allSatisfy { $0 + 0x1000 != $1 })
      even.removeAll()
      for page in stride(from: 0, to: count, by: 97) { bench.tlb.touch(area.start + page << 12) }
      bench.tlb.forgetCounts()
      area.end()
      let flushes = bench.tlb.fullFlushCount
      // At least one for 256 entries, and not many more.
      #expect(flushes >= 10_000 / 256 && flushes <= 10_000 / 200 + 2)
      SimulatedSpace.flush()
      #expect(physical.allSatisfy(bench.isFree) && bench.verdict() == nil)
    }
  }

  /// As many entries as there is room for, and the area's own at last.
  @Test(arguments: 240...260 as ClosedRange<UInt64>) func justAsManyAsThereIsRoom(count: UInt64)
    throws
  {
    let bench = try AreaBench(ramByteCount: 32 << 20)
    try bench.run {
      let area = try AreaBox(pages: count, alignedTo: .size2MiB)
      var others: [TestFrameBox] = []
      for page in 0..<count {
        var frame: TestFrame? = try TestFrame()
        others.append(try TestFrameBox())
        try area.map(&frame, at: page << 12)
      }
      area.end()
    }
  }

  @Test func manySmallPagesOfNobody() throws {
    let bench = try AreaBench(ramByteCount: 32 << 20, largestPage: .size4KiB)
    try bench.run {
      let device = SimulatedMachine.physical(1 << 40..<1 << 40 + 1 << 30)
      let area = AreaBox(try Area.untracked(device, .kernel(.none)))
      for page in stride(from: 0, to: 1 << 18, by: 1021) as StrideTo<UInt64> {
        #expect(bench.tlb.touch(area.start + page << 12)?.physical == 1 << 40 + page << 12)
      }
      let used = bench.machine.frames.usedCount
      area.end()
      SimulatedSpace.flush()
      // The tables of 512 or 513 times 2 MiB, and those above them.
      #expect((513...516).contains(used - bench.machine.frames.usedCount))
      #expect(bench.verdict() == nil)
    }
  }

  @Test func largeTrackedPagesOfManyOwners() throws {
    let bench = try AreaBench()
    try bench.run {
      var segment: TestSegment? = try TestSegment(frameCount: 8192, order: 9)
      let start = segment?.range.lowerBound.rawValue ?? 0
      let slice = segment?.slice(100..<200)
      let area = AreaBox(try Area.tracked(&segment, .write))
      #expect(bench.leaves().count == 16)
      for page in stride(from: 0, to: 8192, by: 511) as StrideTo<UInt64> {
        bench.tlb.touch(area.start + page << 12)
      }
      area.end()
      #expect(bench.tlb.complaints.isEmpty)
      SimulatedSpace.flush()
      #expect((0..<8192).allSatisfy { bench.isFree(start + $0 << 12) == !(100..<200 ~= $0) })
      end(slice)
      #expect((100..<200).allSatisfy { bench.isFree(start + $0 << 12) })
    }
  }
}

/// A frame where an array can hold it.
final class TestFrameBox {
  private let frame: TestFrame

  init() throws { frame = try TestFrame() }
}
