import Addressing

// Mapping. Everything that can fail is found out first: that nothing is mapped in the way, and
// that there are frames for the missing tables. Then the entries are written, table by table.
//
// The CPU remembers nothing of an entry that is not present (SDM volume 3, 4.10.2.3), so a new one
// needs no flush: but where a table was taken away (`PageTableEntry.vacated`), the CPU may go on
// walking there, and miss the new one. Then the token of the mapping says so.

extension PageTable where Memory: PhysicalMemory {
  /// Maps a virtual range to a physical one with the largest pages that fit.
  ///
  /// An empty range maps nothing.
  ///
  /// - Returns: a token that is empty unless a table was taken away here before; spend it before
  ///   the mapping is used. In a table that nothing was ever taken from it is always empty.
  /// - Throws: any `PageTableError`; the table is then as it was.
  /// - Complexity: a walk per table touched and a store per leaf.
  @discardableResult
  public mutating func map<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, _ property: PageProperty,
    largest: PageSize, from frames: inout Source
  ) throws(PageTableError) -> FlushToken {
    try check(virtual, physical)
    var missing = MissingTables()
    var runs = PageRuns(virtual, to: physical, largest: largest)
    while let run = runs.next() {
      try countMissingTables(of: run, into: &missing)
    }
    try reserve(missing.count, from: &frames)
    runs = PageRuns(virtual, to: physical, largest: largest)
    var token = FlushToken()
    while let run = runs.next() {
      write(run, property, from: &frames, into: &token)
    }
    return token
  }

  /// Gives every top-level entry of the kernel half a table of its own, so that none of them needs
  /// to change later: address spaces share them by copying 256 entries once.
  ///
  /// - Throws: `alreadyMapped` if one is there, `outOfFrames`.
  public mutating func populateKernelHalf<Source: TableFrameSource & ~Copyable>(
    from frames: inout Source
  ) throws(PageTableError) {
    let kernelHalf = TableEntries.count / 2..<TableEntries.count
    let entries = reader.memory.table(at: root)
    for index in kernelHalf where entries[index].isPresent {
      let span = VirtualAddress.shift(atLevel: mode.levels)
      let start = mode.addressWidth.upperHalf
      throw .alreadyMapped(start + UInt64(index - kernelHalf.lowerBound) << span)
    }
    try reserve(kernelHalf.count, from: &frames)
    for index in kernelHalf {
      entries.link(index, to: newTable(from: &frames, of: .absent), user: false, count: 0)
    }
  }

  private func check(
    _ virtual: Range<VirtualAddress>, _ physical: PhysicalAddress
  ) throws(PageTableError) {
    try mode.check(virtual)
    guard physical.isAligned(to: .size4KiB) else { throw .misalignedPhysical(physical) }
    guard !virtual.isEmpty else { return }
    guard physical < physicalEnd, physicalEnd - physical >= virtual.byteCount else {
      throw .physicalOutOfRange(physical)
    }
  }

  func reserve<Source: TableFrameSource & ~Copyable>(
    _ count: Int, from frames: inout Source
  ) throws(PageTableError) {
    do throws(OutOfFrames) { try frames.reserve(count) } catch { throw .outOfFrames(error) }
  }

  /// Finds out what mapping `run` would take, changing nothing.
  private func countMissingTables(
    of run: PageRun, into missing: inout MissingTables
  ) throws(PageTableError) {
    var address = run.virtual.lowerBound
    while address < run.virtual.upperBound {
      var table = root
      var level = mode.levels
      descent: while true {
        let entries = reader.memory.table(at: table)
        if level == run.size.level {
          let piece = run.virtual.clamped(to: address.tableSpan(atLevel: level))
          let indices = piece.indices(atLevel: level)
          if !entries.areClear(indices) {
            for index in indices where entries[index].isPresent {
              throw .alreadyMapped(piece.address(ofIndex: index, atLevel: level))
            }
          }
          address = piece.upperBound
          break descent
        }
        switch entries[address.index(atLevel: level)].item(atLevel: level) {
        case .table(let next):
          table = next
          level -= 1
        case .leaf:
          throw .alreadyMapped(address)
        case .absent:
          // Nothing lies below this entry: all tables from here down are missing.
          let piece = run.virtual.clamped(to: address.tableSpan(atLevel: level - 1))
          for lower in run.size.level..<level { missing.add(piece, level: lower) }
          address = piece.upperBound
          break descent
        }
      }
    }
  }

  /// Writes the leaves of `run` and the missing tables on the way to them.
  private func write<Source: TableFrameSource & ~Copyable>(
    _ run: PageRun, _ property: PageProperty, from frames: inout Source,
    into token: inout FlushToken
  ) {
    let leafLevel = run.size.level
    let user = property.rights.contains(.user)
    var leaf = PageTableEntry.leaf(at: run.physical, size: run.size, property).rawValue
    var address = run.virtual.lowerBound
    while address < run.virtual.upperBound {
      var entries = reader.memory.table(at: root)
      // The entry that leads to `entries`.
      var way: (entries: TableEntries, index: Int, level: Int)?
      for level in stride(from: mode.levels, to: leafLevel, by: -1) {
        let index = address.index(atLevel: level)
        let entry = entries[index]
        if !entry.isPresent {
          entries.link(index, to: newTable(from: &frames, of: entry), user: user, count: 0)
          count(1, in: way)
          if entry.isVacated { token.add(address..<address + PageSize.size4KiB.byteCount) }
        } else if user {
          // User mode passes only where every entry of the way lets it.
          entries[index] = entry.openForUser()
        }
        way = (entries, index, level)
        entries = reader.memory.table(at: entries[index].table)
      }
      let piece = run.virtual.clamped(to: address.tableSpan(atLevel: leafLevel))
      let indices = piece.indices(atLevel: leafLevel)
      // A large page over a vacated entry covers what was taken there, and so may not be mapped
      // before that token is spent: no word of it is needed here.
      entries.fill(indices, from: leaf, step: run.size.byteCount)
      count(indices.count, in: way)
      leaf &+= UInt64(indices.count) << run.size.shift
      address = piece.upperBound
    }
  }

  /// Counts entries that a table gains in the entry that leads to it.
  private func count(
    _ gained: Int, in way: (entries: TableEntries, index: Int, level: Int)?
  ) {
    guard let way, !isShared(way.index, atLevel: way.level) else { return }
    way.entries[way.index] = way.entries[way.index].counting(gained)
  }

  /// A table of entries like the one that will point to it: absent, or vacated with all below.
  private func newTable<Source: TableFrameSource & ~Copyable>(
    from frames: inout Source, of entry: PageTableEntry
  ) -> PhysicalAddress {
    let address = frames.takeFrame()
    reader.memory.table(at: address).fill(0..<TableEntries.count, with: entry)
    return address
  }
}

/// Counts the tables that a mapping lacks. Runs follow each other without a gap, so a table that
/// two of them share is the last one counted at its level.
private struct MissingTables {
  var count = 0
  private var lastCounted = InlineArray<5, UInt64>(repeating: .max)

  /// Counts the tables of `level` that span `range`.
  mutating func add(_ range: Range<VirtualAddress>, level: Int) {
    let shift = VirtualAddress.shift(atLevel: level + 1)
    let first = range.lowerBound.rawValue >> shift
    let last = (range.upperBound.rawValue - 1) >> shift
    count += Int(truncatingIfNeeded: last - first) + (lastCounted[level] == first ? 0 : 1)
    lastCounted[level] = last
  }
}
