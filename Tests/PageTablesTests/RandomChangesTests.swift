// A million operations: model, page table, oracle, hostile TLB and frame counts, over a long time.

import Addressing
import PageTables
import TestSupport
import Testing

@Suite struct RandomChangesTests {
  /// 32 sequences of at least 31,250 operations.
  @Test(arguments: [PagingMode.fourLevel, .fiveLevel], 100..<116)
  func modelTableAndTLBAgree(mode: PagingMode, seed: UInt64) throws {
    let changes = try RandomChanges(mode, seed: seed)
    let counts = changes.run(4_300)
    #expect(changes.failure == nil)
    #expect(counts.operations >= 31_250)
    // Nothing that the sequences are to meet is rare.
    #expect(counts.mapped > 400 && counts.refused > 400 && counts.taken > 400)
    #expect(counts.protected > 400 && counts.silent > 200 && counts.splits > 100)
    #expect(counts.starved > 30 && counts.merged > 100 && counts.relinked > 200)
    #expect(counts.fullFlushes > 200)
  }
}
