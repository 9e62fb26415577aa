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
  ///   - body: gets every mapping that is taken, in order: neighbouring pages of one size and
  ///     property that map neighbouring frames at once. The CPU may go on using them until the
  ///     token is spent.
  /// - Returns: what the CPU has to forget, empty if nothing was mapped, with the tables that became
  ///   empty. Those of the kernel half's top-level entries stay: address spaces share them.
  /// - Throws: `misalignedVirtual`, `notCanonical`, `outOfFrames`; the table is then as it was.
  /// - Complexity: a load and a store per leaf, a call per table.
  public mutating func take<Source: TableFrameSource & ~Copyable>(
    _ virtual: Range<VirtualAddress>, from frames: inout Source, _ body: (MappedRun) -> Void
  ) throws(PageTableError) -> FlushToken {
    var token = try splitEnds(of: virtual, from: &frames)
    guard !virtual.isEmpty else { return token }
    var run: MappedRun?
    _ = take(virtual, in: root, level: mode.levels, &run, &token, body)
    if let run { handOver(run, &token, body) }
    return token
  }

  /// Takes what the table at `table` maps of `range`, which lies in its span.
  ///
  /// - Parameter run: the last pages taken, not yet handed over: the next may continue them.
  /// - Returns: the number of entries that the table lost.
  private mutating func take(
    _ range: Range<VirtualAddress>, in table: PhysicalAddress, level: Int,
    _ run: inout MappedRun?, _ token: inout FlushToken, _ body: (MappedRun) -> Void
  ) -> Int {
    let entries = reader.memory.table(at: table)
    let indices = range.indices(atLevel: level)
    var lost = 0
    var index = indices.lowerBound
    while index < indices.upperBound {
      let entry = entries[index]
      let address = range.address(ofIndex: index, atLevel: level)
      switch entry.item(atLevel: level) {
      case .absent:
        index += 1
      case .leaf(let physical, let size):
        let alike = entries.run(
          in: index..<indices.upperBound, ignoring: PageTableEntry.Bits.usage,
          step: size.byteCount)
        let next = MappedRun(
          virtual: address..<address + UInt64(alike.count) << size.shift, physical: physical,
          size: size, property: entry.property(size: size))
        if let joined = run?.joined(with: next) {
          run = joined
        } else {
          if let run { handOver(run, &token, body) }
          run = next
        }
        entries.fill(alike, with: .absent)
        lost += alike.count
        index = alike.upperBound
      case .table(let lower):
        let piece = range.clamped(to: address.tableSpan(atLevel: level - 1))
        let lostBelow = take(piece, in: lower, level: level - 1, &run, &token, body)
        if lostBelow > 0, !isShared(index, atLevel: level) {
          if entry.entryCount == lostBelow {
            entries[index] = .vacated
            token.add(table: lower, in: reader.memory)
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
  public let physical: PhysicalAddress
  public let size: PageSize
  public let property: PageProperty

  /// Both as one, if `next` continues this run.
  func joined(with next: MappedRun) -> MappedRun? {
    guard virtual.upperBound == next.virtual.lowerBound, size == next.size,
      physical + virtual.byteCount == next.physical, property == next.property
    else { return nil }
    return MappedRun(
      virtual: virtual.lowerBound..<next.virtual.upperBound, physical: physical, size: size,
      property: property)
  }
}
