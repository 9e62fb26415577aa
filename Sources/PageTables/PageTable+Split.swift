import Addressing

// Splitting: a large page becomes a table of the next smaller pages, which map the same frames with
// the same properties. What takes or protects a part of a page splits it first, at the range's ends:
//
//                          start                     end
//     before    |     1 GiB  '   page    | 2 MiB | 2 M'B |
//     after     | 2M | 2M |4K|4K| 2M |...| 2 MiB |4K|'4K |
//
// So at most four tables are needed: two at each end, fewer where both ends share them.

extension PageTable {
  /// Makes pages begin and end at the ends of a range: a change of it does not fail after that.
  ///
  /// - Returns: what the splits make the CPU forget.
  /// - Throws: `misalignedVirtual`, `notCanonical`, `outOfFrames`; the table is then as it was.
  public mutating func splitEnds<Source: TableFrameSource & ~Copyable>(
    of range: Range<VirtualAddress>, from frames: inout Source
  ) throws(PageTableError) -> FlushToken {
    var token = FlushToken()
    _ = try begin(range, from: &frames, &token)
    return token
  }

  /// How every change of a range begins: checks the range, and makes pages begin and end at its
  /// ends. What can fail of such a change has then succeeded.
  ///
  /// - Parameter token: gets what the splits make the CPU forget.
  /// - Returns: the lowest table that spans the range; `nil` if the range is empty.
  /// - Throws: `misalignedVirtual`, `notCanonical`, `outOfFrames`; the table is then as it was.
  mutating func begin<Source: TableFrameSource & ~Copyable>(
    _ range: Range<VirtualAddress>, from frames: inout Source, _ token: inout FlushToken
  ) throws(PageTableError) -> Descent? {
    try mode.check(range)
    guard !range.isEmpty else { return nil }
    let descent = reader.descend(to: range)
    // Where both ends are ends of entries too, no page straddles them.
    let ends = range.lowerBound.rawValue | range.upperBound.rawValue
    let span: UInt64 = 1 &<< VirtualAddress.shift(atLevel: descent.level)
    if ends & (span - 1) == 0 {
      remember(descent, on: range.lowerBound)
      return descent
    }
    let splits = countSplits(for: range)
    guard splits > 0 else { return descent }
    try reserve(splits, from: &frames)
    split(atEndsOf: range, from: &frames, into: &token)
    return reader.descend(to: range)
  }

  /// The number of tables that splitting at both ends of `range` takes.
  ///
  /// - Precondition: `range` is not empty and passed `PagingMode.check`.
  private func countSplits(for range: Range<VirtualAddress>) -> Int {
    let start = range.lowerBound
    let end = range.upperBound
    return countSplits(at: start, after: nil) + countSplits(at: end, after: start)
  }

  /// The number of tables it takes until a page begins at `boundary`, once one begins at `earlier`.
  private func countSplits(
    at boundary: VirtualAddress, after earlier: VirtualAddress?
  ) -> Int {
    guard var size = sizeOfPage(straddling: boundary) else { return 0 }
    var count = 0
    while !boundary.isAligned(to: size), let smaller = size.smaller {
      let isSplitEarlier =
        earlier.map {
          !$0.isAligned(to: size) && $0.alignedDown(to: size) == boundary.alignedDown(to: size)
        } ?? false
      if !isSplitEarlier { count += 1 }
      size = smaller
    }
    return count
  }

  /// The size of the page that begins before `boundary` and ends after it, if there is one.
  private func sizeOfPage(straddling boundary: VirtualAddress) -> PageSize? {
    // No page straddles such an address, which may be the end of a half, and so no address at all.
    guard !boundary.isAligned(to: .size1GiB) else { return nil }
    var table = root
    for level in stride(from: mode.levels, to: PageSize.size4KiB.level, by: -1) {
      let entry = reader.memory.table(at: table)[boundary.index(atLevel: level)]
      switch entry.item(atLevel: level) {
      case .absent: return nil
      case .table(let next): table = next
      case .leaf(_, let size): return boundary.isAligned(to: size) ? nil : size
      }
    }
    return nil
  }

  /// Splits what straddles an end of `range`.
  private mutating func split<Source: TableFrameSource & ~Copyable>(
    atEndsOf range: Range<VirtualAddress>, from frames: inout Source, into token: inout FlushToken
  ) {
    split(at: range.lowerBound, from: &frames, into: &token)
    split(at: range.upperBound, from: &frames, into: &token)
  }

  /// Splits the page that straddles `boundary`, until one begins there.
  private mutating func split<Source: TableFrameSource & ~Copyable>(
    at boundary: VirtualAddress, from frames: inout Source, into token: inout FlushToken
  ) {
    guard !boundary.isAligned(to: .size1GiB) else { return }
    var entries = reader.memory.table(at: root)
    var level = mode.levels
    while true {
      let index = boundary.index(atLevel: level)
      let entry = entries[index]
      switch entry.item(atLevel: level) {
      case .absent: return
      case .table(let next): entries = reader.memory.table(at: next)
      case .leaf(let physical, let size):
        guard !boundary.isAligned(to: size), let smaller = size.smaller else { return }
        let start = boundary.alignedDown(to: size)
        token.add(start..<start + size.byteCount)
        let property = entry.property(size: size)
        var leaf = PageTableEntry.leaf(at: physical, size: smaller, property).rawValue
        leaf |= entry.rawValue & PageTableEntry.Bits.usage
        let table = frames.takeFrame()
        let pieces = reader.memory.table(at: table)
        pieces.fill(0..<TableEntries.count, from: leaf, step: smaller.byteCount)
        // Complete before it is reached: at each moment the CPU finds the old page or the new ones,
        // which translate alike. It may go on using either until the flush (SDM volume 3, 4.10.2.3).
        entries.link(
          index, to: table, user: property.rights.contains(.user), count: TableEntries.count)
        entries = pieces
      }
      level -= 1
    }
  }
}
