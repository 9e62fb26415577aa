// Random sequences of mappings: map, query and walk against the oracle.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

@Suite struct MapTests {
  @Test(arguments: [PagingMode.fourLevel, .fiveLevel], 0..<6)
  func theOracleFindsWhatWasMapped(mode: PagingMode, seed: UInt64) throws {
    let scenario = try Scenario(mode, seed: seed)
    let snapshot = scenario.snapshot
    #expect(scenario.accepted.count > 4 && scenario.refused > 4)
    #expect(snapshot.problems.isEmpty)
    #expect(snapshot.sharedTableViolations().isEmpty)
    // Every table frame is in the tree, and nothing was taken that is not.
    #expect(snapshot.tables.count == scenario.bench.frames.takenCount)
    var leafCount = 0
    for request in scenario.accepted {
      let inside = snapshot.leaves.filter { request.virtual.contains($0.virtual) }
      leafCount += inside.count
      let distance = request.physical &- request.virtual.lowerBound
      let wrong = inside.first {
        $0.physical != $0.virtual &+ distance || !$0.agrees(with: request.property.rights)
          || $0.global != request.property.isGlobal
          || $0.patIndex != request.property.memoryType.patIndex
      }
      #expect(wrong == nil, "\(request)")
      let pages = inside.reduce(into: PageCounts()) { $0.add($1) }
      let fewest = PageCounts.fewest(
        virtual: request.virtual.lowerBound, physical: request.physical,
        byteCount: UInt64(request.virtual.count),
        largestShift: UInt8(request.largest.shift))
      #expect(pages == fewest, "\(request)")
    }
    #expect(leafCount == snapshot.leaves.count)
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func queryAgreesAtEveryBoundary(mode: PagingMode) throws {
    let scenario = try Scenario(mode, seed: 20)
    let width = mode.addressWidth
    var mapped = 0
    var unmapped = 0
    for leaf in scenario.snapshot.leaves {
      let last = leaf.virtual + leaf.size - 1
      for address in [leaf.virtual &- 1, leaf.virtual, last, last + 1]
      where VirtualAddress(address).isCanonical(in: width) {
        let mapping = try scenario.bench.query(address)
        let expected = scenario.snapshot.translate(address)
        if let mapping, let expected {
          mapped += 1
          guard expected.agrees(with: mapping),
            mapping.translate(VirtualAddress(address)).rawValue
              == expected.physical + (address - expected.virtual)
          else {
            Issue.record("\(mapping) is \(expected)")
            return
          }
        } else {
          unmapped += 1
          guard mapping == nil, expected == nil else {
            Issue.record("\(address): \(mapping as Any), \(expected as Any)")
            return
          }
        }
      }
    }
    #expect(mapped > 1000 && unmapped > 10)
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func queryFindsTheSoftwareBits(mode: PagingMode) throws {
    let scenario = try Scenario(mode, seed: 21)
    for request in scenario.accepted {
      #expect(
        try scenario.bench.query(request.virtual.lowerBound)?.property == request.property)
    }
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func walkPassesTheTablesOfTheOracle(mode: PagingMode) throws {
    let scenario = try Scenario(mode, seed: 24)
    let tables = scenario.snapshot.tables
    for request in scenario.accepted {
      for address in [request.virtual.lowerBound, request.virtual.upperBound] {
        guard VirtualAddress(address).isCanonical(in: mode.addressWidth) else { continue }
        let walk = scenario.bench.table.reader.walk(VirtualAddress(address))
        for position in 0..<walk.count {
          let step = walk[position]
          let shift = UInt64(3 + 9 * step.level)
          #expect(step.level == mode.levels - position)
          #expect(UInt64(step.index) == address >> shift % 512)
          let span: UInt64 = 1 << (shift + 9)
          #expect(
            tables.contains {
              $0.physical == step.table.rawValue && $0.level == step.level
                && ($0.topLevelIndex == nil || address - $0.virtual < span)
            })
        }
        let last = walk[walk.count - 1]
        if let leaf = scenario.snapshot.translate(address) {
          #expect(last.entry.rawValue == leaf.entry && leaf.shift == 3 + 9 * last.level)
        } else {
          #expect(!last.entry.isPresent)
        }
      }
    }
  }

  @Test func aKernelPathOpensForAUserPageOnly() throws {
    let bench = try Workbench()
    func tablesAreOpen(to address: UInt64) -> [Bool] {
      let walk = bench.table.reader.walk(VirtualAddress(address))
      return (0..<walk.count - 1).map { walk[$0].entry.rights.contains(.user) }
    }
    try bench.map(0x1000..<0x2000, to: 0x1000, PageProperty(rights: .write))
    #expect(tablesAreOpen(to: 0x1000) == [false, false, false])
    try bench.map(0x2000..<0x3000, to: 0x2000, PageProperty(rights: .user))
    try bench.map(0x3000..<0x4000, to: 0x3000, PageProperty(rights: .execute))
    #expect(tablesAreOpen(to: 0x3000) == [true, true, true])
    let grants: [Grants] = [.write, .user, .execute]
    #expect(bench.snapshot().leaves.map(\.grants) == grants)
  }

  @Test func anEmptyRangeMapsNothing() throws {
    let bench = try Workbench()
    try bench.map(0x5000..<0x5000, to: 1 << 52)
    #expect(bench.snapshot().leaves.isEmpty)
    #expect(bench.frames.takenCount == 1)
  }
}
