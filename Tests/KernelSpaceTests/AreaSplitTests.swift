// Splitting an area: two values, one reservation.

import Addressing
import Frames
import KernelSpace
import Oracle
import PageTables
import TestSupport
import Testing

@Suite struct AreaSplitTests {
  /// Both orders of ending the halves: the addresses stay until the last one, and the flush.
  @Test(arguments: [true, false]) func theAddressesStayUntilBothHaveEnded(lowerFirst: Bool) throws {
    // 8 pages, 2 guards, and not one page more.
    let bench = try AreaBench(windowPages: 10)
    try bench.run {
      let lower = try AreaBox(frames: 8)
      let whole = lower.range
      let physical = bench.touch(whole).map { $0! }
      let upper = try lower.split(at: 0x3000)
      #expect(lower.range == whole.lowerBound..<whole.lowerBound + 0x3000)
      #expect(upper.range == whole.lowerBound + 0x3000..<whole.upperBound)
      // Between them nothing is missing, around them nothing is there.
      #expect(bench.touch(whole) == physical)
      let (below, above) = (whole.lowerBound.rawValue - 0x1000, whole.upperBound.rawValue)
      #expect(bench.tlb.touch(below) == nil && bench.tlb.touch(above) == nil)

      let (first, second) = lowerFirst ? (lower, upper) : (upper, lower)
      first.end()
      SimulatedSpace.flush()
      let firstCount = Int(first.range.byteCount >> 12)
      let ended = lowerFirst ? physical.prefix(firstCount) : physical.suffix(firstCount)
      #expect(physical.allSatisfy { bench.isFree($0) == ended.contains($0) })
      let guarded = VirtualAddress(below)..<VirtualAddress(above) + 0x1000
      #expect(bench.areas.reservation(holding: first.range.lowerBound) == guarded)
      #expect(throws: AreaError.outOfAddresses(pageCount: 1)) { try AreaBox(pages: 1) }

      // The other half is whole, in its new bounds.
      #expect(throws: AreaError.outsideArea(second.range.byteCount + 0x1000)) {
        try second.protect(0..<second.range.byteCount + 0x1000, .none)
      }
      try second.protect(0..<0x1000, .none)
      #expect(bench.tlb.touch(second.start)?.grants == 0)
      second.end()
      #expect(bench.areas.reservation(holding: whole.lowerBound) == guarded)
      SimulatedSpace.flush()
      #expect(bench.areas.reservation(holding: whole.lowerBound) == nil)
      #expect(physical.allSatisfy(bench.isFree) && bench.verdict() == nil)
      #expect(try AreaBox(pages: 8).range == whole)
    }
  }

  @Test func insideALargePage() throws {
    let bench = try AreaBench()
    try bench.run {
      let lower = try AreaBox(frames: 512, order: 9)
      let whole = lower.range
      let start = bench.touch(whole)[0]!
      let upper = try lower.split(at: 0xf_f000)
      #expect(bench.verdict() == nil)
      #expect(bench.leaves().count == 512 && bench.leaves().allSatisfy { $0.shift == 12 })
      lower.end()
      SimulatedSpace.flush()
      #expect((0..<512).allSatisfy { bench.isFree(start + $0 << 12) == ($0 < 0xff) })
      #expect(bench.touch(whole)[0xfe..<0x101] == [nil, start + 0xf_f000, start + 0x10_0000])
      upper.end()
      SimulatedSpace.flush()
      #expect(bench.census().data == 0 && bench.areas.reservationCount == 0)
    }
  }

  @Test func insideAPageOf1GiB() throws {
    let bench = try AreaBench()
    try bench.run {
      let lower = AreaBox(
        try Area.untracked(SimulatedMachine.physical(1 << 40..<1 << 40 + 2 << 30), .kernel(.none)))
      bench.tlb.touch(lower.start + 0x4000_0000)
      let upper = try lower.split(at: 0x4000_1000)
      #expect(bench.verdict() == nil)
      let pages = bench.leaves().reduce(into: Oracle.PageCounts()) { $0.add($1) }
      #expect(pages == Oracle.PageCounts(of1GiB: 1, of2MiB: 511, of4KiB: 512))
      lower.end()
      SimulatedSpace.flush()
      #expect(bench.tlb.touch(upper.start - 0x1000) == nil)
      #expect(bench.tlb.touch(upper.start)?.physical == 1 << 40 + 0x4000_1000)
      #expect(bench.leaves().count == 511 + 511 && bench.verdict() == nil)
    }
  }

  /// Pieces of pieces, ended in a random order: the reservation goes with the last one.
  @Test(arguments: 1...4) func manyPieces(seed: UInt64) throws {
    let bench = try AreaBench(windowPages: 66)
    try bench.run {
      var random = SeededGenerator(seed: seed)
      var pieces = [try AreaBox(frames: 64)]
      let whole = pieces[0].range
      while pieces.count < 20 {
        let piece = pieces.randomElement(using: &random)!
        let pages = piece.range.byteCount >> 12
        guard pages > 1 else { continue }
        pieces.append(try piece.split(at: UInt64.random(in: 1..<pages, using: &random) << 12))
      }
      pieces.sort { $0.start < $1.start }
      #expect(pieces.first?.range.lowerBound == whole.lowerBound)
      #expect(pieces.last?.range.upperBound == whole.upperBound)
      for (one, next) in zip(pieces, pieces.dropFirst()) {
        #expect(one.range.upperBound == next.range.lowerBound)
      }
      while !pieces.isEmpty {
        #expect(throws: AreaError.outOfAddresses(pageCount: 1)) { try AreaBox(pages: 1) }
        let piece = pieces.remove(at: .random(in: pieces.indices, using: &random))
        bench.touch(whole)
        piece.end()
        bench.judge()
      }
      #expect(try AreaBox(pages: 64).range == whole)
      #expect(bench.census().data == 0 && bench.tlb.complaints.isEmpty)
    }
  }
}
