// Three hundred thousand operations on areas: model, oracle, hostile TLB, slots and statistics.

import Addressing
import Foundation
import PageTables
import Testing

@Suite struct RandomAreasTests {
  /// How many times the usual number of operations.
  private static let factor = Int(ProcessInfo.processInfo.environment["AREA_ROUNDS"] ?? "") ?? 1

  /// 8 sequences of 40,000 operations.
  @Test(arguments: [PagingMode.fourLevel, .fiveLevel], 0..<4)
  func modelTablesAndTLBAgree(mode: PagingMode, seed: UInt64) throws {
    let areas = try RandomAreas(mode, seed: seed)
    let counts = try areas.run(40_000 * Self.factor)
    #expect(areas.failure == nil)
    #expect(counts.operations >= 40_000)
    // Nothing that the sequences are to meet is rare.
    #expect(counts.created > 500 && counts.mapped > 200 && counts.refused > 200)
    #expect(counts.protected > 400 && counts.unmapped > 400 && counts.split > 100)
    #expect(counts.ended > 400 && counts.shared > 50 && counts.starved > 5)
    #expect(counts.outOfAddresses > 0 && counts.largePages > 0)
    print(mode, seed, counts)
  }
}
