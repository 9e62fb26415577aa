// A cursor does what the page table does, in its range and step by step.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

private let kib4 = PageSize.size4KiB.byteCount
private let mib2 = PageSize.size2MiB.byteCount
private let base: UInt64 = 0xffff_c000_0000_0000

@Suite struct PageTableCursorTests {
  private func cursor(_ range: Range<UInt64>) throws(PageTableError) -> PageTableCursor {
    try PageTableCursor(over: virtual(range), mode: .fourLevel)
  }

  private func map(
    _ cursor: inout PageTableCursor, _ bench: Workbench, _ byteCount: UInt64, to physical: UInt64
  ) throws(PageTableError) {
    bench.spend(
      try cursor.map(
        &bench.table, byteCount, to: PhysicalAddress(physical), .kernel(.write),
        largest: .size2MiB, from: &bench.frames))
  }

  @Test func mapsStepByStep() throws {
    let bench = try Workbench()
    var cursor = try cursor(base..<base + 4 * mib2)
    try map(&cursor, bench, kib4, to: 7 * mib2 + kib4)
    #expect(cursor.position.rawValue == base + kib4)
    try cursor.jump(to: VirtualAddress(base + mib2))
    try map(&cursor, bench, mib2, to: 9 * mib2)
    #expect(cursor.position.rawValue == base + 2 * mib2 && cursor.rest.byteCount == 2 * mib2)
    let leaves = bench.snapshot().leaves
    #expect(leaves.map(\.virtual) == [base, base + mib2])
    #expect(leaves.map(\.physical) == [7 * mib2 + kib4, 9 * mib2])
    #expect(leaves.map(\.size) == [kib4, mib2])
  }

  @Test func findsQueriesProtectsAndTakes() throws {
    let bench = try Workbench()
    try bench.map(base + mib2..<base + 2 * mib2, to: mib2)
    try bench.map(base + 3 * mib2..<base + 3 * mib2 + kib4, to: 0)
    var cursor = try cursor(base..<base + 4 * mib2)
    #expect(cursor.query(bench.table) == nil)
    #expect(cursor.findNext(bench.table)?.size == .size2MiB)
    #expect(cursor.position.rawValue == base + mib2)
    #expect(cursor.query(bench.table)?.physical.rawValue == mib2)
    bench.spend(
      try cursor.protect(&bench.table, kib4, from: &bench.frames) { $0.rights = .none })
    #expect(cursor.position.rawValue == base + mib2 + kib4)
    var taken: [UInt64] = []
    bench.spend(
      try cursor.take(&bench.table, mib2 - kib4, from: &bench.frames) { run in
        taken.append(run.virtual.lowerBound.rawValue)
      })
    #expect(taken == [base + mib2 + kib4])
    #expect(cursor.findNext(bench.table)?.virtual.rawValue == base + 3 * mib2)
    try cursor.jump(to: VirtualAddress(base + 3 * mib2 + kib4))
    #expect(cursor.findNext(bench.table) == nil && cursor.rest.isEmpty)
    #expect(cursor.query(bench.table) == nil)
    let left = bench.snapshot().leaves
    #expect(left.map(\.virtual) == [base + mib2, base + 3 * mib2])
    #expect(left.map { $0.grants.contains(.write) } == [false, true])
  }

  @Test func staysInItsRange() throws {
    let bench = try Workbench()
    #expect(throws: PageTableError.misalignedVirtual(VirtualAddress(base + 1))) {
      _ = try self.cursor(base + 1..<base + kib4)
    }
    #expect(throws: PageTableError.notCanonical(VirtualAddress(1 << 47))) {
      _ = try self.cursor(1 << 47..<1 << 47 + kib4)
    }
    var cursor = try cursor(base..<base + 2 * kib4)
    try map(&cursor, bench, kib4, to: 0)
    let before = cursor
    bench.expect(.outsideRange(VirtualAddress(base + kib4))) {
      try self.map(&cursor, bench, 2 * kib4, to: kib4)
    }
    bench.expect(.misalignedPhysical(PhysicalAddress(1))) {
      try self.map(&cursor, bench, kib4, to: 1)
    }
    #expect(throws: PageTableError.outsideRange(VirtualAddress(base + 3 * kib4))) {
      try cursor.jump(to: VirtualAddress(base + 3 * kib4))
    }
    #expect(throws: PageTableError.outsideRange(VirtualAddress(base - kib4))) {
      try cursor.jump(to: VirtualAddress(base - kib4))
    }
    #expect(throws: PageTableError.misalignedVirtual(VirtualAddress(base + 8))) {
      try cursor.jump(to: VirtualAddress(base + 8))
    }
    #expect(cursor == before)
  }
}
