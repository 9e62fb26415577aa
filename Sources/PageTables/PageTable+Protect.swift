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
  public mutating func protect<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, from frames: inout Source,
    _ change: (inout PageProperty) -> Void
  ) throws(PageTableError) -> FlushToken {
    var token = try splitEnds(of: virtual, from: &frames)
    guard !virtual.isEmpty else { return token }
    _ = protect(virtual, in: root, level: mode.levels, &token, change)
    return token
  }

  /// Changes what the table at `table` maps of `range`, which lies in its span.
  ///
  /// - Returns: whether user mode may now touch a page there.
  private mutating func protect(
    _ range: Range<VirtualAddress>, in table: PhysicalAddress, level: Int,
    _ token: inout FlushToken, _ change: (inout PageProperty) -> Void
  ) -> Bool {
    let entries = reader.memory.table(at: table)
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
        let kept = PageTableEntry.Bits.address(of: size) | PageTableEntry.Bits.usage
        let alike = entries.run(in: index..<indices.upperBound, ignoring: kept)
        let old = entry.property(size: size)
        var new = old
        change(&new)
        entries.rewrite(alike, keeping: kept, PageTableEntry.leafBits(size: size, new))
        if new.needsFlush(after: old) {
          token.add(address..<address + UInt64(alike.count) << size.shift)
        }
        if old.memoryType == .writeBack, new.memoryType != .writeBack {
          token.addWriteBackOfData()
        }
        if new.rights.contains(.user) { hasUser = true }
        index = alike.upperBound
      case .table(let lower):
        let piece = range.clamped(to: address.tableSpan(atLevel: level - 1))
        if protect(piece, in: lower, level: level - 1, &token, change) {
          hasUser = true
          entries[index] = entry.openForUser()
        }
        index += 1
      }
    }
    return hasUser
  }
}

extension PageProperty {
  /// Whether the CPU may do wrong with this property in the table and `old` in its TLB. With more
  /// rights it may not, and the software bits are none of its business.
  func needsFlush(after old: PageProperty) -> Bool {
    !rights.contains(old.rights) || memoryType != old.memoryType || isGlobal != old.isGlobal
  }
}
