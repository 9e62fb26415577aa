import Addressing
import PageTables
import TestSupport

/// Maps, changes and unmaps as the bytes say, against a model, a second walker and a hostile TLB.
func fuzzPageTable(_ bytes: [UInt8]) -> String? {
  guard let first = bytes.first else { return nil }
  let mode = first % 2 == 0 ? PagingMode.fourLevel : .fiveLevel
  guard let changes = try? RandomChanges(mode, SeededGenerator(Array(bytes.dropFirst()))) else {
    return "there is no table to begin with"
  }
  _ = changes.run(400)
  return changes.failure
}
