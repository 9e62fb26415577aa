// Three hundred thousand operations on areas: model, oracle, hostile TLB, slots and statistics.

import Addressing
import Foundation
import PageTables
import Testing

@Suite struct RandomAreasTests {
  /// The operations of each sequence.
  private static let operations =
    Int(ProcessInfo.processInfo.environment["AREA_OPERATIONS"] ?? "") ?? 37_500

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel], 1...4)
  func modelTablesAndTLBAgree(mode: PagingMode, seed: UInt64) throws {
    let areas = try RandomAreas(mode, seed: seed * UInt64(mode.levels))
    let counts = try areas.run(Self.operations)
    #expect(areas.failure == nil)
    #expect(counts.operations >= Self.operations)
    // Nothing that the sequences are to meet is rare.
    guard Self.operations >= 37_500 else { return }
    #expect(counts.created > 500 && counts.mapped > 200 && counts.refused > 200)
    #expect(counts.protected > 400 && counts.unmapped > 400 && counts.split > 100)
    #expect(counts.ended > 400 && counts.shared > 50 && counts.starved > 0)
    #expect(counts.outOfAddresses > 0 && counts.largePages > 0)
  }
}
