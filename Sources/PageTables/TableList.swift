import Addressing

// Tables that wait for a flush, linked through themselves: no memory is needed to free memory.
//
//     first -> +-------------+   ,-> +-------------+      entry 0 is the address of the next table,
//              | next, P = 0 |---'   | 0,    P = 0 |      or 0; present it is not, so a CPU that
//              | absent      |       | absent      |      still walks here finds nothing mapped
//              :             :       :             :

/// A list of emptied tables, first in, first out.
struct TableList: BitwiseCopyable {
  private var first: PhysicalAddress?
  private var last: PhysicalAddress?

  init() {}

  private init(of table: PhysicalAddress) { (first, last) = (table, table) }

  var isEmpty: Bool { first == nil }

  /// - Precondition: all entries of the table are absent, and it is not at address 0.
  mutating func append<Memory: PhysicalMemory>(_ table: PhysicalAddress, in memory: Memory) {
    precondition(table.rawValue != 0)
    memory.table(at: table)[0] = .absent
    append(TableList(of: table), in: memory)
  }

  mutating func append<Memory: PhysicalMemory>(_ other: TableList, in memory: Memory) {
    guard let otherFirst = other.first else { return }
    if let last {
      memory.table(at: last)[0] = PageTableEntry(rawValue: otherFirst.rawValue)
    } else {
      first = otherFirst
    }
    last = other.last
  }

  mutating func removeFirst<Memory: PhysicalMemory>(in memory: Memory) -> PhysicalAddress? {
    guard let table = first else { return nil }
    let next = memory.table(at: table)[0].rawValue
    first = next == 0 ? nil : PhysicalAddress(next)
    if first == nil { last = nil }
    return table
  }
}
