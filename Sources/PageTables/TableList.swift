import Addressing

// Tables that wait for a flush, linked through themselves: no memory is needed to free memory. They
// are linked to a ring, so that one word is enough to reach the last and the first of them.
//
//        ,--------------------------------------.
//        '-> +-------------+     +-------------+ |      entry 0 is the address of the next table;
//            | next, P = 0 |---> | next, P = 0 |-'      present it is not, so a CPU that still
//            | absent      |     | absent      |        walks here finds nothing mapped
//            :   first     :     :   last      :

/// A list of emptied tables, first in, first out.
struct TableList: BitwiseCopyable {
  /// Address 0, where no table is, says that there is none.
  private(set) var last: PhysicalAddress

  init(last: PhysicalAddress = PhysicalAddress(0)) { self.last = last }

  var isEmpty: Bool { last.rawValue == 0 }

  /// - Precondition: all entries of the table are absent, and it is not at address 0.
  mutating func append<Memory: PhysicalMemory>(_ table: PhysicalAddress, in memory: Memory) {
    precondition(table.rawValue != 0)
    memory.table(at: table)[word: 0] = table.rawValue
    append(TableList(last: table), in: memory)
  }

  mutating func append<Memory: PhysicalMemory>(_ other: TableList, in memory: Memory) {
    guard !other.isEmpty else { return }
    if !isEmpty {
      // Two rings become one where their last tables trade what follows them.
      let (end, otherEnd) = (memory.table(at: last), memory.table(at: other.last))
      (end[word: 0], otherEnd[word: 0]) = (otherEnd[word: 0], end[word: 0])
    }
    last = other.last
  }

  /// The table is all zeros again.
  mutating func removeFirst<Memory: PhysicalMemory>(in memory: Memory) -> PhysicalAddress? {
    guard !isEmpty else { return nil }
    let end = memory.table(at: last)
    let first = PhysicalAddress(end[word: 0])
    let entries = memory.table(at: first)
    if first == last { last = PhysicalAddress(0) } else { end[word: 0] = entries[word: 0] }
    entries[word: 0] = 0
    return first
  }
}
