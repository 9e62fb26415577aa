// The kernel half's top-level entries: all there from the start, and never changed again.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

@Suite struct KernelHalfTests {
  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func everyEntryHasATableOfItsOwn(mode: PagingMode) throws {
    let bench = try Workbench(mode)
    try bench.table.populateKernelHalf(from: &bench.frames)
    let snapshot = bench.snapshot()
    #expect(snapshot.topLevelEntries[..<256].allSatisfy { $0 == 0 })
    #expect(snapshot.topLevelViolations().isEmpty)
    #expect(snapshot.tables.map(\.topLevelIndex) == [nil] + Array(256..<512))
    #expect(snapshot.leaves.isEmpty && snapshot.problems.isEmpty)
    #expect(bench.frames.takenCount == 257 && bench.frames.reservedCount == 0)
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func laterMappingsLeaveTheTopLevelAlone(mode: PagingMode) throws {
    let bench = try Workbench(mode)
    try bench.table.populateKernelHalf(from: &bench.frames)
    let before = bench.snapshot().topLevelEntries
    let upper = mode.addressWidth.upperHalf.rawValue
    let span = mode.addressWidth.topLevelEntrySpan
    try bench.map(upper + span - 1 << 30..<upper + span + 1 << 30, to: 0)
    try bench.map(0xffff_ffff_8000_0000..<0xffff_ffff_8000_3000, to: 0, .kernel(.execute))
    let after = bench.snapshot()
    #expect(after.topLevelEntries == before)
    #expect(after.leaves.count == 5)
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel], [256, 300, 511])
  func anEntryThatIsThereIsAnError(mode: PagingMode, index: UInt64) throws {
    let bench = try Workbench(mode)
    let start =
      mode.addressWidth.upperHalf.rawValue + (index - 256) * mode.addressWidth.topLevelEntrySpan
    try bench.map(start + 0x5000..<start + 0x6000, to: 0)
    bench.expect(.alreadyMapped(VirtualAddress(start))) {
      try bench.table.populateKernelHalf(from: &bench.frames)
    }
  }

  @Test func itNeedsAll256Frames() throws {
    let bench = try Workbench()
    bench.frames.supply = 255
    bench.expect(.outOfFrames(OutOfFrames(needed: 256, available: 255))) {
      try bench.table.populateKernelHalf(from: &bench.frames)
    }
    bench.frames.supply = 256
    try bench.table.populateKernelHalf(from: &bench.frames)
    #expect(bench.frames.supply == 0)
  }

  @Test func theLowerHalfIsNotInTheWay() throws {
    let bench = try Workbench()
    try bench.map(0..<0x1000, to: 0)
    try bench.table.populateKernelHalf(from: &bench.frames)
    #expect(bench.snapshot().lowerHalfViolations().count == 1)
  }
}
