// Areas use the largest pages that alignment and the CPU allow, as the oracle counts them.

import Addressing
import Frames
import KernelSpace
import Oracle
import PageTables
import TestSupport
import Testing

@Suite struct AreaPagesTests {
  private static func pages(_ bench: AreaBench) -> Oracle.PageCounts {
    bench.leaves().reduce(into: Oracle.PageCounts()) { $0.add($1) }
  }

  /// Expects these pages, none of which could be larger.
  private static func expect(
    _ expected: Oracle.PageCounts, _ bench: AreaBench,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let window = bench.machine.layout.vmalloc
    let violations = bench.snapshot().largestPagesViolations(
      in: window.lowerBound.rawValue..<window.upperBound.rawValue,
      gigabytePages: bench.largestPage == .size1GiB)
    #expect(violations.isEmpty, sourceLocation: sourceLocation)
    #expect(pages(bench) == expected, sourceLocation: sourceLocation)
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func trackedPagesOf2MiB(mode: PagingMode) throws {
    let bench = try AreaBench(mode: mode)
    try bench.run {
      var whole = try TestSegment(frameCount: 1536, order: 9)
      // All but the first frame: the head by small pages, then two large ones.
      var rest: TestSegment? = whole.split(at: 1)
      let physical = frames(rest?.range)
      let area = AreaBox(try Area.tracked(&rest, .write))
      Self.expect(Oracle.PageCounts(of2MiB: 2, of4KiB: 511), bench)
      #expect(bench.touch(area.range) == physical)
      #expect(physical.allSatisfy { bench.owners($0) == 1 })
      area.end()
      SimulatedSpace.flush()
      #expect(physical.allSatisfy(bench.isFree) && bench.verdict() == nil)
      end(whole)
    }
  }

  @Test(arguments: [0, 0x1000, 0x1f_f000, 0x20_0000] as [UInt64])
  func anOffsetIsNoObstacle(offset: UInt64) throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 1024, order: 9, at: offset, pages: 2048)
      #expect((area.start + offset) & 0x1f_ffff == 0)
      Self.expect(Oracle.PageCounts(of2MiB: 2), bench)
      let device: Range<UInt64> = 0x7f_ffff_f000..<0x80_4000_1000
      let other = AreaBox(
        try Area.untracked(SimulatedMachine.physical(device), .kernel(.none), at: offset))
      #expect((other.start + offset) & 0x3fff_ffff == 0x3fff_f000)
      Self.expect(Oracle.PageCounts(of1GiB: 1, of2MiB: 2, of4KiB: 2), bench)
    }
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func aPageOf1GiBIsTracked(mode: PagingMode) throws {
    let bench = try AreaBench(ramByteCount: 2304 << 20, mode: mode)
    try bench.run {
      var segment: TestSegment? = try TestSegment(frameCount: 1 << 18, order: 18)
      let start = segment?.range.lowerBound.rawValue ?? 0
      let area = AreaBox(try Area.tracked(&segment, .write))
      Self.expect(Oracle.PageCounts(of1GiB: 1), bench)
      bench.touch(area.range.lowerBound..<area.range.lowerBound + 0x3000)
      #expect(bench.tlb.touch(area.start + 0x3fff_f000)?.physical == start + 0x3fff_f000)
      // One frame goes: three sizes are left.
      try area.unmap(0x20_1000..<0x20_2000)
      Self.expect(Oracle.PageCounts(of2MiB: 511, of4KiB: 511), bench)
      #expect(bench.isFree(start + 0x20_1000) && !bench.isFree(start + 0x20_2000))
      area.end()
      SimulatedSpace.flush()
      #expect(bench.census().data == 0 && bench.verdict() == nil)
    }
  }

  @Test func untrackedPagesOf1GiB() throws {
    let range = SimulatedMachine.physical(1 << 40..<1 << 40 + 3 << 30)
    let bench = try AreaBench()
    try bench.run {
      let area = AreaBox(try Area.untracked(range, .kernel(.none)))
      Self.expect(Oracle.PageCounts(of1GiB: 3), bench)
      try area.protect(0x4000_0000..<0x4020_0000, .write)
      #expect(Self.pages(bench) == Oracle.PageCounts(of1GiB: 2, of2MiB: 512))
    }
    // A CPU without them.
    let older = try AreaBench(largestPage: .size2MiB)
    try older.run {
      let area = AreaBox(try Area.untracked(range, .kernel(.none)))
      Self.expect(Oracle.PageCounts(of2MiB: 1536), older)
      #expect(area.start & 0x1f_ffff == 0)
    }
    let oldest = try AreaBench(largestPage: .size4KiB)
    try oldest.run {
      let small = SimulatedMachine.physical(1 << 40..<1 << 40 + 4 << 20)
      let area = AreaBox(try Area.untracked(small, .kernel(.none)))
      #expect(Self.pages(oldest) == Oracle.PageCounts(of4KiB: 1024))
      area.end()
    }
  }

  @Test func changesCutLargePagesWhereTheyMust() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 1024, order: 9)
      let start = bench.tlb.touch(area.start)!.physical
      for page in [0, 5, 6, 511, 512] as [UInt64] { bench.tlb.touch(area.start + page << 12) }
      try area.protect(0x5000..<0x6000, .none)
      Self.expect(Oracle.PageCounts(of2MiB: 1, of4KiB: 512), bench)
      let grants = [4, 5, 6].map { bench.tlb.touch(area.start + $0 << 12)?.grants }
      #expect(grants == [1, 0, 1] && bench.verdict() == nil)
      try area.unmap(0x20_0000..<0x20_3000)
      Self.expect(Oracle.PageCounts(of4KiB: 512 + 509), bench)
      #expect((512..<515).allSatisfy { bench.isFree(start + $0 << 12) })
      #expect((515..<1024).allSatisfy { bench.owners(start + $0 << 12) == 1 })
      #expect(
        try area.query(0x20_3000, on: bench) == .tracked(start + 0x20_3000, .write, owners: 1))
      #expect(bench.verdict() == nil)
    }
  }

  /// No empty table is in a large page's way: neither one that an unmapping left, nor that of an area
  /// that lay here before.
  @Test func largePagesWhereSmallOnesWere() throws {
    let bench = try AreaBench(windowPages: 1536)
    try bench.run {
      let area = try AreaBox(pages: 512, alignedTo: .size2MiB)
      let whole = area.range
      for round in 0..<2 {
        for page in [0, 17, 511] as [UInt64] {
          var frame: TestFrame? = try TestFrame()
          try area.map(&frame, at: page << 12)
        }
        bench.touch(whole)
        guard round == 0 else { break }
        try area.unmap(0..<0x20_0000)
        var segment: TestSegment? = try TestSegment(frameCount: 512, order: 9)
        try area.map(&segment, at: 0)
        Self.expect(Oracle.PageCounts(of2MiB: 1), bench)
        try area.unmap(0..<0x20_0000)
      }
      let upper = try area.split(at: 0x10_0000)
      area.end()
      upper.end()
      // The window has one such place, and the areas that ended have it until the flush.
      let next = try AreaBox(frames: 512, order: 9)
      #expect(next.range == whole && bench.verdict() == nil)
      Self.expect(Oracle.PageCounts(of2MiB: 1), bench)
    }
  }

  @Test func alignmentIsTheCallers() throws {
    let bench = try AreaBench()
    try bench.run {
      for size in [PageSize.size4KiB, .size2MiB, .size1GiB, .size2MiB] {
        let area = try AreaBox(pages: 3, alignedTo: size)
        #expect(area.range.lowerBound.isAligned(to: size) && area.range.byteCount == 0x3000)
        area.end()
      }
    }
  }
}
