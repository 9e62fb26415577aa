// What a space that was built must be: as expected, and as promised in the eyes of both judges.

import Addressing
import Oracle
import TestSupport
import Testing

extension BuiltSpace {
  /// Expects the table to map exactly `ram` and the image, as promised, in frames that may be used.
  func expectComplete(ram: [Range<UInt64>]) throws {
    let expected = ExpectedSpace(machine, ram: ram)
    let snapshot = snapshot()
    #expect(snapshot.violations(on: expected.oracle) == [])
    #expect(snapshot.runs.map(Piece.init) == expected.pieces)
    #expect(snapshot.runs.map(\.pages) == expected.pages)
    #expect(snapshot.runs.allSatisfy { $0.global && $0.patIndex == 0 })
    // Not only absent: empty to the last bit.
    #expect(snapshot.topLevelEntries.prefix(256).allSatisfy { $0 == 0 })

    let tables = snapshot.tables.map(\.physical)
    #expect(tables.count == expected.tableCount(levels: machine.cpu.mode.levels))
    #expect(frames.taken == tables.count)
    #expect(memory.handedOut.map(\.rawValue).sorted() == tables.sorted())
    // They must be reached by a 32-bit CR3, before activation and, in RAM that is mapped, after it.
    let usable = AddressSet(ram.map { $0.clamped(to: 0x10_0000..<1 << 32) })
      .subtracting(AddressSet([machine.image.report.range]))
    #expect(tables.allSatisfy { table in usable.contains { $0.contains(table) } })

    let audit = audit()
    #expect(audit.brokenPromises.isEmpty && audit.stray == nil)
    #expect(disagreements(audit, snapshot) == [])
  }
}
