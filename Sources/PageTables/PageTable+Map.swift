import Addressing

// Mapping. Everything that can fail is found out first: that nothing is mapped in the way, and
// that there are frames for the missing tables. Then the entries are written, table by table.
//
// The CPU remembers nothing of an entry that is not present (SDM volume 3, 4.10.2.3), so a new one
// needs no flush: but where a table was taken away, the CPU may go on walking there, and miss the new
// one. Then the token of the mapping says so.

extension PageTable where Memory: PhysicalMemory {
  /// Maps a virtual range to a physical one with the largest pages that fit.
  ///
  /// An empty range maps nothing.
  ///
  /// - Returns: a token that is empty unless this took new tables, and one was taken away before;
  ///   spend it before the mapping is used.
  /// - Throws: any `PageTableError`; the table is then as it was.
  /// - Complexity: a walk per table touched and a store per leaf.
  @inline(__always) @discardableResult
  public mutating func map<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, _ property: PageProperty,
    largest: PageSize, from frames: inout Source
  ) throws(PageTableError) -> FlushToken {
    if let index = last.index(ofPage: virtual), last.descent.entries[index] == .absent,
      canLieInLastTable(physical, property, largest: largest)
    {
      last.descent.entries[index] = .leaf(at: physical, size: last.size, property)
      last.count(1)
      return FlushToken()
    }
    return try mapMany(virtual, to: physical, property, largest: largest, from: &frames)
  }

  /// Whether pages of the last table's size are right for these, and can be told so there alone. They
  /// are by all means: a larger page would need all of the table, and that is in use.
  @inline(__always)
  private func canLieInLastTable(
    _ physical: PhysicalAddress, _ property: PageProperty, largest: PageSize
  ) -> Bool {
    last.size <= largest && physical.isAligned(to: last.size) && physical < physicalEnd
      && (last.descent.isOpenForUser || !property.isForUser)
  }

  /// As `map`, of any range.
  @inline(never)
  private mutating func mapMany<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, _ property: PageProperty,
    largest: PageSize, from frames: inout Source
  ) throws(PageTableError) -> FlushToken {
    if last.spans(virtual), canLieInLastTable(physical, property, largest: largest),
      canAddress(physical, virtual)
    {
      let indices = virtual.indices(atLevel: last.size.level)
      if last.descent.entries.areClear(indices) {
        let leaf = PageTableEntry.leaf(at: physical, size: last.size, property).rawValue
        last.descent.entries.fill(indices, from: leaf, step: last.size.byteCount)
        last.count(indices.count)
        return FlushToken()
      }
    }
    try check(virtual, physical)
    guard !virtual.isEmpty else { return FlushToken() }
    guard let run = PageRuns.single(virtual, to: physical, largest: largest) else {
      return try mapRuns(virtual, to: physical, property, largest: largest, from: &frames)
    }
    // One walk to check and to write.
    let descent = reader.descend(to: virtual, lowest: run.size.level)
    try checkClear(run, in: descent)
    let missing = descent.level - run.size.level
    if missing > 0 { try reserve(missing, from: &frames) }
    var token = FlushToken()
    write(run, in: descent, property, from: &frames, into: &token)
    return token
  }

  /// As `map`, for arguments that were checked, in two walks.
  private mutating func mapRuns<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, _ property: PageProperty,
    largest: PageSize, from frames: inout Source
  ) throws(PageTableError) -> FlushToken {
    var missing = MissingTables()
    var runs = PageRuns(virtual, to: physical, largest: largest)
    while let run = runs.next() { try countMissingTables(of: run, into: &missing) }
    try reserve(missing.count, from: &frames)
    var token = FlushToken()
    runs = PageRuns(virtual, to: physical, largest: largest)
    while let run = runs.next() {
      var rest = run
      while let piece = rest.removePiece(ofLevel: run.size.level) {
        let descent = reader.descend(to: piece.virtual, lowest: run.size.level)
        write(piece, in: descent, property, from: &frames, into: &token)
      }
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
      entries.link(index, to: newTable(from: &frames).frame, user: false, count: 0)
    }
  }

  private func check(
    _ virtual: Range<VirtualAddress>, _ physical: PhysicalAddress
  ) throws(PageTableError) {
    try mode.check(virtual)
    guard physical.isAligned(to: .size4KiB) else { throw .misalignedPhysical(physical) }
    guard !virtual.isEmpty else { return }
    guard canAddress(physical, virtual) else { throw .physicalOutOfRange(physical) }
  }

  /// Whether the CPU has physical addresses for all of `virtual` from `physical` upward.
  private func canAddress(_ physical: PhysicalAddress, _ virtual: Range<VirtualAddress>) -> Bool {
    physical < physicalEnd && physicalEnd - physical >= virtual.byteCount
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
    var rest = run
    while !rest.virtual.isEmpty {
      let first = rest.virtual.lowerBound
      let descent = reader.descend(to: first..<first + run.size.byteCount, lowest: run.size.level)
      // What lies below one entry of that table: if it is absent, all tables from there down.
      guard let piece = rest.removePiece(ofLevel: max(descent.level - 1, run.size.level)) else {
        return
      }
      try checkClear(piece, in: descent)
      for lower in run.size.level..<descent.level { missing.add(piece.virtual, level: lower) }
    }
  }

  /// Makes sure that nothing is mapped in the way of `run`, which begins where `descent` ends.
  private func checkClear(_ run: PageRun, in descent: Descent) throws(PageTableError) {
    guard descent.level == run.size.level else {
      let entry = descent.entries[run.virtual.lowerBound.index(atLevel: descent.level)]
      if entry.isPresent { throw .alreadyMapped(run.virtual.lowerBound) }
      return
    }
    let indices = run.virtual.indices(atLevel: descent.level)
    guard !descent.entries.areClear(indices) else { return }
    for index in indices where descent.entries[index].isPresent {
      throw .alreadyMapped(run.virtual.address(ofIndex: index, atLevel: descent.level))
    }
  }

  /// Writes the leaves of `run`, which lies in one table, and the missing tables on the way to them:
  /// from below, so that the last store makes all of them visible.
  private mutating func write<Source: TableFrameSource & ~Copyable>(
    _ run: PageRun, in descent: Descent, _ property: PageProperty, from frames: inout Source,
    into token: inout FlushToken
  ) {
    let address = run.virtual.lowerBound
    let user = property.isForUser
    // User mode passes only where every entry of the way lets it.
    if user, !descent.isOpenForUser { openForUser(address, downTo: descent.level) }
    let indices = run.virtual.indices(atLevel: run.size.level)
    let leaf = PageTableEntry.leaf(at: run.physical, size: run.size, property).rawValue
    guard descent.level > run.size.level else {
      descent.entries.fill(indices, from: leaf, step: run.size.byteCount)
      count(indices.count, in: descent)
      remember(descent, on: address)
      return
    }
    let leaves = newTable(from: &frames, clearingAllBut: indices)
    leaves.entries.fill(indices, from: leaf, step: run.size.byteCount)
    var (lower, present, parent) = (leaves.frame, indices.count, descent.entries)
    for level in run.size.level + 1..<descent.level {
      let upper = newTable(from: &frames)
      upper.entries.link(address.index(atLevel: level), to: lower, user: user, count: present)
      if level == run.size.level + 1 { parent = upper.entries }
      (lower, present) = (upper.frame, 1)
    }
    let index = address.index(atLevel: descent.level)
    descent.entries.link(
      index, to: lower, user: user, count: isShared(index, atLevel: descent.level) ? 0 : present)
    count(1, in: descent)
    if tablesWereTaken { token.add(address..<address + PageSize.size4KiB.byteCount) }
    remember(
      Descent(
        entries: leaves.entries, level: run.size.level, parent: parent,
        parentIndex: address.index(atLevel: run.size.level + 1), isOpenForUser: user),
      on: address)
  }

  /// - Parameter kept: the entries that the caller writes at once.
  private func newTable<Source: TableFrameSource & ~Copyable>(
    from frames: inout Source, clearingAllBut kept: Range<Int> = 0..<0
  ) -> (frame: PhysicalAddress, entries: TableEntries) {
    let frame = frames.takeFrame()
    let entries = reader.memory.table(at: frame)
    entries.fill(0..<kept.lowerBound, with: .absent)
    entries.fill(kept.upperBound..<TableEntries.count, with: .absent)
    return (frame, entries)
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
