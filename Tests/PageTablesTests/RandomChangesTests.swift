// Model, page table, hostile TLB and frame counts, over a long time.

import Addressing
import PageTables
import TestSupport
import Testing

@Suite struct RandomChangesTests {
  @Test(arguments: [PagingMode.fourLevel, .fiveLevel], 100..<102)
  func modelTableAndTLBAgree(mode: PagingMode, seed: UInt64) throws {
    let changes = try RandomChanges(mode, seed: seed)
    let counts = changes.run(20_000)
    #expect(changes.failure == nil)
    print(counts)
  }
}
