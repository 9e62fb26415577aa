import Addressing
import KernelSpace
import PageTables

/// What the live tables map, run by run. Nothing is locked: who prints a run may take its time, and
/// only commands, which run one at a time, change the tables meanwhile.
enum LiveMappings {
  /// Calls `body` with each run that has an address from `first` to `last`, lowest first.
  static func forEachRun(
    from first: VirtualAddress = VirtualAddress(0), to last: VirtualAddress = VirtualAddress(.max),
    _ body: (LeafRun) -> Void
  ) {
    var runs = LeafRuns()
    func report(_ run: LeafRun?) {
      guard let run, run.virtual.upperBound > first, run.virtual.lowerBound <= last else { return }
      body(run)
    }
    let reader = KernelState.liveReader
    var traversal = PageTableTraversal(reader)
    while let item = traversal.next() {
      switch item {
      case .table(_, let level, let start):
        // What the table translates, but for the root: it translates something of both halves.
        let end = start.rawValue | (1 << UInt64(12 + 9 * level) - 1)
        if level < reader.mode.levels, end < first.rawValue || start > last {
          traversal.skipTable()
        }
      case .leaves(let leaf, let count, let rights):
        report(runs.add(leaf, count, rights))
      }
    }
    report(runs.finish())
  }
}
