import Addressing

// Mapping. Everything that can fail is found out first: that nothing is mapped in the way, and
// that there are frames for the missing tables. Then the entries are written, table by table.

extension PageTable where Memory: PhysicalMemory {
  /// Maps a virtual range to a physical one with the largest pages that fit.
  ///
  /// An empty range maps nothing. New translations need no TLB flush: the CPU caches none for
  /// entries that are not present (SDM volume 3, 4.10.2.3).
  ///
  /// - Throws: any `PageTableError`; the table is then as it was.
  /// - Complexity: a walk per table touched and a store per leaf.
  public mutating func map<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, _ property: PageProperty,
    largest: PageSize, from frames: inout Source
  ) throws(PageTableError) {
    try check(virtual, physical)
    var missing = MissingTables()
    var runs = PageRuns(virtual, to: physical, largest: largest)
    while let run = runs.next() {
      try countMissingTables(of: run, into: &missing)
    }
    try reserve(missing.count, from: &frames)
    runs = PageRuns(virtual, to: physical, largest: largest)
    while let run = runs.next() {
      write(run, property, from: &frames)
    }
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
    for index in kernelHalf { entries[index] = .table(at: newTable(from: &frames)) }
  }

  private func check(
    _ virtual: Range<VirtualAddress>, _ physical: PhysicalAddress
  ) throws(PageTableError) {
    guard virtual.lowerBound.isAligned(to: .size4KiB) else {
      throw .misalignedVirtual(virtual.lowerBound)
    }
    guard virtual.upperBound.isAligned(to: .size4KiB) else {
      throw .misalignedVirtual(virtual.upperBound)
    }
    guard physical.isAligned(to: .size4KiB) else { throw .misalignedPhysical(physical) }
    guard !virtual.isEmpty else { return }
    let width = mode.addressWidth
    let first = virtual.lowerBound
    let last = virtual.upperBound - 1
    guard first.isCanonical(in: width), last.isCanonical(in: width),
      (first < width.upperHalf) == (last < width.upperHalf)
    else { throw .notCanonical(first) }
    guard physical < physicalEnd, physicalEnd - physical >= virtual.byteCount else {
      throw .physicalOutOfRange(physical)
    }
  }

  private func reserve<Source: TableFrameSource & ~Copyable>(
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
          for index in piece.indices(atLevel: level) where entries[index].isPresent {
            throw .alreadyMapped(piece.address(ofIndex: index, atLevel: level))
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
    _ run: PageRun, _ property: PageProperty, from frames: inout Source
  ) {
    let leafLevel = run.size.level
    let user = property.rights.contains(.user)
    var leaf = PageTableEntry.leaf(at: run.physical, size: run.size, property).rawValue
    var address = run.virtual.lowerBound
    while address < run.virtual.upperBound {
      var entries = reader.memory.table(at: root)
      for level in stride(from: mode.levels, to: leafLevel, by: -1) {
        let index = address.index(atLevel: level)
        let entry = entries[index]
        let next = entry.isPresent ? entry.table : newTable(from: &frames)
        // User mode passes only where every entry of the way lets it.
        if !entry.isPresent || user && !entry.rights.contains(.user) {
          entries[index] = .table(at: next, user: user)
        }
        entries = reader.memory.table(at: next)
      }
      let piece = run.virtual.clamped(to: address.tableSpan(atLevel: leafLevel))
      let indices = piece.indices(atLevel: leafLevel)
      entries.fill(indices, from: leaf, step: run.size.byteCount)
      leaf &+= UInt64(indices.count) << run.size.shift
      address = piece.upperBound
    }
  }

  private func newTable<Source: TableFrameSource & ~Copyable>(
    from frames: inout Source
  ) -> PhysicalAddress {
    let address = frames.takeFrame()
    reader.memory.table(at: address).clear()
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

extension VirtualAddress {
  /// The addresses that the table of `level` on this address's way translates.
  fileprivate func tableSpan(atLevel level: Int) -> Range<VirtualAddress> {
    let size: UInt64 = 1 << VirtualAddress.shift(atLevel: level + 1)
    let start = VirtualAddress(rawValue & ~(size - 1))
    // The topmost table ends at 2^64, which is no address; what is mapped ends lower.
    let (end, overflow) = start.rawValue.addingReportingOverflow(size)
    return start..<VirtualAddress(overflow ? .max : end)
  }
}

extension Range<VirtualAddress> {
  /// The entries that this range, within one table of `level`, takes up there.
  fileprivate func indices(atLevel level: Int) -> Range<Int> {
    let first = lowerBound.index(atLevel: level)
    return first..<(upperBound - 1).index(atLevel: level) + 1
  }

  /// Where the page of the entry `index` starts, for an index of this range.
  fileprivate func address(ofIndex index: Int, atLevel level: Int) -> VirtualAddress {
    let distance = index - lowerBound.index(atLevel: level)
    return lowerBound + UInt64(distance) << VirtualAddress.shift(atLevel: level)
  }
}
