// Kernel virtual areas, case by case.

import Addressing
import Frames
import KernelSpace
import PageTables
import TestSupport
import Testing

typealias Area = KernelVirtualArea<SimulatedSpace>

@Suite struct KernelVirtualAreaTests {
  static func bench() throws -> AreaBench {
    try AreaBench(
      SimulatedMachine([Report(0, 0xa_0000, .usable), Report(0x10_0000, 0x1000_0000, .usable)]))
  }

  @Test func aTrackedAreaOwnsItsFrames() throws {
    let bench = try Self.bench()
    try bench.run {
      let before = bench.machine.frames.freeCount
      do {
        let frames = try Segment<SimulatedPool>(frameCount: 4)
        let physical = frames.range
        var segment: Segment? = frames
        let area = try Area.tracked(&segment, .write)
        let isTaken = segment.isNone
        #expect(isTaken)
        let (start, byteCount) = (area.range.lowerBound, area.byteCount)
        #expect(byteCount == 0x4000)
        for page in 0..<4 as Range<UInt64> {
          let found = bench.tlb.touch(start.rawValue + page * 0x1000, writes: true)
          #expect(found?.physical == physical.lowerBound.rawValue + page * 0x1000)
        }
        #expect(bench.tlb.touch(start.rawValue - 0x1000) == nil)
        #expect(bench.tlb.touch(start.rawValue + byteCount) == nil)
      }
      SimulatedSpace.flush()
      let after = bench.machine.frames.freeCount
      #expect(after == before)
      #expect(bench.tlb.complaints.isEmpty && bench.tlb.anyContradiction() == nil)
    }
  }
}

extension Optional where Wrapped: ~Copyable {
  /// Whether there is nothing: `== nil` does not work with what can't be copied.
  var isNone: Bool {
    switch self {
    case .none: true
    case .some: false
    }
  }
}
