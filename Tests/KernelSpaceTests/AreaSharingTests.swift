// Frames with several owners: areas, values of `Frame` and `Segment`. The last one's end frees them,
// and where that was an area, not before the flush.

import Addressing
import Frames
import KernelSpace
import PageTables
import TestSupport
import Testing

@Suite struct AreaSharingTests {
  @Test(arguments: [true, false]) func byTwoAreas(firstEndsFirst: Bool) throws {
    let bench = try AreaBench()
    try bench.run {
      var segment: TestSegment? = try TestSegment(frameCount: 3)
      let physical = frames(segment?.range)
      var slice = segment?.slice(1..<3)
      let one = AreaBox(try Area.tracked(&segment, .write))
      let two = AreaBox(try Area.tracked(&slice, .none))
      #expect(physical.map(bench.owners) == [1, 2, 2])
      bench.touch(one.range)
      bench.touch(two.range)
      (firstEndsFirst ? one : two).end()
      #expect(bench.tlb.complaints.isEmpty)
      SimulatedSpace.flush()
      #expect(physical.map(bench.owners) == (firstEndsFirst ? [0, 1, 1] : [1, 1, 1]))
      let left = firstEndsFirst ? two : one
      #expect(bench.touch(left.range).allSatisfy { $0 != nil } && bench.verdict() == nil)
      left.end()
      #expect(physical.suffix(2).allSatisfy { !bench.isFree($0) })
      SimulatedSpace.flush()
      #expect(physical.allSatisfy(bench.isFree) && bench.verdict() == nil)
    }
  }

  /// Both end before the flush: whoever is first, the frame waits for it, and is freed once.
  @Test func twoAreasInOneFlush() throws {
    let bench = try AreaBench()
    try bench.run {
      let before = bench.machine.frames.freeCount
      let one = try AreaBox(frames: 1)
      var share = try one.frame(0)
      let address = share?.address.rawValue ?? 0
      let two = try AreaBox(pages: 1)
      try two.map(&share, at: 0)
      for area in [one, two] { bench.touch(area.range) }
      one.end()
      two.end()
      #expect(bench.owners(address) == 2)
      bench.judge()
      SimulatedSpace.flush()
      #expect(bench.isFree(address) && bench.verdict() == nil)
      #expect(bench.machine.frames.freeCount == before)
    }
  }

  @Test func byAnAreaAndAFrame() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 2)
      var frame = try area.frame(0x1000)
      let address = frame?.address ?? PhysicalAddress(0)
      bench.touch(area.range)
      area.end()
      SimulatedSpace.flush()
      #expect(bench.owners(address.rawValue) == 1 && bench.isFree(address.rawValue - 0x1000))
      // The frame's owner may have it for itself now.
      let unique = UniqueFrame(&frame)
      let isGone = frame.isNone
      #expect(isGone)
      end(unique)
      #expect(bench.isFree(address.rawValue))
    }
  }

  /// A frame that an area has let go is its frame value's alone only after the flush.
  @Test func aFrameThatWaitsIsNotUnique() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 1)
      var frame = try area.frame(0)
      let address = frame?.address ?? PhysicalAddress(0)
      area.end()
      let early = UniqueFrame(&frame).isNone
      #expect(early && bench.owners(address.rawValue) == 2)
      SimulatedSpace.flush()
      let late = UniqueFrame(&frame).isNone
      #expect(!late)
    }
  }

  @Test func noNewOwnerForWhatOnlyWaits() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 1)
      let address = PhysicalAddress(bench.tlb.touch(area.start)!.physical)
      area.end()
      #expect(throws: FrameError.busy(address)) { end(try TestFrame(at: address)) }
      SimulatedSpace.flush()
      #expect(throws: FrameError.unused(address)) { end(try TestFrame(at: address)) }
    }
  }

  /// The same frame at several pages of one area: an owner for each.
  @Test func severalTimesInOneArea() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(pages: 4)
      var frame: TestFrame? = try TestFrame()
      let address = frame?.address.rawValue ?? 0
      try area.map(&frame, at: 0)
      for page in 1..<4 as Range<UInt64> {
        var share = try area.frame(0)
        try area.map(&share, .none, at: page << 12)
      }
      #expect(bench.owners(address) == 4)
      #expect(bench.touch(area.range) == [address, address, address, address])
      try area.unmap(0..<0x2000)
      #expect(bench.owners(address) == 2)
      area.end()
      SimulatedSpace.flush()
      #expect(bench.isFree(address) && bench.verdict() == nil)
    }
  }

  @Test func partsOfALargePage() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 512, order: 9)
      let start = bench.tlb.touch(area.start)!.physical
      let frame = try area.frame(0x7000)
      #expect(bench.leaves().count == 1)
      area.end()
      SimulatedSpace.flush()
      #expect((0..<512).allSatisfy { bench.isFree(start + $0 << 12) == ($0 != 7) })
      end(frame)
      #expect(bench.isFree(start + 0x7000))
    }
  }
}
