import Addressing

// The way down: every change begins at the lowest table that spans all of its range.
//
//     root ---> table ---> table ---> entries       one walk, then no table above is looked at
//                 ^ parent, which counts what is present in `entries`
//
// Changes that follow each other are often in one table. So the page table remembers the last one
// that has pages until it takes a table away. Nobody else can: it owns its tables.

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

/// The table that was changed last, if it has pages: a table of level 1, 2 or 3.
struct LastTable {
  let descent: Descent
  /// The size of its pages.
  let size: PageSize
  /// The first address that it translates, and how many bytes: none, if there is no such table.
  private let start: VirtualAddress
  private let span: UInt64
  /// Whether the entry that leads here counts what is present.
  private let isCounted: Bool

  init(none descent: Descent) {
    self.descent = descent
    size = .size4KiB
    start = VirtualAddress(0)
    span = 0
    isCounted = false
  }

  /// - Precondition: the entries of the table may be pages of `size`.
  init(_ descent: Descent, _ size: PageSize, on address: VirtualAddress, isCounted: Bool) {
    self.descent = descent
    self.size = size
    span = size.byteCount * UInt64(TableEntries.count)
    start = VirtualAddress(address.rawValue & ~(span - 1))
    self.isCounted = isCounted
  }

  /// The index of `range`, if that is one page of this table: it is then all that a range has to be.
  @inline(__always)
  func index(ofPage range: Range<VirtualAddress>) -> Int? {
    let offset = range.lowerBound.rawValue &- start.rawValue
    guard offset < span, VirtualAddress(offset).isAligned(to: size),
      range.upperBound.rawValue &- range.lowerBound.rawValue == size.byteCount
    else { return nil }
    return Int(truncatingIfNeeded: offset &>> size.shift)
  }

  /// Whether `range` lies in its span and is made of whole pages. An empty one may be.
  func spans(_ range: Range<VirtualAddress>) -> Bool {
    let offset = range.lowerBound.rawValue &- start.rawValue
    let end = range.upperBound.rawValue &- start.rawValue
    return offset < span && end <= span && VirtualAddress(offset | end).isAligned(to: size)
  }

  /// Counts entries that the table gained, or lost.
  ///
  /// - Returns: whether none is left.
  @inline(__always) @discardableResult
  func count(_ gained: Int) -> Bool {
    guard isCounted else { return false }
    let entry = descent.parent[descent.parentIndex].counting(gained)
    descent.parent[descent.parentIndex] = entry
    return entry.entryCount == 0
  }
}

extension PageTable {
  /// Remembers a table that was walked to for `address`, if it has pages.
  mutating func remember(_ descent: Descent, on address: VirtualAddress) {
    guard let size = PageSize(rawValue: UInt8(truncatingIfNeeded: descent.level)) else { return }
    last = LastTable(
      descent, size, on: address,
      isCounted: !isShared(descent.parentIndex, atLevel: descent.level + 1))
  }

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
