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
    if last.spans(virtual) {
      var token = FlushToken()
      let hasUser = protectLeaves(virtual, in: last.descent.entries, &token, change)
      if hasUser, !last.descent.isOpenForUser { openForUser(virtual.lowerBound, downTo: 1) }
      return token
    }
    return try protectElsewhere(virtual, from: &frames, change)
  }

  /// As `protect`, anywhere.
  @inline(never)
  private mutating func protectElsewhere<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, from frames: inout Source,
    _ change: (inout PageProperty) -> Void
  ) throws(PageTableError) -> FlushToken {
    var token = FlushToken()
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
    let kept = PageTableEntry.Bits.address(of: size) | PageTableEntry.Bits.usage
    let alike = entries.run(in: indices, ignoring: kept)
    let old = entries[alike.lowerBound].property(size: size)
    var new = old
    change(&new)
    entries.rewrite(alike, keeping: kept, PageTableEntry.leafBits(size: size, new))
    if new.needsFlush(after: old) {
      token.add(address..<address + UInt64(alike.count) << size.shift)
    }
    if old.memoryType == .writeBack, new.memoryType != .writeBack { token.addWriteBackOfData() }
    if new.rights.contains(.user) { hasUser = true }
    return alike.count
  }
}

extension PageProperty {
  /// Whether the CPU may do wrong with this property in the table and `old` in its TLB. With more
  /// rights it may not, and the software bits are none of its business.
  func needsFlush(after old: PageProperty) -> Bool {
    !rights.contains(old.rights) || memoryType != old.memoryType || isGlobal != old.isGlobal
  }
}
