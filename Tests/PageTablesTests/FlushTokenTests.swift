// What tokens ask of the CPU, and when. The hostile TLB's own honesty is tested here too.

import Addressing
import PageTables
import TestSupport
import Testing

private let kib4 = PageSize.size4KiB.byteCount
private let mib2 = PageSize.size2MiB.byteCount
private let gib = PageSize.size1GiB.byteCount

@Suite struct FlushTokenTests {
  private func take(_ range: Range<UInt64>, on bench: Workbench) throws -> FlushToken {
    try bench.table.take(virtual(range), from: &bench.frames) { _ in }
  }

  @Test func aNewTokenIsEmptyAndAsksForNothing() throws {
    let bench = try Workbench()
    let token = FlushToken()
    #expect(token.isEmpty && !token.coversEverything && !token.holdsTables)
    bench.spend(token)
    #expect(bench.tlb.invalidatedPages.isEmpty && bench.tlb.fullFlushCount == 0)
    _ = FlushToken()
  }

  @Test func upToTheLimitPageByPageAboveItAllAtOnce() throws {
    #expect(FlushToken.pageLimit == 32)
    for count in [1, 31, 32, 33, 512] as [UInt64] {
      let bench = try Workbench()
      try bench.map(0..<count * kib4, to: kib4)
      let token = try take(0..<gib, on: bench)
      #expect(token.coversEverything == (count > 32))
      bench.spend(token)
      let pages = count > 32 ? [] : (0..<count).map { $0 * kib4 }
      #expect(bench.tlb.invalidatedPages == pages)
      #expect(bench.tlb.fullFlushCount == (count > 32 ? 1 : 0))
    }
  }

  @Test func upToTheLimitRangeByRange() throws {
    #expect(FlushToken.rangeLimit == 3)
    for count in [3, 4] as [UInt64] {
      let bench = try Workbench()
      for index in 0..<count { try bench.map(index * mib2..<index * mib2 + kib4, to: 0) }
      let token = try take(0..<gib, on: bench)
      bench.spend(token)
      #expect(bench.tlb.invalidatedPages == (count > 3 ? [] : (0..<3).map { $0 * mib2 }))
      #expect(bench.tlb.fullFlushCount == (count > 3 ? 1 : 0))
    }
  }

  /// A CPU may keep a large page in pieces of 4 KiB.
  @Test func aLargePageIsManyPages() throws {
    let bench = try Workbench()
    try bench.map(0..<mib2, to: 0)
    let token = try take(0..<mib2, on: bench)
    #expect(token.coversEverything == true)
    bench.spend(token)
  }

  @Test func mergedTokensAskForBoth() throws {
    let bench = try Workbench()
    for start in [0, gib, 2 * gib] { try bench.map(start..<start + 2 * kib4, to: 0) }
    var token = try take(0..<kib4, on: bench)
    let tables = bench.frames.inUseCount
    let next = try take(kib4..<2 * kib4, on: bench)
    #expect(next.holdsTables == true)
    token.merge(next, in: bench.memory)
    token.merge(FlushToken(), in: bench.memory)
    token.merge(try take(gib..<2 * gib, on: bench), in: bench.memory)
    var last = FlushToken()
    last.merge(token, in: bench.memory)
    last.merge(try take(2 * gib..<2 * gib + kib4, on: bench), in: bench.memory)
    #expect(bench.frames.inUseCount == tables, "no table goes back before")
    bench.spend(last)
    #expect(bench.tlb.invalidatedPages == [0, kib4, gib, gib + kib4, 2 * gib])
    #expect(bench.frames.inUseCount == tables - 4, "two tables of level 1 and two of level 2")
  }

  @Test func mergedTokensReachTheLimitTogether() throws {
    let bench = try Workbench()
    try bench.map(0..<40 * kib4, to: 0)
    var token = try take(0..<20 * kib4, on: bench)
    token.merge(try take(20 * kib4..<40 * kib4, on: bench), in: bench.memory)
    #expect(token.coversEverything == true)
    var other = FlushToken()
    other.merge(token, in: bench.memory)
    #expect(other.coversEverything == true)
    bench.spend(other)
    #expect(bench.tlb.fullFlushCount == 1)
    #expect(bench.frames.inUseCount == 1)
  }

  @Test func theDataFlushMergesToo() throws {
    let bench = try Workbench()
    try bench.map(0..<kib4, to: 0)
    var token = FlushToken()
    token.merge(
      try bench.table.protect(virtual(0..<kib4), from: &bench.frames) {
        $0.memoryType = .uncacheable
      }, in: bench.memory)
    bench.spend(token)
    #expect(bench.tlb.writeBackCount == 1)
  }

  /// A CPU that still walks in an emptied table must find nothing there, up to the last moment.
  @Test func tablesThatWaitAreAbsentThroughout() throws {
    let bench = try Workbench()
    for index in 0..<5 as Range<UInt64> { try bench.map(index * mib2..<index * mib2 + kib4, to: 0) }
    for index in 0..<5 as Range<UInt64> { bench.tlb.touch(index * mib2) }
    let token = try take(0..<gib, on: bench)
    for index in 0..<5 as Range<UInt64> {
      for page in 1..<512 as Range<UInt64> {
        #expect(bench.tlb.touch(index * mib2 + page * kib4) == nil)
      }
    }
    bench.spend(token)
    #expect(bench.tlb.complaints.isEmpty)
  }

  @Test func aTokenDroppedUnspentTraps() async {
    await #expect(processExitsWith: .failure) {
      let bench = try Workbench()
      try bench.map(0..<kib4, to: 0)
      _ = try bench.table.take(virtual(0..<kib4), from: &bench.frames) { _ in }
    }
    await #expect(processExitsWith: .success) {
      let bench = try Workbench()
      try bench.map(0..<kib4, to: 0)
      _ = try bench.table.take(virtual(kib4..<gib), from: &bench.frames) { _ in }
    }
  }

  // MARK: The TLB model

  /// What a missing flush looks like to the model: each kind of memory that a CPU has, stale.
  @Test func theHostileTLBNotices() throws {
    let bench = try Workbench()
    let changes: [(Int, (UInt64) -> UInt64)] = [
      (1, { _ in 0 }), (1, { $0 + 0x1000 }), (1, { $0 & ~2 }), (1, { $0 ^ 0x18 }),
      (1, { $0 & ~(1 << 8) }), (2, { _ in 0 }), (3, { _ in 0 }), (4, { _ in 0 }), (2, { $0 & ~2 }),
    ]
    for (level, change) in changes {
      let address = gib
      try bench.map(address..<address + kib4, to: gib)
      bench.tlb.touch(address)
      var old: UInt64 = 0
      bench.table.reader.changeEntry(for: address, atLevel: level) {
        old = $0
        return change($0)
      }
      #expect(bench.tlb.anyContradiction() != nil)
      bench.tlb.loadCR3(bench.table.root)
      #expect(bench.tlb.anyContradiction() != nil, "the page is global")
      bench.tlb.invalidateAll()
      #expect(bench.tlb.anyContradiction() == nil)
      bench.table.reader.changeEntry(for: address, atLevel: level) { _ in old }
      try bench.take(address..<address + kib4)
    }
  }

  @Test func theHostileTLBForgetsOnePageOfALargeOne() throws {
    let bench = try Workbench()
    try bench.map(0..<mib2, to: 0)
    for page in [0, kib4, 2 * kib4] { bench.tlb.touch(page) }
    let token = try take(0..<mib2, on: bench)
    bench.tlb.invalidate(page: VirtualAddress(0))
    #expect(bench.tlb.contradiction(at: 0) == nil)
    #expect(bench.tlb.contradiction(at: kib4) == "a page that is gone")
    #expect(bench.tlb.touch(kib4)?.physical == kib4, "and goes on using the others")
    bench.spend(token)
    #expect(bench.tlb.touch(kib4) == nil)
  }
}
