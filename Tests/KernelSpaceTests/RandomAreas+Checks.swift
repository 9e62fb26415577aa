// How the random lives of areas are judged: after each change by samples, now and then entirely.

import Addressing
import Frames
import KernelSpace
import Oracle
import PageTables
import TestSupport

extension RandomAreas {
  /// Does something, sometimes with next to no frames first: that fails and changes nothing.
  func attempt(_ operation: () throws(AreaError) -> Void) -> AreaError? {
    if Int.random(in: 0..<12, using: &random) == 0 {
      SimulatedSpace.flush()
      let hoard = Hoard(on: bench, leaving: 0)
      defer { hoard.end() }
      let (before, kept) = (bench.state(), bench.census().kept)
      do throws(AreaError) {
        try operation()
        return nil
      } catch {
        SimulatedSpace.flush()
        var after = bench.state()
        after.freeCount += UInt64(bench.census().kept - kept)
        if after != before { fail("\(error) has changed something") }
        guard case .outOfFrames = error else { return error }
        counts.starved += 1
      }
    }
    do throws(AreaError) { try operation() } catch { return error }
    return nil
  }

  func succeeds(_ operation: () throws(AreaError) -> Void) -> Bool {
    guard let error = attempt(operation) else { return true }
    fail("\(error)")
    return false
  }

  /// How areas for this physical memory must lie: their first page modulo the largest page size.
  func room(_ physical: UInt64, _ count: UInt64, _ offset: UInt64) -> (UInt64, UInt64) {
    let unit: UInt64 = count < 512 ? 1 : 512
    return (unit, (physical >> 12 &- offset >> 12) % unit)
  }

  /// Whether the window has room for an area, once nothing waits for a flush.
  func hasRoom(_ count: UInt64, _ unit: UInt64, _ phase: UInt64) -> Bool {
    let start = bench.machine.layout.vmalloc.lowerBound.rawValue >> 12
    var taken = Dictionary(
      areas.map { ($0.reservation.pages.lowerBound, $0.reservation.pages) },
      uniquingKeysWith: { one, _ in one }
    ).values.sorted { $0.lowerBound < $1.lowerBound }
    taken.append(start + windowPages..<start + windowPages)
    var free = start
    for range in taken {
      let first = free + 1 + (phase + unit - (free + 1) % unit) % unit
      if first + count + 1 <= range.lowerBound { return true }
      free = range.upperBound
    }
    return false
  }

  /// Pages that an error would show at: in and around an area.
  func samples(of area: ModelArea) -> [UInt64] {
    let (first, count) = (area.first, area.pageCount)
    let inside = (0..<4).map { _ in first + UInt64.random(in: 0..<count, using: &random) }
    return inside + [
      area.reservation.pages.lowerBound, area.reservation.pages.upperBound - 1, first,
    ]
  }

  /// A page must be what the model says; of areas that ended, nothing is asked before the flush.
  func use(_ page: UInt64, of area: ModelArea) {
    counts.operations += 1
    let isGuard =
      page == area.reservation.pages.lowerBound || page == area.reservation.pages.upperBound - 1
    let owner = areas.first { $0.first..<$0.first + $0.pageCount ~= page }
    guard isGuard || owner != nil else { return }
    let expected = owner?.pages[page]
    let found = bench.tlb.touch(page << 12)
    guard found?.physical == expected?.physical, found?.patIndex == expected?.patIndex else {
      return fail("\(found as Any) at page \(page), not \(expected as Any)")
    }
    if let found, let expected {
      // The CPU may know fewer rights than there are.
      if found.grants & ~(expected.rights == .write ? 1 : 0) != 0 { fail("\(found): \(expected)") }
      if expected.isTracked, bench.owners(expected.physical) < owners[expected.physical]! {
        fail("an owner of \(expected) is lost")
      }
    }
    guard let owner, let answer = try? owner.box.query((page - owner.first) << 12, on: bench) else {
      return
    }
    switch (answer, expected) {
    case (.nothing, nil): break
    case (.tracked(let physical, let rights, let count), let expected?)
    where expected.isTracked && physical == expected.physical && rights == expected.rights
      && count >= owners[physical]!:
      break
    case (.untracked(let physical, let property), let expected?)
    where !expected.isTracked && physical == expected.physical
      && property.rights == expected.rights && property.memoryType.patIndex == expected.patIndex:
      break
    default: fail("\(answer) at page \(page), not \(expected as Any)")
    }
  }

  /// Everything, after a flush: tables, slots, reservations, statistics, the TLB.
  func checkEverything() {
    SimulatedSpace.flush()
    if let verdict = bench.verdict() { fail(verdict) }
    checkPages()
    let census = bench.census()
    if census.data != owners.count { fail("\(census.data) owned frames, not \(owners.count)") }
    for (frame, count) in owners where bench.owners(frame) != count {
      return fail("\(bench.owners(frame)) owners of \(frame), not \(count)")
    }
    let snapshot = bench.snapshot()
    if snapshot.tables.count != census.tables { fail("tables are lost") }
    if !snapshot.problems.isEmpty { fail(snapshot.problems[0]) }
    if bench.machine.frames.usedCount != UInt64(census.data + census.tables + census.kept) {
      fail("the allocator's statistics")
    }
    var reservations: [UInt64: ModelReservation] = [:]
    for area in areas {
      let pages = area.reservation.pages
      reservations[pages.lowerBound] = area.reservation
      let found = bench.areas.reservation(holding: area.box.range.lowerBound)
      if found?.lowerBound.rawValue != pages.lowerBound << 12
        || found?.upperBound.rawValue != pages.upperBound << 12
      {
        fail("the reservation of \(area.box.range) is \(found as Any)")
      }
    }
    let reserved = reservations.values.reduce(0) { $0 + UInt64($1.pages.count) }
    if bench.areas.reservationCount != reservations.count
      || bench.areas.freePageCount != windowPages - reserved
    {
      fail("\(bench.areas.reservationCount) reservations, not \(reservations.count)")
    }
  }

  /// The oracle's pages, cut small, and the model's.
  private func checkPages() {
    var expected: [UInt64: ModelPage] = [:]
    for area in areas { expected.merge(area.pages) { one, _ in one } }
    var found = 0
    for leaf in bench.leaves() {
      if leaf.shift > 12 { counts.largePages += 1 }
      for piece in 0..<leaf.size >> 12 {
        let page = ModelPage(
          physical: leaf.physical + piece << 12, rights: leaf.writable ? .write : .none,
          isTracked: leaf.entry >> 9 & 1 == 1, patIndex: leaf.patIndex)
        guard expected[leaf.virtual >> 12 + piece] == page, leaf.global, !leaf.user,
          !leaf.executable
        else { return fail("the oracle reads \(page) at \(leaf.virtual >> 12 + piece)") }
        found += 1
      }
    }
    if found != expected.count { fail("\(found) pages, not \(expected.count)") }
  }
}
