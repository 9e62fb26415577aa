// Damage to page tables, behind the back of who built them.

import Addressing
import PageTables

extension PageTableReader {
  /// Changes the entry on the way to `address` at `level`, or the last one there is.
  public func changeEntry(
    for address: UInt64, atLevel level: Int? = nil, _ change: (UInt64) -> UInt64
  ) {
    let walk = walk(VirtualAddress(address))
    let step = walk[level.map { mode.levels - $0 } ?? walk.count - 1]
    memory.table(at: step.table)[step.index] =
      PageTableEntry(rawValue: change(step.entry.rawValue))
  }
}
