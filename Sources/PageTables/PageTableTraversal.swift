import Addressing

/// Reads a whole page table in address order, the lower half first: call `next` until it returns
/// `nil`. Each table comes before what lies below it.
///
/// Leaves come by the run: 8 TiB in pages of 2 MiB are four million of them, but eight thousand runs.
public struct PageTableTraversal<Memory: PhysicalMemory> {
  public enum Item {
    /// A table and the first address it translates.
    case table(PhysicalAddress, level: Int, from: VirtualAddress)
    /// Leaves in a row of one table, `count` of them with the first, alike but for the address of
    /// their page, which grows by the page's size; and what every entry on the way to them grants.
    case leaves(Mapping, count: Int, effectiveRights: Rights)
  }

  private let reader: PageTableReader<Memory>
  /// The tables on the way to the next entry, the root first.
  private var path: InlineArray<5, Position>
  private var depth = 0
  private var started = false

  /// A table being read: the index comes next, and what lies below inherits the rest.
  private struct Position: BitwiseCopyable {
    var table: PhysicalAddress
    var index: Int
    var start: UInt64
    var granted: Rights
  }

  public init(_ reader: PageTableReader<Memory>) {
    self.reader = reader
    path = InlineArray(
      repeating: Position(table: reader.root, index: 0, start: 0, granted: .all))
  }

  /// Leaves out what lies below the table that `next` returned last.
  public mutating func skipTable() { depth -= 1 }

  public mutating func next() -> Item? {
    if !started {
      started = true
      depth = 1
      return .table(reader.root, level: reader.mode.levels, from: VirtualAddress(0))
    }
    while depth > 0 {
      let position = path[depth - 1]
      let entries = reader.memory.table(at: position.table)
      guard let index = entries.firstPresent(in: position.index..<TableEntries.count) else {
        depth -= 1
        continue
      }
      path[depth - 1].index = index + 1
      let level = reader.mode.levels - depth + 1
      let entry = entries[index]
      let start = position.start | UInt64(index) << VirtualAddress.shift(atLevel: level)
      let virtual = VirtualAddress(signExtending: start, in: reader.mode.addressWidth)
      let granted = position.granted.intersection(entry.rights)
      switch entry.item(atLevel: level) {
      case .absent: continue
      case .table(let table):
        path[depth] = Position(table: table, index: 0, start: start, granted: granted)
        depth += 1
        return .table(table, level: level - 1, from: virtual)
      case .leaf(_, let size):
        let count = entries.countRun(
          index..<TableEntries.count, ignoring: PageTableEntry.Bits.usage, step: size.byteCount)
        path[depth - 1].index = index + count
        return .leaves(Mapping(of: virtual, entry, size), count: count, effectiveRights: granted)
      }
    }
    return nil
  }
}

extension VirtualAddress {
  /// The canonical address whose low bits are those of `bits`.
  fileprivate init(signExtending bits: UInt64, in width: AddressWidth) {
    let unused = 64 - Int64(width.rawValue)
    self.init(UInt64(bitPattern: (Int64(bitPattern: bits) << unused) >> unused))
  }
}
