import Addressing

// The way down: every change begins at the lowest table that spans all of its range.
//
//     root ---> table ---> table ---> entries       one walk, then no table above is looked at
//                 ^ parent, which counts what is present in `entries`
//
// Changes that follow each other are often in one table of level 1. So the page table remembers the
// last of them until it takes a table away. Nobody else can: it owns its tables.

/// The lowest table on the way to a range that spans all of it.
struct Descent {
  var entries: TableEntries
  var level: Int
  /// The entry that leads to `entries`. Without meaning at the root.
  var parent: TableEntries
  var parentIndex: Int
  /// Whether user mode may pass all entries on the way.
  var isOpenForUser: Bool
}

extension PageTableReader {
  /// Walks down to the lowest table that spans all of `range`, but not below `lowest`.
  ///
  /// - Precondition: `range` is not empty and passed `PagingMode.check`.
  @inline(__always)
  func descend(to range: Range<VirtualAddress>, lowest: Int = 1) -> Descent {
    var descent = Descent(root: memory.table(at: root), level: mode.levels)
    if mode == .fiveLevel, lowest == 5 || !goDown(&descent, range, fromLevel: 5) {
      return descent
    }
    // From here on the levels are known when this is compiled: a loop without a loop.
    for level in stride(from: 4, to: 1, by: -1) {
      guard level > lowest, goDown(&descent, range, fromLevel: level) else { break }
    }
    return descent
  }

  /// One step, if there is a table one level down that spans all of `range`.
  @inline(__always)
  private func goDown(
    _ descent: inout Descent, _ range: Range<VirtualAddress>, fromLevel level: Int
  ) -> Bool {
    let index = range.lowerBound.index(atLevel: level)
    let entry = descent.entries[index]
    guard range.isInOneTable(ofLevel: level - 1), entry.isTable(atLevel: level) else {
      return false
    }
    descent = Descent(
      entries: memory.table(at: entry.table), level: level - 1, parent: descent.entries,
      parentIndex: index, isOpenForUser: descent.isOpenForUser && entry.isOpenForUser)
    return true
  }
}

extension Descent {
  init(root: TableEntries, level: Int) {
    self.init(entries: root, level: level, parent: root, parentIndex: 0, isOpenForUser: true)
  }
}

/// The table of level 1 that was changed last.
struct LastTable {
  var descent: Descent
  /// The first address that it translates; if there is none, one that is no address of a table.
  var start: UInt64

  init(none descent: Descent) {
    self.descent = descent
    start = .max
  }

  init(_ descent: Descent, on address: VirtualAddress) {
    self.descent = descent
    start = address.alignedDown(to: .size2MiB).rawValue
  }

  /// Whether `range` lies in its span and is made of whole pages: it is then all that a range has to
  /// be. An empty one may be.
  @inline(__always)
  func spans(_ range: Range<VirtualAddress>) -> Bool {
    let last = range.upperBound.rawValue &- 1
    let bounds = range.lowerBound.rawValue | range.upperBound.rawValue
    return range.lowerBound.alignedDown(to: .size2MiB).rawValue == start
      && VirtualAddress(last).alignedDown(to: .size2MiB).rawValue == start
      && VirtualAddress(bounds).isAligned(to: .size4KiB)
  }

  /// Counts entries that the table gained, or lost.
  ///
  /// - Returns: whether none is left.
  @inline(__always) @discardableResult
  func count(_ gained: Int) -> Bool {
    let entry = descent.parent[descent.parentIndex].counting(gained)
    descent.parent[descent.parentIndex] = entry
    return entry.entryCount == 0
  }
}

extension PageTable {
  /// Counts entries that a table gained, or lost, in the entry that leads to it.
  ///
  /// - Returns: whether none is left.
  @discardableResult
  func count(_ gained: Int, in descent: Descent) -> Bool {
    guard descent.level < mode.levels,
      !isShared(descent.parentIndex, atLevel: descent.level + 1)
    else { return false }
    let entry = descent.parent[descent.parentIndex].counting(gained)
    descent.parent[descent.parentIndex] = entry
    return entry.entryCount == 0
  }

  /// Lets user mode pass every entry on the way to `address` down to the table of `level`.
  func openForUser(_ address: VirtualAddress, downTo level: Int) {
    var entries = reader.memory.table(at: root)
    for upper in stride(from: mode.levels, to: level, by: -1) {
      let index = address.index(atLevel: upper)
      entries[index] = entries[index].openForUser()
      entries = reader.memory.table(at: entries[index].table)
    }
  }
}
