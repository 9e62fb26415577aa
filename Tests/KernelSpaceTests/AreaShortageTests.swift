// Frames and addresses that run short, at every step that needs some: either all is done or nothing,
// and what waits for a flush counts as there.

import Addressing
import Frames
import KernelSpace
import PageTables
import TestSupport
import Testing

@Suite struct AreaShortageTests {
  /// Tries `operation` with 0, 1, 2 ... frames left, until it succeeds. Before that nothing changes.
  ///
  /// - Returns: the number of frames that sufficed.
  private func fewestFrames(
    _ bench: AreaBench, sourceLocation: SourceLocation = #_sourceLocation,
    for operation: () throws(AreaError) -> Void
  ) -> Int? {
    for count in 0..<40 {
      let hoard = Hoard(on: bench, leaving: UInt64(count))
      defer { hoard.end() }
      SimulatedSpace.flush()
      let before = bench.state()
      do throws(AreaError) {
        try operation()
        return count
      } catch {
        guard case .outOfFrames(let shortage) = error, shortage.needed > 0 else {
          Issue.record("\(error) with \(count) frames", sourceLocation: sourceLocation)
          return nil
        }
        SimulatedSpace.flush()
        let state = bench.state()
        #expect(state == before, "with \(count) frames", sourceLocation: sourceLocation)
      }
    }
    return nil
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel]) func mapping(mode: PagingMode) throws {
    let bench = try AreaBench(ramByteCount: 32 << 20, mode: mode)
    try bench.run {
      // The tables between the root's and the pages', and two for pages where 2 MiB end inside.
      let area = try AreaBox(pages: 2048, alignedTo: .size2MiB)
      var segment: TestSegment? = try TestSegment(frameCount: 2)
      let count = fewestFrames(bench) { () throws(AreaError) in
        try area.map(&segment, at: 0x1f_f000)
      }
      #expect(count == mode.levels - 3 + 2 && bench.leaves().count == 2)
      let isGone = segment.isNone
      #expect(isGone)
      let next = fewestFrames(bench) { () throws(AreaError) in
        try area.map(untracked: 1 << 40..<1 << 40 + 0x1000, .kernel(.none), at: 0x40_0000)
      }
      #expect(next == 1)
      let none = fewestFrames(bench) { () throws(AreaError) in
        try area.map(untracked: 1 << 40..<1 << 40 + 0x1000, .kernel(.none), at: 0x40_1000)
      }
      #expect(none == 0)
    }
  }

  @Test func splitsOfLargePages() throws {
    let bench = try AreaBench(ramByteCount: 32 << 20)
    try bench.run {
      func area() throws -> AreaBox {
        AreaBox(
          try Area.untracked(SimulatedMachine.physical(1 << 40..<1 << 40 + 1 << 30), .kernel(.none))
        )
      }
      let one = try area()
      // A page of 1 GiB cut within two of its 2 MiB.
      #expect(
        fewestFrames(bench) { () throws(AreaError) in
          try one.protect(0x1000..<0x3fff_f000, .write)
        } == 3)
      let two = try area()
      #expect(
        fewestFrames(bench) { () throws(AreaError) in try two.unmap(0..<0x20_0000) } == 1)
      #expect(
        fewestFrames(bench) { () throws(AreaError) in try two.unmap(0x20_1000..<0x60_1000) } == 2)
      let three = try area()
      var upper: AreaBox?
      #expect(
        fewestFrames(bench) { () throws(AreaError) in upper = try three.split(at: 0x5000) } == 2)
      #expect(upper?.range.byteCount == 0x3fff_b000)
      #expect(fewestFrames(bench) { () throws(AreaError) in try upper?.unmap(0..<0x1000) } == 0)
    }
  }

  @Test func areasThatComeWithTheirMapping() throws {
    let bench = try AreaBench(ramByteCount: 32 << 20)
    try bench.run {
      var segment: TestSegment? = try TestSegment(frameCount: 600)
      let physical = frames(segment?.range)
      var area: AreaBox?
      let count = fewestFrames(bench) { () throws(AreaError) in
        area = AreaBox(try Area.tracked(&segment, .write))
      }
      // One table of 2 MiB pages' level, two of small ones; none for bookkeeping yet.
      #expect((1...3) ~= (count ?? 0) && physical.allSatisfy { bench.owners($0) == 1 })
      area?.end()
    }
  }

  /// Without frames for bookkeeping there is a limit; with one frame it goes on.
  @Test func reservationsNeedFrames() throws {
    let bench = try AreaBench(ramByteCount: 32 << 20)
    try bench.run {
      let hoard = Hoard(on: bench, leaving: 0)
      var areas: [AreaBox] = []
      do {
        while areas.count < 100 { areas.append(try AreaBox(pages: 1)) }
        Issue.record("nodes without frames")
      } catch AreaError.outOfFrames {
        #expect(areas.count > 20)
      }
      let before = bench.areas.freePageCount
      #expect(throws: AreaError.self) { try AreaBox(pages: 1) }
      #expect(bench.areas.freePageCount == before)
      // An area that ended leaves its node.
      areas.removeLast().end()
      areas.append(try AreaBox(pages: 1))
      hoard.end()
      for _ in 0..<50 { areas.append(try AreaBox(pages: 1)) }
      for area in areas { area.end() }
    }
  }

  /// All addresses wait for a flush: the next area needs them, and gets them.
  @Test func addressesThatWaitAreAddressesLeft() throws {
    let bench = try AreaBench(windowPages: 100)
    try bench.run {
      let whole = try AreaBox(frames: 98)
      bench.expect(.outOfAddresses(pageCount: 1)) { () throws(AreaError) in
        try AreaBox(pages: 1).end()
      }
      bench.touch(whole.range)
      whole.end()
      #expect(bench.areas.freePageCount == 0)
      let next = try AreaBox(pages: 98)
      #expect(next.range == whole.range && bench.verdict() == nil)
      next.end()
      for count in [99, 100, 1 << 40, UInt64.max >> 12] as [UInt64] {
        #expect(throws: AreaError.outOfAddresses(pageCount: count)) { try AreaBox(pages: count) }
      }
      #expect(bench.areas.freePageCount == 100)
    }
  }

  /// All frames wait for a flush: whoever needs tables gets them, in areas and address spaces.
  @Test(arguments: 0..<4) func framesThatWaitAreFramesLeft(user: Int) throws {
    let bench = try AreaBench(ramByteCount: 32 << 20)
    try bench.run {
      // Far from the one that waits, whose tables are of no use to it.
      let area = try AreaBox(pages: 4, alignedTo: .size1GiB)
      var space = try Space()
      var segment: TestSegment? = try TestSegment(frameCount: 1)
      let waiting = try AreaBox(frames: 20)
      let hoard = Hoard(on: bench, leaving: 0)
      defer { hoard.end() }
      bench.touch(waiting.range)
      waiting.end()
      #expect(bench.machine.frames.freeCount == 0)
      switch user {
      case 0: try area.map(untracked: 1 << 40..<1 << 40 + 0x1000, .kernel(.none), at: 0)
      case 1: try area.map(&segment, at: 0x3000)
      case 2: end(try Space())
      default: try space.map(&segment, at: VirtualAddress(0), .write)
      }
      #expect(bench.machine.frames.freeCount > 0 && bench.tlb.complaints.isEmpty)
    }
  }
}

/// All frames but some, as a test's own.
final class Hoard {
  private let bench: AreaBench
  private var taken: [Range<PhysicalAddress>] = []

  init(on bench: AreaBench, leaving count: UInt64) {
    self.bench = bench
    while bench.machine.frames.freeCount > count {
      let surplus = bench.machine.frames.freeCount - count
      // The single frames at hand become runs only when no run is left.
      let run = max(1, min(surplus, bench.machine.frames.longestRun))
      guard let range = try? bench.machine.frames.allocate(run, as: .data) else { break }
      taken.append(range)
    }
  }

  func end() {
    for range in taken { bench.machine.frames.giveBack(range) }
    taken = []
  }
}
