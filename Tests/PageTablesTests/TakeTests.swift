// Taking away, case by case: what is handed over, what is flushed, which tables go.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

private let kib4 = PageSize.size4KiB.byteCount
private let mib2 = PageSize.size2MiB.byteCount
private let gib = PageSize.size1GiB.byteCount
private let upperHalf: UInt64 = 0xffff_8000_0000_0000
private let kernelPage = PageProperty.kernel(.write)

private func segment(
  _ start: UInt64, _ end: UInt64, to physical: UInt64, _ size: PageSize,
  _ property: PageProperty = kernelPage
) -> PageSegment {
  PageSegment(start: start, end: end, physical: physical, shift: size.shift, property: property)
}

@Suite struct TakeTests {
  @Test func neighboursOfOneKindAreHandedOverAtOnce() throws {
    let bench = try Workbench()
    // Two tables of level 1; a step in the frames, a step in the rights, a hole.
    try bench.map(0..<mib2 + 3 * kib4, to: 5 * kib4)
    try bench.map(mib2 + 3 * kib4..<mib2 + 5 * kib4, to: gib)
    try bench.map(mib2 + 5 * kib4..<mib2 + 6 * kib4, to: gib + 2 * kib4, .kernel(.none))
    try bench.map(mib2 + 7 * kib4..<mib2 + 8 * kib4, to: gib + 4 * kib4, .kernel(.none))
    let here = mib2
    let expected = [
      segment(0, here + 3 * kib4, to: 5 * kib4, .size4KiB),
      segment(here + 3 * kib4, here + 5 * kib4, to: gib, .size4KiB),
      segment(
        here + 5 * kib4, here + 6 * kib4, to: gib + 2 * kib4, .size4KiB, .kernel(.none)),
      segment(
        here + 7 * kib4, here + 8 * kib4, to: gib + 4 * kib4, .size4KiB, .kernel(.none)),
    ]
    #expect(try bench.take(0..<gib) == expected)
    #expect(bench.snapshot().leaves.isEmpty && bench.frames.inUseCount == 1)
  }

  @Test func sizesAreHandedOverApart() throws {
    let bench = try Workbench()
    let start = gib - mib2 - kib4
    try bench.map(start..<2 * gib + mib2 + kib4, to: start)
    let expected = [
      segment(start, gib - mib2, to: start, .size4KiB),
      segment(gib - mib2, gib, to: gib - mib2, .size2MiB),
      segment(gib, 2 * gib, to: gib, .size1GiB),
      segment(2 * gib, 2 * gib + mib2, to: 2 * gib, .size2MiB),
      segment(2 * gib + mib2, 2 * gib + mib2 + kib4, to: 2 * gib + mib2, .size4KiB),
    ]
    #expect(try bench.take(0..<4 * gib) == expected)
    #expect(bench.frames.inUseCount == 1)
  }

  /// What the CPU noted of a page in use makes it no other page.
  @Test func accessedAndDirtyPagesJoin() throws {
    let bench = try Workbench()
    try bench.map(0..<4 * kib4, to: 0)
    bench.tlb.touch(kib4, writes: true)
    #expect(try bench.take(0..<4 * kib4) == [segment(0, 4 * kib4, to: 0, .size4KiB)])
  }

  /// A hole of 4 KiB in a page of 1 GiB: four tables, two at each end where both differ.
  @Test(arguments: [
    (5 * mib2 + kib4, 5 * mib2 + 2 * kib4, 2), (5 * mib2 + kib4, 7 * mib2 + kib4, 3),
    (5 * mib2, 7 * mib2 + kib4, 2), (5 * mib2, 7 * mib2, 1), (0, 7 * mib2, 1), (0, kib4, 2),
    (5 * mib2 + kib4, gib + 7 * mib2 + kib4, 4), (0, gib, 0), (0, 2 * gib, 0),
    (gib - kib4, gib + kib4, 4), (gib - mib2, gib, 1),
  ])
  func aPartOfALargePageSplitsIt(start: UInt64, end: UInt64, tables: Int) throws {
    let bench = try Workbench()
    try bench.map(upperHalf..<upperHalf + 2 * gib, to: 7 * gib)
    let range = upperHalf + start..<upperHalf + end
    let before = bench.frames.takenCount
    bench.frames.supply = tables
    bench.tlb.touch(upperHalf + gib - kib4)
    let token = try bench.table.take(virtual(range), from: &bench.frames) { _ in }
    #expect(bench.frames.takenCount == before + tables && bench.frames.reservedCount == 0)
    #expect(token.coversEverything == true)
    bench.spend(token)
    #expect(bench.tlb.anyContradiction() == nil)
    let snapshot = bench.snapshot()
    var left = PageModel()
    _ = left.map([segment(upperHalf, upperHalf + 2 * gib, to: 7 * gib, .size1GiB)])
    #expect(left.split(at: range.lowerBound) + left.split(at: range.upperBound) == tables)
    _ = left.take(range)
    #expect(snapshot.segments == left.segments.joined())
    #expect(snapshot.tables.count == bench.frames.inUseCount)
  }

  @Test func aPieceKeepsWhatTheCPUNoted() throws {
    let bench = try Workbench()
    try bench.map(0..<gib, to: 0)
    bench.tlb.touch(mib2, writes: true)
    try bench.take(0..<kib4)
    for address in [kib4, mib2, gib - kib4] {
      let walk = bench.table.reader.walk(VirtualAddress(address))
      #expect(walk[walk.count - 1].entry.isAccessed && walk[walk.count - 1].entry.isDirty)
    }
  }

  @Test func nothingMappedIsNothingTaken() throws {
    let bench = try Workbench()
    try bench.map(gib..<gib + kib4, to: 0)
    for range in [0..<gib, gib + kib4..<3 * gib, 5 * kib4..<5 * kib4] {
      let token = try bench.table.take(virtual(range), from: &bench.frames) { _ in
        Issue.record("something was taken")
      }
      #expect(token.isEmpty == true)
    }
    #expect(bench.snapshot().leaves.count == 1)
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func tablesOfTheKernelHalfsTopLevelStay(mode: PagingMode) throws {
    let bench = try Workbench(mode)
    try bench.table.populateKernelHalf(from: &bench.frames)
    let before = bench.snapshot().topLevelEntries
    let border = mode.addressWidth.upperHalf.rawValue + mode.addressWidth.topLevelEntrySpan
    try bench.map(border - kib4..<border + kib4, to: 0)
    #expect(bench.frames.inUseCount == 257 + 2 * (mode.levels - 2))
    try bench.take(border - gib..<border + gib)
    #expect(bench.frames.inUseCount == 257)
    #expect(bench.snapshot().topLevelEntries == before)
  }

  @Test func aTableWithAnythingInItStays() throws {
    let bench = try Workbench()
    try bench.map(0..<mib2, to: 0, largest: .size4KiB)
    // From both ends and the middle, a page at a time: the table goes with the last one.
    let order = [0, 511, 255, 256] + (1..<255) + (257..<511)
    for (count, index) in order.enumerated() {
      #expect(bench.frames.inUseCount == 4)
      let start = UInt64(index) * kib4
      #expect(try bench.take(start..<start + kib4).count == 1)
      #expect(bench.snapshot().leaves.count == 511 - count)
    }
    #expect(bench.frames.inUseCount == 1)
  }

  /// A mapping in place of a table that waits for its token: the CPU must be told not to go on
  /// walking there, at every level and for each size.
  @Test(arguments: [PageSize.size4KiB, .size2MiB, .size1GiB], [kib4, mib2, gib, 300 * gib])
  func whatComesAfterATableIsSeen(size: PageSize, distance: UInt64) throws {
    let bench = try Workbench()
    try bench.map(0..<kib4, to: 0)
    bench.tlb.touch(0)
    let old = try bench.table.take(virtual(0..<kib4), from: &bench.frames) { _ in }
    #expect(old.holdsTables == true)
    let start = max(distance, size.byteCount)
    let new = try bench.table.map(
      virtual(start..<start + size.byteCount), to: PhysicalAddress(gib), kernelPage,
      largest: size, from: &bench.frames)
    #expect(new.isEmpty == false)
    bench.spend(new)
    // And one more below the table that was linked then.
    let later = start + size.byteCount + mib2
    bench.spend(
      try bench.table.map(
        virtual(later..<later + kib4), to: PhysicalAddress(0), kernelPage, largest: .size4KiB,
        from: &bench.frames))
    #expect(bench.tlb.touch(start)?.physical == gib)
    #expect(bench.tlb.touch(later)?.physical == 0)
    bench.spend(old)
    #expect(bench.tlb.anyContradiction() == nil && bench.tlb.complaints.isEmpty)
  }
}
