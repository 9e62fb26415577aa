// The reading of whole tables against the oracle's: the same items, in the same order.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

/// An item of a traversal: what it translates, where it leads, and twice its level, plus one if it
/// is a table. A table so comes before the leaves in it, and those before the tables below.
private struct Sight: Equatable {
  var virtual: UInt64
  var physical: UInt64
  var rank: Int

  init(_ table: Snapshot.Table) {
    (virtual, physical, rank) = (table.virtual, table.physical, 2 * table.level + 1)
  }

  init(_ leaf: Leaf) {
    (virtual, physical, rank) = (leaf.virtual, leaf.physical, 2 * (Int(leaf.shift) - 3) / 9)
  }

  init(virtual: UInt64, physical: UInt64, rank: Int) {
    (self.virtual, self.physical, self.rank) = (virtual, physical, rank)
  }

  /// The table, or each of the leaves.
  static func all(of item: PageTableTraversal<SimulatedMemory>.Item) -> [Sight] {
    switch item {
    case .table(let address, let level, let start):
      [Sight(virtual: start.rawValue, physical: address.rawValue, rank: 2 * level + 1)]
    case .leaves(let first, let count, _):
      (0..<UInt64(count)).map { index in
        let offset = index * first.size.byteCount
        return Sight(
          virtual: first.virtual.rawValue + offset, physical: first.physical.rawValue + offset,
          rank: 2 * first.size.level)
      }
    }
  }

  /// All that the oracle has found, from `lowestLevel` up.
  static func all(in snapshot: Snapshot, lowestLevel: Int = 1) -> [Sight] {
    let sights = snapshot.tables.map { Sight($0) } + snapshot.leaves.map { Sight($0) }
    return sights.filter { $0.rank >= 2 * lowestLevel }
      .sorted { ($0.virtual, -$0.rank) < ($1.virtual, -$1.rank) }
  }
}

@Suite struct TraversalTests {
  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func readsWhatTheOracleReads(mode: PagingMode) throws {
    let scenario = try Scenario(mode, seed: 22)
    var traversal = PageTableTraversal(scenario.bench.table.reader)
    var sights: [Sight] = []
    var leaves = scenario.snapshot.leaves.makeIterator()
    while let item = traversal.next() {
      sights += Sight.all(of: item)
      guard case .leaves(let first, let count, let rights) = item else { continue }
      #expect(count > 0)
      for position in 0..<UInt64(count) {
        guard let leaf = leaves.next(), leaf.agrees(with: first, movedBy: position),
          leaf.agrees(with: rights)
        else {
          Issue.record("\(first) and \(position) more is not what the oracle has here")
          return
        }
      }
    }
    #expect(leaves.next() == nil)
    #expect(sights == Sight.all(in: scenario.snapshot))
    #expect(traversal.next() == nil, "the end stays the end")
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel], 1...4)
  func leavesOutWhatIsBelowASkippedTable(mode: PagingMode, lowestLevel: Int) throws {
    let scenario = try Scenario(mode, seed: 23)
    var traversal = PageTableTraversal(scenario.bench.table.reader)
    var sights: [Sight] = []
    while let item = traversal.next() {
      if case .table(_, let level, _) = item, level < lowestLevel {
        traversal.skipTable()
      } else {
        sights += Sight.all(of: item)
      }
    }
    #expect(sights == Sight.all(in: scenario.snapshot, lowestLevel: lowestLevel))
  }

  @Test func skippingTheRootLeavesNothing() throws {
    let scenario = try Scenario(.fourLevel, seed: 24)
    var traversal = PageTableTraversal(scenario.bench.table.reader)
    _ = traversal.next()
    traversal.skipTable()
    #expect(traversal.next() == nil)
  }

  /// Highland's own tables grant everything; those of a boot loader may not.
  @Test(arguments: 0..<3, [Rights.write, .execute, .user])
  func takesAwayWhatATableDenies(position: Int, right: Rights) throws {
    let bench = try Workbench()
    try bench.map(0x1000..<0x2000, to: 0x1000, PageProperty(rights: .all))
    let step = bench.table.reader.walk(VirtualAddress(0x1000))[position]
    // Writable and user are granted by bits 1 and 2, execution is denied by bit 63.
    let bit: UInt64 = right == .write ? 1 << 1 : right == .user ? 1 << 2 : 1 << 63
    bench.memory.table(at: step.table)[step.index] =
      PageTableEntry(rawValue: step.entry.rawValue ^ bit)
    let leaf = bench.snapshot().leaves[0]
    var leafCount = 0
    var traversal = PageTableTraversal(bench.table.reader)
    while let item = traversal.next() {
      guard case .leaves(let mapping, _, let effective) = item else { continue }
      leafCount += 1
      #expect(mapping.property.rights == .all)
      #expect(!effective.contains(right) && leaf.agrees(with: effective))
    }
    #expect(leafCount == 1)
  }
}
