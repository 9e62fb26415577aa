// Kernel virtual areas, case by case: what is mapped, what the CPU sees of it, what an area says.

import Addressing
import Frames
import KernelSpace
import Oracle
import PageTables
import TestSupport
import Testing

@Suite struct KernelVirtualAreaTests {
  @Test func aTrackedAreaOwnsItsFrames() throws {
    let bench = try AreaBench()
    try bench.run {
      let before = bench.machine.frames.freeCount
      var segment: TestSegment? = try TestSegment(frameCount: 4)
      let physical = frames(segment?.range)
      let area = AreaBox(try Area.tracked(&segment, .write))
      let isTaken = segment.isNone
      #expect(isTaken && area.range.byteCount == 0x4000)
      #expect(bench.touch(area.range, writes: true) == physical)
      #expect(bench.tlb.touch(area.start - 0x1000) == nil)
      #expect(bench.tlb.touch(area.start + 0x4000) == nil)
      for leaf in bench.leaves() {
        #expect(leaf.writable && !leaf.user && !leaf.executable && leaf.global)
        #expect(leaf.patIndex == 0 && leaf.entry >> 9 & 1 == 1)
      }
      #expect(physical.allSatisfy { bench.owners($0) == 1 })
      area.end()
      // They have no owner that could use them, and are not free before the flush.
      #expect(physical.allSatisfy { bench.slot($0)?.isBusy == true })
      #expect(bench.touch(area.range) == physical)
      SimulatedSpace.flush()
      #expect(physical.allSatisfy(bench.isFree))
      #expect(bench.touch(area.range).allSatisfy { $0 == nil })
      #expect(bench.machine.frames.freeCount == before && bench.areas.reservationCount == 0)
      #expect(bench.verdict() == nil)
    }
  }

  @Test func anUntrackedAreaOwnsNothing() throws {
    let bench = try AreaBench()
    try bench.run {
      let device: Range<UInt64> = 0xfe00_1000..<0xfe00_4000
      let property = PageProperty(rights: .write, memoryType: .uncacheable, software: 0x2a5)
      let area = AreaBox(try Area.untracked(SimulatedMachine.physical(device), property))
      #expect(bench.touch(area.range) == [0xfe00_1000, 0xfe00_2000, 0xfe00_3000])
      for leaf in bench.leaves() {
        #expect(leaf.writable && !leaf.user && !leaf.executable && leaf.global)
        // The first software bit is the area's own: it says that the frame is not.
        #expect(leaf.patIndex == 3 && leaf.entry >> 9 & 7 == 4 && leaf.entry >> 52 & 0x7f == 0x54)
      }
      var expected = property
      (expected.isGlobal, expected.software) = (true, 0x2a4)
      #expect(try area.query(0x2fff, on: bench) == .untracked(0xfe00_3000, expected))
      area.end()
      SimulatedSpace.flush()
      #expect(bench.leaves().isEmpty && bench.verdict() == nil && bench.census().data == 0)
    }
  }

  @Test func anEmptyAreaIsFilledLater() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(pages: 16)
      #expect(bench.touch(area.range).allSatisfy { $0 == nil } && bench.leaves().isEmpty)
      var segment: TestSegment? = try TestSegment(frameCount: 3)
      var frame: TestFrame? = try TestFrame()
      let (three, one) = (frames(segment?.range), frame?.address.rawValue ?? 0)
      try area.map(&segment, .none, at: 0x2000)
      try area.map(&frame, .write, at: 0xf000)
      let isGone = segment.isNone && frame.isNone
      #expect(isGone)
      let uncacheable = PageProperty(rights: .none, memoryType: .uncacheable)
      try area.map(untracked: 0xfee0_0000..<0xfee0_1000, uncacheable, at: 0)
      var expected = [UInt64?](repeating: nil, count: 16)
      expected[0] = 0xfee0_0000
      expected.replaceSubrange(2..<5, with: three)
      expected[15] = one
      #expect(bench.touch(area.range) == expected)
      #expect(bench.tlb.touch(area.start + 0x2000)?.grants == 0)
      #expect(bench.tlb.touch(area.start + 0xf000)?.grants == 1)
      #expect(try area.query(0x1000, on: bench) == .nothing)
      #expect(try area.query(0x4abc, on: bench) == .tracked(three[2], .none, owners: 1))
      #expect(try area.query(0xf000, on: bench) == .tracked(one, .write, owners: 1))
      #expect((three + [one]).allSatisfy { bench.owners($0) == 1 })
      area.end()
      SimulatedSpace.flush()
      #expect(bench.census().data == 0 && bench.verdict() == nil)
    }
  }

  @Test func aMappingAtAnOffset() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 2, at: 0x3000, pages: 8)
      #expect(area.range.byteCount == 0x8000)
      let mapped = bench.leaves().map { $0.virtual - area.start }
      #expect(mapped == [0x3000, 0x4000])
      // Without a size there is just room for what is mapped.
      let tight = try AreaBox(frames: 2, at: 0x3000)
      #expect(tight.range.byteCount == 0x5000)
    }
  }

  @Test func guardPagesStayUnmappedAndAreasApart() throws {
    let bench = try AreaBench(windowPages: 1 << 15)
    try bench.run {
      var random = SeededGenerator(seed: 3)
      var areas: [AreaBox] = []
      var ranges: [Range<VirtualAddress>] = []
      for round in 0..<200 {
        let count = UInt64.random(in: 1...9, using: &random)
        let area: AreaBox
        switch round % 3 {
        case 0: area = try AreaBox(frames: count)
        case 1: area = try AreaBox(pages: count, alignedTo: round % 2 == 0 ? .size4KiB : .size2MiB)
        default:
          area = AreaBox(
            try Area.untracked(
              SimulatedMachine.physical(1 << 40..<1 << 40 + count << 12), .kernel(.none)))
        }
        areas.append(area)
        if areas.count > 30 { areas.remove(at: .random(in: 0..<30, using: &random)).end() }
        let (start, end) = (area.range.lowerBound, area.range.upperBound)
        bench.touch(VirtualAddress(start.rawValue - 0x1000)..<end + 0x1000)
      }
      for area in areas {
        #expect(bench.tlb.touch(area.start - 0x1000) == nil)
        #expect(bench.tlb.touch(area.range.upperBound.rawValue) == nil)
        ranges.append(area.range)
      }
      ranges.sort { $0.lowerBound < $1.lowerBound }
      for (one, next) in zip(ranges, ranges.dropFirst()) {
        #expect(next.lowerBound - one.upperBound >= 0x2000)
      }
      // The window's ends are guard pages too.
      #expect(ranges[0].lowerBound - bench.machine.layout.vmalloc.lowerBound >= 0x1000)
      bench.judge()
      #expect(bench.tlb.complaints.isEmpty)
    }
  }

  @Test func protectTakesEffect() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 5, .write)
      bench.touch(area.range, writes: true)
      try area.protect(0x1000..<0x3000, .none)
      let grants = (0..<5).map { bench.tlb.touch(area.start + $0 << 12)?.grants }
      #expect(grants == [1, 0, 0, 1, 1])
      #expect(bench.tlb.anyContradiction() == nil)
      // Looser rights hold at once, too: the CPU knows none of the old ones.
      try area.protect(0..<0x5000, .write)
      #expect(bench.tlb.anyContradiction() == nil)
      #expect((0..<5).map { bench.tlb.touch(area.start + $0 << 12)?.grants } == [1, 1, 1, 1, 1])
      // Owners and memory stay what they were, holes stay holes.
      #expect(
        bench.leaves().allSatisfy { $0.entry >> 9 & 1 == 1 && bench.owners($0.physical) == 1 })
      try area.unmap(0x2000..<0x3000)
      try area.protect(0..<0x5000, .none)
      #expect(bench.leaves().map { $0.virtual - area.start } == [0, 0x1000, 0x3000, 0x4000])
      #expect(bench.leaves().allSatisfy { !$0.writable })
    }
  }

  @Test func whatIsUnmappedIsGone() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 6)
      let physical = bench.touch(area.range).map { $0! }
      try area.unmap(0x1000..<0x3000)
      #expect(
        bench.touch(area.range)
          == [physical[0], nil, nil, physical[3], physical[4], physical[5]])
      #expect(physical.map(bench.isFree) == [false, true, true, false, false, false])
      #expect(try area.query(0x1000, on: bench) == .nothing)
      try area.unmap(0..<0x6000)
      try area.unmap(0..<0x6000)
      #expect(physical.allSatisfy(bench.isFree) && bench.leaves().isEmpty)
      // What was unmapped can be filled again.
      var frame: TestFrame? = try TestFrame()
      let address = frame?.address.rawValue
      try area.map(&frame, at: 0x2000)
      #expect(bench.tlb.touch(area.start + 0x2000)?.physical == address)
      #expect(bench.verdict() == nil)
    }
  }

  /// An answer owns nothing; a share of the frame is asked for by name.
  @Test func onlyAFrameIsAnOwner() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 2, pages: 4)
      let address = bench.tlb.touch(area.start + 0x1000)!.physical
      let frame = try area.frame(0x1000)
      #expect(try area.query(0x1000, on: bench) == .tracked(address, .write, owners: 2))
      end(frame)
      #expect(bench.owners(address) == 1)
      let nothing = try area.frame(0x3000).isNone
      #expect(nothing)
      #expect(throws: AreaError.outsideArea(0x4000)) { end(try area.frame(0x4000)) }
      try area.map(untracked: 1 << 40..<1 << 40 + 0x1000, .kernel(.none), at: 0x3000)
      let nobodys = try area.frame(0x3000).isNone
      #expect(nobodys)
    }
  }

  @Test func writesAreSeenThroughAllThatMapsTheFrame() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 2)
      let second = try AreaBox(pages: 3)
      var share = try area.frame(0x1000)
      try second.map(&share, .none, at: 0x2000)
      let memory = bench.machine.memory
      let written = bench.tlb.touch(area.start + 0x1000, writes: true)!
      memory.table(at: PhysicalAddress(written.physical))[word: 7] = 0x1122_3344_5566_7788
      let read = bench.tlb.touch(second.start + 0x2000)!
      #expect(memory.table(at: PhysicalAddress(read.physical))[word: 7] == 0x1122_3344_5566_7788)
      guard let frame = try area.frame(0x1000) else { return }
      let word = Self.word(7, of: frame)
      #expect(word == 0x1122_3344_5566_7788)
    }
  }

  private static func word(_ index: Int, of frame: borrowing TestFrame) -> UInt64 {
    frame.bytes.unsafeLoad(fromByteOffset: 8 * index, as: UInt64.self)
  }
}
