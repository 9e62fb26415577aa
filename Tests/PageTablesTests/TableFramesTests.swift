// How many frames an operation asks for: exactly as many as it takes, and all of them first.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

private let kib4 = PageSize.size4KiB.byteCount
private let mib2 = PageSize.size2MiB.byteCount
private let gib = PageSize.size1GiB.byteCount

@Suite struct TableFramesTests {
  /// Ranges whose tables can be counted by hand.
  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func eachTableIsCountedOnce(mode: PagingMode) throws {
    let upper = mode.addressWidth.upperHalf.rawValue
    // Below the root there are levels 1 to 3, on five levels also level 4.
    let fifth = mode == .fiveLevel ? 1 : 0
    var cases: [(Range<UInt64>, UInt64, PageSize, Int)] = [
      (0..<kib4, 0, .size1GiB, 3 + fifth),
      (0..<mib2, 0, .size1GiB, 2 + fifth),
      (0..<gib, 0, .size1GiB, 1 + fifth),
      // Pages of 4 KiB on both sides of a boundary: of 2 MiB, 1 GiB and 512 GiB.
      (mib2 - kib4..<mib2 + kib4, 0, .size4KiB, 4 + fifth),
      (gib - kib4..<gib + kib4, 0, .size4KiB, 5 + fifth),
      (512 * gib - kib4..<512 * gib + kib4, 0, .size4KiB, 6 + fifth),
      // Five runs share the level 3 table; the outer ones have a level 1 and a level 2 table each.
      (
        upper + gib - mib2 - kib4..<upper + 3 * gib + mib2 + kib4, gib - mib2 - kib4, .size1GiB,
        5 + fifth
      ),
      // Three runs in one level 2 table, the outer ones with a level 1 table each.
      (upper + mib2 - kib4..<upper + 3 * mib2 + kib4, mib2 - kib4, .size1GiB, 4 + fifth),
      // The whole of a level 3 table in 2 MiB pages.
      (upper..<upper + 512 * gib, 0, .size2MiB, 513 + fifth),
    ]
    if mode == .fiveLevel {
      // A boundary of top-level entries: a table of level 4 on each side.
      cases.append((1 << 48 - kib4..<1 << 48 + kib4, 0, .size4KiB, 8))
    }
    for (range, physical, largest, expected) in cases {
      let bench = try Workbench(mode)
      try bench.map(range, to: physical, largest: largest)
      #expect(bench.frames.takenCount == 1 + expected)
      #expect(bench.frames.reservedCount == 0)
    }
  }

  /// Into tables that are partly there: with one frame too few nothing happens, with just enough
  /// frames the mapping succeeds and has used them up.
  @Test(arguments: [PagingMode.fourLevel, .fiveLevel], 30..<34)
  func oneFrameTooFewIsTooFew(mode: PagingMode, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let bench = try Workbench(mode)
    var refused = 0
    for _ in 0..<40 {
      let request = MapRequest.random(mode, &generator)
      bench.frames.supply = 0
      func map() throws(PageTableError) {
        try bench.map(
          request.virtual, to: request.physical, request.property, largest: request.largest)
      }
      do {
        // A request whose tables are all there, or that meets another mapping, needs no frames.
        try map()
      } catch .outOfFrames(let shortage) {
        refused += 1
        let needed = shortage.needed
        bench.frames.supply = needed - 1
        let error = OutOfFrames(needed: needed, available: needed - 1)
        bench.expect(.outOfFrames(error), from: map)
        bench.frames.supply = needed
        try map()
        #expect(bench.frames.supply == 0 && bench.frames.reservedCount == 0, "\(request)")
      } catch .alreadyMapped {
      }
    }
    #expect(refused > 10)
    #expect(bench.snapshot().tables.count == bench.frames.takenCount)
  }

  @Test func aRootNeedsAFrame() {
    var frames = SimulatedFrames(of: SimulatedMemory(), supply: 0)
    #expect(throws: PageTableError.outOfFrames(OutOfFrames(needed: 1, available: 0))) {
      _ = try PageTable(mode: .fourLevel, memory: frames.memory, from: &frames).root
    }
  }

  @Test func aSourceThatFailsOnceFailsOneCall() throws {
    let bench = try Workbench()
    bench.frames.failingReserve = 2
    bench.expect(.outOfFrames(OutOfFrames(needed: 3, available: 0))) {
      try bench.map(0..<kib4, to: 0)
    }
    try bench.map(0..<kib4, to: 0)
    #expect(bench.snapshot().leaves.count == 1)
  }
}
