import Addressing

// Unmapping. The range's ends are split first; then every leaf in the range goes, run by run, and
// with the last leaf of a table the table:
//
//     level 2    | T |  leaf  | T | T |            |   |        |   | T |
//                  |            |   |       take                      |
//     level 1    |aaaa|      |bbbb||b  c|    --->                   |   c|
//                 '----- range ------'
//                 body: a, leaf, b         token: their addresses, and two tables

extension PageTable where Memory: PhysicalMemory {
  /// Unmaps all that is mapped in a range; where nothing is mapped, nothing happens.
  ///
  /// - Parameters:
  ///   - frames: gives the tables that it takes to split large pages at the ends of the range, at
  ///     most four.
  ///   - keepsTables: whether tables that become empty stay for what is mapped there next, until
  ///     `prune`.
  ///   - body: gets every mapping that is taken, in order: neighbouring pages of one size and
  ///     property that map neighbouring frames at once. The CPU may go on using them until the
  ///     token is spent.
  /// - Returns: what the CPU has to forget, empty if nothing was mapped, with the tables that became
  ///   empty. Those of the kernel half's top-level entries stay: address spaces share them.
  /// - Throws: `misalignedVirtual`, `notCanonical`, `outOfFrames`; the table is then as it was.
  /// - Complexity: a load and a store per leaf, a call per table.
  @inline(__always)
  public mutating func take<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, from frames: inout Source, keepsTables: Bool = false,
    _ body: (MappedRun) -> Void
  ) throws(PageTableError) -> FlushToken {
    if let index = last.index(ofPage: virtual),
      last.descent.entries[index].isLeaf(of: last.size)
    {
      body(MappedRun(virtual: virtual, last.descent.entries[index], last.size))
      last.descent.entries[index] = .absent
      let token = FlushToken(virtual)
      return last.count(-1) && !keepsTables
        ? unlinkEmptyTables(on: virtual.lowerBound, fromLevel: last.size.level, token) : token
    }
    return try takeMany(virtual, from: &frames, keepsTables, body)
  }

  /// Takes the tables away that hold nothing, of those on the way to pages of a range.
  ///
  /// - Returns: what the CPU has to forget, with the tables.
  /// - Precondition: the range is canonical.
  public mutating func prune(_ virtual: Range<VirtualAddress>) -> FlushToken {
    var token = FlushToken()
    var address = virtual.lowerBound
    while address < virtual.upperBound {
      let page = address..<address + PageSize.size4KiB.byteCount
      let descent = reader.descend(to: page)
      if descent.level < mode.levels, !isShared(descent.parentIndex, atLevel: descent.level + 1),
        descent.parent[descent.parentIndex].entryCount == 0
      {
        token.add(page)
        token = unlinkEmptyTables(on: address, fromLevel: descent.level, token)
      }
      // Where the way ends above level 1, nothing lies below the entry where it does.
      let level = max(descent.level - 1, 1)
      address = address.tableSpan(atLevel: level).upperBound
    }
    return token
  }

  /// As `take`, of any range.
  @inline(never)
  private mutating func takeMany<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, from frames: inout Source, _ keepsTables: Bool,
    _ body: (MappedRun) -> Void
  ) throws(PageTableError) -> FlushToken {
    var token = FlushToken()
    if last.size == .size4KiB, last.spans(virtual) {
      let lost = takeLeaves(virtual, in: last.descent.entries) { run in
        handOver(run, &token, body)
      }
      return lost > 0 && last.count(-lost) && !keepsTables
        ? unlinkEmptyTables(on: virtual.lowerBound, fromLevel: 1, token) : token
    }
    var run: MappedRun?
    guard let descent = try begin(virtual, from: &frames, &token) else { return token }
    let lost = take(
      virtual, in: descent.entries, level: descent.level, keepsTables, &run, &token, body)
    if let run { handOver(run, &token, body) }
    return lost > 0 && count(-lost, in: descent) && !keepsTables
      ? unlinkEmptyTables(on: virtual.lowerBound, fromLevel: descent.level, token) : token
  }

  /// Takes the tables away that have become empty on the way to `address`: that of `level`, if it
  /// has, and then those above it.
  ///
  /// - Returns: `token` with the tables.
  @inline(never)
  private mutating func unlinkEmptyTables(
    on address: VirtualAddress, fromLevel level: Int, _ token: consuming FlushToken
  ) -> FlushToken {
    for level in level + 1..<mode.levels + 1 {
      let descent = reader.descend(to: address..<address + 1, lowest: level)
      let index = address.index(atLevel: level)
      let entry = descent.entries[index]
      guard !isShared(index, atLevel: level), entry.entryCount == 0 else { break }
      unlink(index, in: descent.entries, &token)
      count(-1, in: descent)
    }
    return token
  }

  /// Takes an empty table away.
  private mutating func unlink(
    _ index: Int, in entries: TableEntries, _ token: inout FlushToken
  ) {
    token.add(table: entries[index].table, in: reader.memory)
    entries[index] = .absent
    tablesWereTaken = true
    last = LastTable(none: last.descent)
  }

  /// Takes what a table maps of `range`, which lies in its span.
  ///
  /// - Parameter run: the last pages taken, not yet handed over: the next may continue them.
  /// - Returns: the number of entries that the table lost.
  private mutating func take(
    _ range: Range<VirtualAddress>, in entries: TableEntries, level: Int, _ keepsTables: Bool,
    _ run: inout MappedRun?, _ token: inout FlushToken, _ body: (MappedRun) -> Void
  ) -> Int {
    if level == 1 {
      return takeLeaves(range, in: entries) { next in join(&run, next, &token, body) }
    }
    let indices = range.indices(atLevel: level)
    var lost = 0
    var index = indices.lowerBound
    while index < indices.upperBound {
      let entry = entries[index]
      let address = range.address(ofIndex: index, atLevel: level)
      switch entry.item(atLevel: level) {
      case .absent:
        index += 1
      case .leaf(_, let size):
        let rest = index..<indices.upperBound
        let taken = takeRun(rest, at: address, in: entries, size) { next in
          join(&run, next, &token, body)
        }
        lost += taken
        index += taken
      case .table(let lower):
        let piece = range.clamped(to: address.tableSpan(atLevel: level - 1))
        let below = reader.memory.table(at: lower)
        let lostBelow = take(
          piece, in: below, level: level - 1, keepsTables, &run, &token, body)
        if lostBelow > 0, !isShared(index, atLevel: level) {
          if entry.entryCount == lostBelow, !keepsTables {
            unlink(index, in: entries, &token)
            lost += 1
          } else {
            entries[index] = entry.counting(-lostBelow)
          }
        }
        index += 1
      }
    }
    return lost
  }

  /// As `take`, of a table of level 1.
  @inline(__always)
  private func takeLeaves(
    _ range: Range<VirtualAddress>, in entries: TableEntries, _ body: (MappedRun) -> Void
  ) -> Int {
    let indices = range.indices(atLevel: 1)
    let start = range.lowerBound.alignedDown(to: .size2MiB)
    var lost = 0
    var index = indices.lowerBound
    while index < indices.upperBound {
      guard entries[index].isPresent else {
        index += 1
        continue
      }
      let address = start + UInt64(index) << PageSize.size4KiB.shift
      let taken = takeRun(index..<indices.upperBound, at: address, in: entries, .size4KiB, body)
      lost += taken
      index += taken
    }
    return lost
  }

  /// Takes the leaf at the lower one of `indices`, that maps `address`, and those that continue it.
  ///
  /// - Returns: their number.
  @inline(__always)
  private func takeRun(
    _ indices: Range<Int>, at address: VirtualAddress, in entries: TableEntries,
    _ size: PageSize, _ body: (MappedRun) -> Void
  ) -> Int {
    let first = entries[indices.lowerBound]
    let count = entries.clearRun(
      indices, ignoring: PageTableEntry.Bits.usage, step: size.byteCount)
    body(MappedRun(virtual: address..<address + UInt64(count) << size.shift, first, size))
    return count
  }

  /// Hands over what was taken before `next`, unless `next` continues it.
  private func join(
    _ run: inout MappedRun?, _ next: MappedRun, _ token: inout FlushToken,
    _ body: (MappedRun) -> Void
  ) {
    if let joined = run?.joined(with: next) {
      run = joined
    } else {
      if let run { handOver(run, &token, body) }
      run = next
    }
  }

  @inline(__always)
  private func handOver(
    _ run: MappedRun, _ token: inout FlushToken, _ body: (MappedRun) -> Void
  ) {
    token.add(run.virtual)
    body(run)
  }
}

/// Neighbouring pages of one size and property that map neighbouring frames.
public struct MappedRun: Equatable, Sendable {
  public let virtual: Range<VirtualAddress>
  /// The first leaf, without what the CPU notes in it.
  private let leaf: PageTableEntry
  public let size: PageSize

  init(virtual: Range<VirtualAddress>, _ leaf: PageTableEntry, _ size: PageSize) {
    self.virtual = virtual
    self.leaf = leaf.withoutUsage
    self.size = size
  }

  public var physical: PhysicalAddress { leaf.page(of: size) }
  public var property: PageProperty { leaf.property(size: size) }

  /// Both as one, if `next` continues this run.
  func joined(with next: MappedRun) -> MappedRun? {
    guard virtual.upperBound == next.virtual.lowerBound, size == next.size,
      leaf.rawValue &+ virtual.byteCount == next.leaf.rawValue
    else { return nil }
    return MappedRun(
      virtual: virtual.lowerBound..<next.virtual.upperBound, leaf, size)
  }
}
