import Addressing
import PageTables

/// Pages of one size in a row, alike in what they allow, as the live tables have them.
struct LivePages {
  let range: Range<VirtualAddress>
  let size: PageSize
  let rights: Rights

  /// Calls `body` with all pages of a window of the kernel half, the lowest first.
  static func forEach(in window: Range<VirtualAddress>, _ body: (LivePages) -> Void) {
    let reader = KernelState.liveReader
    var traversal = PageTableTraversal(reader)
    while let item = traversal.next() {
      switch item {
      case .table(_, let level, let start):
        // What the table translates, but for the root: it translates something of both halves.
        let last = start.rawValue | (1 << UInt64(12 + 9 * level) - 1)
        if level < reader.mode.levels,
          last < window.lowerBound.rawValue || start >= window.upperBound
        {
          traversal.skipTable()
        }
      case .leaves(let first, let count, let rights):
        let range = first.virtual..<first.virtual + UInt64(count) << first.size.shift
        guard window.contains(first.virtual) else { continue }
        body(LivePages(range: range, size: first.size, rights: rights))
      }
    }
  }
}
