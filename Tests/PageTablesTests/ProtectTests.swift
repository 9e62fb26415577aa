// Changing properties, case by case: what needs a flush and what does not.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

private let kib4 = PageSize.size4KiB.byteCount
private let mib2 = PageSize.size2MiB.byteCount
private let gib = PageSize.size1GiB.byteCount

private let sizes: [PageSize] = [.size4KiB, .size2MiB, .size1GiB]

@Suite struct ProtectTests {
  @Test(arguments: sizes)
  func moreRightsNeedNoFlushAndFewerDo(size: PageSize) throws {
    for old in UInt8(0)..<8 {
      for new in UInt8(0)..<8 {
        let bench = try Workbench()
        let range = gib..<gib + size.byteCount
        try bench.map(range, to: 0, PageProperty(rights: Rights(rawValue: old)), largest: size)
        let token = try bench.table.protect(virtual(range), from: &bench.frames) {
          $0.rights = Rights(rawValue: new)
        }
        #expect(token.isEmpty == (old & ~new == 0), "\(old) to \(new)")
        #expect(token.writesBackData == false)
        bench.spend(token)
        let leaf = bench.snapshot().leaves[0]
        #expect(leaf.agrees(with: Rights(rawValue: new)) && leaf.size == size.byteCount)
      }
    }
  }

  @Test(arguments: sizes)
  func anotherMemoryTypeNeedsAFlushAndLeavingWriteBackOneOfTheData(size: PageSize) throws {
    for old in UInt8(0)..<6 {
      for new in UInt8(0)..<6 {
        let bench = try Workbench()
        let range = gib..<gib + size.byteCount
        let property = PageProperty(rights: .none, memoryType: MemoryType(patIndex: old))
        try bench.map(range, to: 0, property, largest: size)
        let token = try bench.table.protect(virtual(range), from: &bench.frames) {
          $0.memoryType = MemoryType(patIndex: new)
        }
        #expect(token.isEmpty == (old == new))
        #expect(token.writesBackData == (old == 0 && new != 0))
        bench.spend(token)
        #expect(bench.tlb.writeBackCount == (old == 0 && new != 0 ? 1 : 0))
        #expect(bench.snapshot().leaves[0].patIndex == new)
      }
    }
  }

  @Test func globalNeedsAFlushAndSoftwareBitsDoNot() throws {
    let bench = try Workbench()
    try bench.map(0..<kib4, to: 0)
    bench.tlb.touch(0)
    let local = try bench.table.protect(virtual(0..<kib4), from: &bench.frames) {
      $0.isGlobal = false
    }
    #expect(local.isEmpty == false)
    // A store to CR3 is not enough.
    bench.tlb.loadCR3(bench.table.root)
    #expect(bench.tlb.anyContradiction() != nil)
    bench.spend(local)
    #expect(bench.tlb.anyContradiction() == nil)
    let marked = try bench.table.protect(virtual(0..<kib4), from: &bench.frames) {
      $0.software = 0x3ff
    }
    #expect(marked.isEmpty == true)
    #expect(try bench.query(0)?.property.software == 0x3ff)
  }

  @Test func aPartOfALargePageIsSplitOffAndOnlyThatChanges() throws {
    let bench = try Workbench()
    try bench.map(0..<2 * gib, to: 4 * gib, PageProperty(rights: .write))
    bench.tlb.touch(0)
    bench.tlb.touch(gib - kib4)
    let range = gib - kib4..<gib + mib2
    let token = try bench.table.protect(virtual(range), from: &bench.frames) {
      $0.rights.insert(.execute)
    }
    #expect(token.coversEverything == true, "the page sizes have changed")
    bench.spend(token)
    #expect(bench.tlb.fullFlushCount == 1)
    let snapshot = bench.snapshot()
    #expect(
      snapshot.runs.map(\.virtualRange) == [0..<range.lowerBound, range, gib + mib2..<2 * gib])
    #expect(snapshot.runs.map(\.physical) == [4 * gib, 5 * gib - kib4, 5 * gib + mib2])
    #expect(snapshot.runs.map { $0.grants.contains(.execute) } == [false, true, false])
    #expect(snapshot.tables.count == bench.frames.inUseCount)
  }

  @Test func holesStayHoles() throws {
    let bench = try Workbench()
    try bench.map(0..<kib4, to: 0)
    try bench.map(gib..<gib + kib4, to: 0)
    try bench.protect(0..<3 * gib) { $0.rights = .none }
    #expect(bench.snapshot().leaves.map(\.virtual) == [0, gib])
    #expect(bench.snapshot().leaves.allSatisfy { !$0.writable })
    #expect(bench.tlb.invalidatedPages == [0, gib])
    try bench.protect(2 * gib..<3 * gib) { _ in Issue.record("nothing is mapped there") }
  }

  @Test func whatTheCPUNotedStays() throws {
    let bench = try Workbench()
    try bench.map(0..<2 * kib4, to: 0)
    bench.tlb.touch(kib4, writes: true)
    try bench.protect(0..<2 * kib4) { $0.rights = .none }
    let entries = [0, kib4].map { bench.table.reader.walk(VirtualAddress($0))[3].entry }
    #expect(entries.map(\.isAccessed) == [false, true] && entries.map(\.isDirty) == [false, true])
  }

  @Test func pagesAlikeAreAskedAboutOnce() throws {
    let bench = try Workbench()
    try bench.map(0..<mib2 + 16 * kib4, to: kib4)
    var calls = 0
    try bench.protect(0..<mib2 + 16 * kib4) { _ in calls += 1 }
    #expect(calls == 2, "once a table")
  }

  @Test func aUserPageOpensTheWayToIt() throws {
    let bench = try Workbench(.fiveLevel)
    try bench.map(0..<kib4, to: 0)
    try bench.map(gib..<gib + kib4, to: 0)
    try bench.protect(0..<kib4) { $0.rights.insert(.user) }
    #expect(bench.snapshot().leaves.map(\.user) == [true, false])
    let other = bench.table.reader.walk(VirtualAddress(gib))
    #expect(!other[3].entry.rights.contains(.user), "a table that leads to no user page")
  }

  // MARK: Finding

  @Test func nextMappingFindsEachSizeAndPassesHoles() throws {
    let bench = try Workbench()
    let upper: UInt64 = 0xffff_8000_0000_0000
    try bench.map(upper + 3 * gib..<upper + 4 * gib, to: 0)
    try bench.map(upper + 600 * gib + 7 * mib2..<upper + 600 * gib + 8 * mib2, to: 0)
    try bench.map(0xffff_ffff_ffff_e000..<0xffff_ffff_ffff_f000, to: 0)
    func next(_ start: UInt64, _ end: UInt64 = 0xffff_ffff_ffff_f000) throws -> UInt64? {
      try bench.table.reader.nextMapping(in: virtual(start..<end))?.virtual.rawValue
    }
    #expect(try next(upper) == upper + 3 * gib)
    #expect(try next(upper + 3 * gib + 5 * kib4) == upper + 3 * gib, "from inside a page")
    #expect(try next(upper, upper + 3 * gib) == nil)
    #expect(try next(upper, upper + 3 * gib + kib4) == upper + 3 * gib)
    #expect(try next(upper + 4 * gib) == upper + 600 * gib + 7 * mib2)
    #expect(try next(upper + 600 * gib + 8 * mib2) == 0xffff_ffff_ffff_e000)
    #expect(try next(upper, upper) == nil)
  }
}
