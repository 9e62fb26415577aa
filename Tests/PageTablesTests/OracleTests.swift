// The judge on trial: the oracle on tables written by hand.

import Oracle
import Testing

/// Reads tables given as physical address → index → entry. Frames not given trap.
private func snapshot(
  _ tables: [UInt64: [Int: UInt64]], levels: Int = 4, physicalWidth: Int = 52
) -> Snapshot {
  Snapshot(root: 0x1000, levels: levels, physicalWidth: physicalWidth) { addresses in
    addresses.map { address in
      var entries = [UInt64](repeating: 0, count: 512)
      for (index, entry) in tables[address]! { entries[index] = entry }
      return entries
    }
  }
}

/// Entries, by level, that have reserved bits set on a CPU with 40 physical address bits.
private let refusedEntries: [(Int, UInt64)] = [
  (4, 0x2083), (3, 0x4000_2083), (3, 0x6000_0083), (2, 0x4000_2083), (2, 0x4010_0083),
  (4, 0x100_0000_0003), (3, 0x100_0000_0083), (2, 0x8_0000_0000_0003), (1, 0x4000_0000_0001),
]

@Suite struct OracleTests {
  @Test func readsTablesWrittenByHand() throws {
    let read = snapshot([
      // CR3's flag bits and the accessed and dirty bits of entries change nothing.
      0x1000: [0: 0x2067, 256: 0x3003, 511: 0x8000_0000_0000_4003, 300: 0xdead_0000_0000_0002],
      0x2000: [1: 0x5027],
      0x3000: [0: 0x8000_0000_4000_11e3, 1: 0x8000_0000_8000_0183],
      0x4000: [510: 0x6003],
      0x5000: [3: 0x7007],
      0x6000: [511: 0x20_0081],
      0x7000: [511: 0x8000_0000_dead_b09d],
    ])
    #expect(read.problems.isEmpty)
    let low = try #require(read.translate(0x4070_0000 - 0x10_0000 + 0x1f_ffff))
    #expect((low.virtual, low.physical, low.size) == (0x407f_f000, 0xdead_b000, 0x1000))
    #expect(!low.writable && low.user && !low.executable && !low.global && low.patIndex == 7)
    let large = try #require(read.translate(0xffff_8000_3fff_ffff))
    #expect(
      (large.virtual, large.physical, large.size)
        == (0xffff_8000_0000_0000, 0x4000_0000, 0x4000_0000))
    #expect(large.writable && !large.user && !large.executable && large.global)
    #expect(large.patIndex == 4)
    // No-execute above, no write at the leaf.
    let top = try #require(read.translate(0xffff_ffff_bfe0_0000))
    #expect((top.physical, top.size) == (0x20_0000, 0x20_0000))
    #expect(!top.writable && !top.user && !top.executable && top.patIndex == 0)
    for address: UInt64 in [0, 0x407f_efff, 0x4080_0000, 0xffff_8000_8000_0000, .max] {
      #expect(read.translate(address) == nil)
    }
    #expect(read.leaves.count == 4 && read.pages == PageCounts(of1GiB: 2, of2MiB: 1, of4KiB: 1))
    // The two 1 GiB pages follow each other, but not with equal caching.
    #expect(read.runs.count == 4)
    #expect(read.tables.map(\.physical) == (1...7).map { $0 << 12 })
    #expect(read.tables.map(\.level) == [4, 3, 3, 3, 2, 2, 1])
    #expect(read.tables.map(\.topLevelIndex) == [nil, 0, 256, 511, 0, 511, 0])
  }

  @Test func readsFiveLevels() throws {
    let read = snapshot(
      [0x1000: [256: 0x2003], 0x2000: [1: 0x3003], 0x3000: [2: 0x4000_0083]], levels: 5)
    let leaf = try #require(read.translate(0xff00_0080_8000_0123))
    #expect((leaf.virtual, leaf.physical) == (0xff00_0080_8000_0000, 0x4000_0000))
  }

  /// Each of these entries makes the CPU fault: they are named, and neither followed nor mapped.
  @Test(arguments: refusedEntries)
  func reservedBitsAreNamed(level: Int, entry: UInt64) {
    var tables: [UInt64: [Int: UInt64]] = [:]
    for above in stride(from: 4, to: level, by: -1) {
      tables[UInt64(5 - above) << 12] = [0: UInt64(6 - above) << 12 | 3]
    }
    tables[UInt64(5 - level) << 12] = [0: entry]
    let read = snapshot(tables, physicalWidth: 40)
    #expect(read.problems.count == 1 && read.problems[0].contains("level \(level) entry"))
    #expect(read.leaves.isEmpty && read.tables.count == 5 - level)
  }

  @Test func tablesThatHoldThemselvesAreSeenAndSurvived() {
    let recursive = snapshot([0x1000: [511: 0x1003]])
    #expect(recursive.sharedTableViolations().count == 1)
    #expect(recursive.translate(0xffff_ffff_ffff_f000)?.physical == 0x1000)
    let everywhere = Dictionary(uniqueKeysWithValues: (0..<512).map { ($0, UInt64(0x1003)) })
    #expect(
      snapshot([0x1000: everywhere]).problems == [
        "more than 2^20 tables, some of them reached in many ways"
      ])
  }

  @Test func asksForTheTablesOfALevelTogether() {
    var asked: [[UInt64]] = []
    _ = Snapshot(root: 0x1000, levels: 4) { addresses in
      asked.append(addresses)
      return addresses.map { _ in
        (0..<512).map { $0 < 3 && asked.count < 3 ? UInt64(8 - $0) << 12 | 3 : 0 }
      }
    }
    #expect(asked == [[0x1000], [0x6000, 0x7000, 0x8000], [0x6000, 0x7000, 0x8000]])
  }
}
