import Addressing

// Tables that wait for a flush, linked through themselves: no memory is needed to free memory.
//
//     first -> +-------------+   ,-> +-------------+      entry 0 is the address of the next table,
//              | next, P = 0 |---'   | 0,    P = 0 |      or 0; present it is not, so a CPU that
//              | absent      |       | absent      |      still walks here finds nothing mapped
//              :             :       :             :

/// A list of emptied tables, first in, first out.
struct TableList: BitwiseCopyable {
  /// Address 0, where no table is, says that there is none.
  private var first = PhysicalAddress(0)
  private var last = PhysicalAddress(0)

  init() {}

  private init(of table: PhysicalAddress) { (first, last) = (table, table) }

  var isEmpty: Bool { first.rawValue == 0 }

  /// - Precondition: all entries of the table are absent, and it is not at address 0.
  mutating func append<Memory: PhysicalMemory>(_ table: PhysicalAddress, in memory: Memory) {
    precondition(table.rawValue != 0)
    append(TableList(of: table), in: memory)
  }

  mutating func append<Memory: PhysicalMemory>(_ other: TableList, in memory: Memory) {
    guard !other.isEmpty else { return }
    if isEmpty {
      first = other.first
    } else {
      memory.table(at: last)[word: 0] = other.first.rawValue
    }
    last = other.last
  }

  /// The table is all zeros again.
  mutating func removeFirst<Memory: PhysicalMemory>(in memory: Memory) -> PhysicalAddress? {
    guard !isEmpty else { return nil }
    let table = first
    let entries = memory.table(at: table)
    first = PhysicalAddress(entries[word: 0])
    entries[word: 0] = 0
    return table
  }
}
