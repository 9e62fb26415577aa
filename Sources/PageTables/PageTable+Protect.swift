import Addressing

// Changing properties. Like taking: the range's ends are split, then each run of leaves is rewritten.

extension PageTable where Memory: PhysicalMemory {
  /// Gives new properties to all that is mapped in a range; what is not mapped stays so.
  ///
  /// - Parameters:
  ///   - frames: gives the tables that it takes to split large pages at the ends of the range, at
  ///     most four.
  ///   - change: turns the old property into the new one. It is called once for many pages alike,
  ///     so it must depend on nothing else.
  /// - Returns: what the CPU has to forget. It is empty where rights were only added: the CPU may
  ///   then fault once where the page table allows the access, and not again (SDM volume 3,
  ///   4.10.4.3).
  /// - Throws: `misalignedVirtual`, `notCanonical`, `outOfFrames`; the table is then as it was.
  /// - Complexity: two loads and a store per leaf, a call per table.
  @inline(__always)
  public mutating func protect<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, from frames: inout Source,
    _ change: (inout PageProperty) -> Void
  ) throws(PageTableError) -> FlushToken {
    if let index = last.index(ofPage: virtual),
      last.descent.entries[index].isLeaf(of: last.size)
    {
      let entry = last.descent.entries[index]
      let old = entry.property(size: last.size)
      var new = old
      change(&new)
      last.descent.entries[index] = entry.with(new, size: last.size)
      var token = new.needsFlush(after: old) ? FlushToken(virtual) : FlushToken()
      if new.exposesData(after: old) { token.addWriteBackOfData() }
      if new.isForUser, !last.descent.isOpenForUser {
        openForUser(virtual.lowerBound, downTo: last.size.level)
      }
      return token
    }
    return try protectMany(virtual, from: &frames, change)
  }

  /// As `protect`, of any range.
  @inline(never)
  private mutating func protectMany<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, from frames: inout Source,
    _ change: (inout PageProperty) -> Void
  ) throws(PageTableError) -> FlushToken {
    var token = FlushToken()
    if last.size == .size4KiB, last.spans(virtual) {
      let hasUser = protectLeaves(virtual, in: last.descent.entries, &token, change)
      if hasUser, !last.descent.isOpenForUser { openForUser(virtual.lowerBound, downTo: 1) }
      return token
    }
    guard let descent = try begin(virtual, from: &frames, &token) else { return token }
    let hasUser = protect(virtual, in: descent.entries, level: descent.level, &token, change)
    if hasUser, !descent.isOpenForUser {
      openForUser(virtual.lowerBound, downTo: descent.level)
    }
    return token
  }

  /// Changes what a table maps of `range`, which lies in its span.
  ///
  /// - Returns: whether user mode may now touch a page there.
  private mutating func protect(
    _ range: Range<VirtualAddress>, in entries: TableEntries, level: Int,
    _ token: inout FlushToken, _ change: (inout PageProperty) -> Void
  ) -> Bool {
    if level == 1 { return protectLeaves(range, in: entries, &token, change) }
    let indices = range.indices(atLevel: level)
    var hasUser = false
    var index = indices.lowerBound
    while index < indices.upperBound {
      let entry = entries[index]
      let address = range.address(ofIndex: index, atLevel: level)
      switch entry.item(atLevel: level) {
      case .absent:
        index += 1
      case .leaf(_, let size):
        let rest = index..<indices.upperBound
        index += protectRun(rest, at: address, in: entries, size, &hasUser, &token, change)
      case .table(let lower):
        let piece = range.clamped(to: address.tableSpan(atLevel: level - 1))
        let below = reader.memory.table(at: lower)
        if protect(piece, in: below, level: level - 1, &token, change) {
          hasUser = true
          entries[index] = entry.openForUser()
        }
        index += 1
      }
    }
    return hasUser
  }

  /// As `protect`, in a table of level 1.
  @inline(__always)
  private func protectLeaves(
    _ range: Range<VirtualAddress>, in entries: TableEntries, _ token: inout FlushToken,
    _ change: (inout PageProperty) -> Void
  ) -> Bool {
    let indices = range.indices(atLevel: 1)
    var hasUser = false
    var index = indices.lowerBound
    while index < indices.upperBound {
      guard entries[index].isPresent else {
        index += 1
        continue
      }
      let rest = index..<indices.upperBound
      let address = range.address(ofIndex: index, atLevel: 1)
      index += protectRun(rest, at: address, in: entries, .size4KiB, &hasUser, &token, change)
    }
    return hasUser
  }

  /// Changes the leaf at the lower one of `indices`, that maps `address`, and those alike.
  ///
  /// - Returns: their number.
  @inline(__always)
  private func protectRun(
    _ indices: Range<Int>, at address: VirtualAddress, in entries: TableEntries,
    _ size: PageSize, _ hasUser: inout Bool, _ token: inout FlushToken,
    _ change: (inout PageProperty) -> Void
  ) -> Int {
    let old = entries[indices.lowerBound].property(size: size)
    var new = old
    change(&new)
    let count = entries.rewriteRun(
      indices, keeping: PageTableEntry.Bits.kept(of: size),
      PageTableEntry.leafBits(size: size, new))
    if new.needsFlush(after: old) {
      token.add(address..<address + UInt64(count) << size.shift)
    }
    if new.exposesData(after: old) { token.addWriteBackOfData() }
    if new.isForUser { hasUser = true }
    return count
  }
}
