// The workloads. Each for a run of pages comes in two forms: one call over the range, and a call a
// page.

import Addressing
import BenchFloors
import PageTables

enum Form {
  case range, pages

  /// The pages that the floor does per walk.
  func perWalk(_ pages: Pages) -> UInt64 { self == .range ? 512 : 1 }
}

struct Workloads {
  let arena = Arena()
  let map4k = Pages(1 << 20, .size4KiB)

  var all: [Workload] {
    let map2m = Pages(262_144, .size2MiB)
    let map1g = Pages(65_536, .size1GiB)
    return [
      map("map4k", map4k, .range),
      map("map2m", map2m, .range),
      map("map1g", map1g, .range),
      unmap("unmap4k", .range),
      protect("protect4k", .range),
      map("map4k, page by page", map4k, .pages),
      map("map2m, page by page", map2m, .pages),
      map("map1g, page by page", map1g, .pages),
      unmap("unmap4k, page by page", .pages),
      protect("protect4k, page by page", .pages),
      queryRandom(),
      querySequential(),
      area4("area4", keepsTables: true),
      area4("area4, tables go at once", keepsTables: false),
    ] + owners()
  }

  private func floorTable(mapping pages: Pages) -> floor_table {
    var table = arena.floorTable()
    floor_map(&table, pages.floorPages, pages.firstEntry, 512)
    return table
  }

  private func map(_ name: StaticString, _ pages: Pages, _ form: Form) -> Workload {
    Workload(name: name, unit: "page", units: pages.count) {
      var table = arena.floorTable()
      let duration = time {
        floor_map(&table, pages.floorPages, pages.firstEntry, form.perWalk(pages))
      }
      check(wrong_leaves(&table, pages.floorPages, pages.firstEntry) == 0, "the floor's table")
      return duration
    } subject: { () throws(PageTableError) in
      var subject = try Subject(arena)
      let duration = try time { () throws(PageTableError) in
        switch form {
        case .range: try subject.map(pages)
        case .pages: for number in 0..<pages.count { try subject.map(pages.page(number)) }
        }
      }
      var table = subject.floorTable
      check(wrong_leaves(&table, pages.floorPages, pages.firstEntry) == 0, "Highland's table")
      return duration
    }
  }

  private func unmap(_ name: StaticString, _ form: Form) -> Workload {
    let pages = map4k
    return Workload(name: name, unit: "page", units: pages.count) {
      var table = floorTable(mapping: pages)
      var sum: UInt64 = 0
      let duration = time { sum = floor_unmap(&table, pages.floorPages, form.perWalk(pages)) }
      check(sum == pages.entrySum, "sum of the floor")
      return duration
    } subject: { () throws(PageTableError) in
      var subject = try Subject(arena)
      try subject.map(pages)
      var sum: UInt64 = 0
      let duration = try time { () throws(PageTableError) in
        switch form {
        case .range: try subject.take(pages, &sum)
        case .pages:
          for number in 0..<pages.count { try subject.take(pages.page(number), &sum) }
        }
      }
      check(sum == pages.addressSum, "sum of what was taken")
      // The root, and the table of its entry for this part of the kernel half.
      check(subject.frames.inUseCount == 2, "tables given back")
      return duration
    }
  }

  private func protect(_ name: StaticString, _ form: Form) -> Workload {
    let pages = map4k
    return Workload(name: name, unit: "page", units: pages.count) {
      var table = floorTable(mapping: pages)
      let duration = time { floor_protect(&table, pages.floorPages, 2, form.perWalk(pages)) }
      check(
        wrong_leaves(&table, pages.floorPages, pages.firstEntry & ~2) == 0, "the floor's table")
      return duration
    } subject: { () throws(PageTableError) in
      var subject = try Subject(arena)
      try subject.map(pages)
      let duration = try time { () throws(PageTableError) in
        switch form {
        case .range: try subject.makeReadOnly(pages)
        case .pages:
          for number in 0..<pages.count { try subject.makeReadOnly(pages.page(number)) }
        }
      }
      var table = subject.floorTable
      check(
        wrong_leaves(&table, pages.floorPages, pages.firstEntry & ~2) == 0, "Highland's table")
      return duration
    }
  }

  private func queryRandom() -> Workload {
    let queries: UInt64 = 10_000_000
    let expected: UInt64 = 0x4c_4dcb_8d80_4000
    return Workload(name: "query-random", unit: "query", units: queries, aim: 1.1) {
      var table = floorTable(mapping: map4k)
      var sum: UInt64 = 0
      let duration = time {
        sum = floor_query_random(&table, map4k.start.rawValue, map4k.count - 1, queries)
      }
      check(sum == expected, "sum of the floor")
      return duration
    } subject: { () throws(PageTableError) in
      var subject = try Subject(arena)
      try subject.map(map4k)
      var sum: UInt64 = 0
      let duration = try time { () throws(PageTableError) in
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        for _ in 0..<queries {
          state ^= state << 13
          state ^= state >> 7
          state ^= state << 17
          let address = map4k.start + (state & (map4k.count - 1)) << 12
          sum &+= try subject.table.reader.query(address)?.physical.rawValue ?? 0
        }
      }
      check(sum == expected, "sum of the queries")
      return duration
    }
  }

  private func querySequential() -> Workload {
    let expected: UInt64 = 0x7_ffff_8000_0000
    return Workload(name: "query-sequential", unit: "query", units: map4k.count) {
      var table = floorTable(mapping: map4k)
      var sum: UInt64 = 0
      let duration = time { sum = floor_query(&table, map4k.floorPages) }
      check(sum == expected, "sum of the floor")
      return duration
    } subject: { () throws(PageTableError) in
      var subject = try Subject(arena)
      try subject.map(map4k)
      var sum: UInt64 = 0
      let duration = try time { () throws(PageTableError) in
        for number in 0..<map4k.count {
          sum &+=
            try subject.table.reader.query(map4k.start + number << 12)?.physical.rawValue ?? 0
        }
      }
      check(sum == expected, "sum of the queries")
      return duration
    }
  }

  /// Four pages come and go, each time elsewhere. The floor's tables always stay. Highland's do so until
  /// the end, when all that are empty go, as those of areas do at a flush; or they come and go too.
  private func area4(_ name: StaticString, keepsTables: Bool) -> Workload {
    let rounds: UInt64 = 1_000_000
    func area(_ round: UInt64) -> Pages {
      let slot = round & 8191
      return Pages(
        4, .size4KiB, at: 0xffff_c000_0000_0000 + slot << 15, to: 4 << 30 + slot << 14)
    }
    let expected = (0..<rounds).reduce(0) { $0 &+ area($1).addressSum }
    return Workload(name: name, unit: "round", units: rounds, aim: keepsTables ? 1.5 : 0) {
      var table = arena.floorTable()
      for slot in 0..<8192 as Range<UInt64> { floor_map(&table, area(slot).floorPages, 0, 4) }
      var sum: UInt64 = 0
      let first = area(0)
      let duration = time {
        sum = floor_area4(&table, first.start.rawValue, first.firstEntry, rounds)
      }
      check(sum == expected &+ rounds &* 4 &* 0x8000_0000_0000_0103, "sum of the floor")
      return duration
    } subject: { () throws(PageTableError) in
      var subject = try Subject(arena)
      var sum: UInt64 = 0
      let duration = try time { () throws(PageTableError) in
        for round in 0..<rounds {
          let pages = area(round)
          try subject.map(pages)
          try subject.take(pages, &sum, keepsTables: keepsTables)
        }
        subject.prune(area(0).range.lowerBound..<area(8191).range.upperBound)
      }
      check(sum == expected, "sum of what was taken")
      check(subject.frames.inUseCount == 2, "tables given back")
      return duration
    }
  }
}

extension Subject {
  /// Takes `pages`, and adds up their physical addresses.
  @inline(__always) mutating func take(
    _ pages: Pages, _ sum: inout UInt64, keepsTables: Bool = false
  ) throws(PageTableError) {
    spend(
      try table.take(pages.range, from: &frames, keepsTables: keepsTables) { run in
        let count = run.virtual.byteCount >> run.size.shift
        sum &+= count &* run.physical.rawValue &+ (count &* (count &- 1) / 2) << run.size.shift
      })
  }

  mutating func prune(_ range: Range<VirtualAddress>) { spend(table.prune(range)) }

  @inline(__always) mutating func makeReadOnly(_ pages: Pages) throws(PageTableError) {
    spend(try table.protect(pages.range, from: &frames) { $0.rights = .none })
  }
}
