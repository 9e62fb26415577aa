// Normalising: cut every region into a start and an end event, sort the events by address, sweep
// over them once with a count per kind, and write down a region whenever the winner changes.
//
//     usable          |===============================|
//     reserved                          |=========|
//     kernel                |=======|
//     events          s     s       e   s         e   e
//     winner          usable kernel us. reserved  us.
//
// The rules:
// 1. Usable RAM shrinks inward to 4 KiB pages, everything else grows outward.
// 2. Where kinds overlap, the lower raw value wins.
// 3. The kernel and modules must lie in usable RAM; boot information that does not gives way.
// 4. RAM at or past the limit is left out and counted.

public import Addressing

/// One end of a region, as a number that sorts by address.
///
///      63  59 58                 6 5    2      1          0
///     +------+--------------------+------+------------+-------+
///     |   0  | address, up to 2^52| kind | was usable | start |
///     +------+--------------------+------+------------+-------+
///
/// "Was usable" marks what an earlier sweep carved out of usable RAM: its events stand for the
/// usable RAM underneath, too. With it a normalised map may be added to and normalised again.
struct Event: BitwiseCopyable {
  let bits: UInt64

  init(_ address: PhysicalAddress, _ kind: RegionKind, wasUsable: Bool, isStart: Bool) {
    bits =
      address.rawValue << 6 | UInt64(kind.rawValue) << 2 | (wasUsable ? 2 : 0) | (isStart ? 1 : 0)
  }

  var address: PhysicalAddress { PhysicalAddress(bits >> 6) }
  var kind: UInt8 { UInt8(truncatingIfNeeded: bits >> 2) & 0xf }
  var wasUsable: Bool { bits & 2 != 0 }
  var isStart: Bool { bits & 1 != 0 }
}

/// The kinds that cover the place the sweep has come to.
private struct Cover {
  private var counts = InlineArray<10, UInt16>(repeating: 0)

  /// Bit n is set where the count of the kind with raw value n is not zero.
  private var present: UInt16 = 0

  mutating func apply(_ event: Event) {
    apply(event.kind, event.isStart)
    if event.wasUsable { apply(RegionKind.usable.rawValue, event.isStart) }
  }

  private mutating func apply(_ kind: UInt8, _ isStart: Bool) {
    let index = Int(kind)
    if isStart { counts[index] += 1 } else { counts[index] -= 1 }
    let bit: UInt16 = 1 << UInt16(kind)
    present = counts[index] == 0 ? present & ~bit : present | bit
  }

  private func contains(_ kind: RegionKind) -> Bool { present >> kind.rawValue & 1 != 0 }

  /// What the memory from `address` on is; `nil` for a hole.
  func winner(at address: PhysicalAddress) throws(MemoryMapError) -> RegionKind? {
    // With no kind present the bit count is 16, which is no kind.
    let winner = RegionKind(rawValue: UInt8(present.trailingZeroBitCount))
    let needsRAM: RegionKind? =
      contains(.kernel) ? .kernel : contains(.module) ? .module : nil
    if let needsRAM, winner != needsRAM || !contains(.usable) {
      throw .notInRAM(
        needsRAM, at: address.alignedDown(to: .size4KiB),
        over: winner == needsRAM ? nil : winner)
    }
    if winner == .bootInformation, !contains(.usable) { return nil }
    return winner
  }
}

extension MemoryMap {
  /// Sorts and resolves the reports. Calling it again changes nothing, unless regions were added
  /// or the limit is lower.
  ///
  /// After an error the map holds nothing of use.
  ///
  /// - Parameter limit: where RAM must end: the CPU's physical addresses or the linear window do.
  /// - Complexity: O(n log n) for n reports, whatever they say.
  public mutating func normalise(limit: PhysicalAddress) throws(MemoryMapError) {
    let limit = limit.alignedDown(to: .size4KiB)
    let eventCount = count * 2
    makeEvents()
    sortEvents(eventCount)

    regions.removeAll()
    var cover = Cover()
    var start = PhysicalAddress(0)
    var kind: RegionKind? = nil
    for index in 0..<eventCount {
      let address = events[index].address
      cover.apply(events[index])
      if index + 1 < eventCount, events[index + 1].address == address { continue }
      let next = try cover.winner(at: address)
      if next == kind { continue }
      if let kind { try settle(start..<address, kind, limit) }
      (start, kind) = (address, next)
    }
    normalisedCount = count
    if byteCount(of: .usable) == 0 { throw .noUsableRAM }
  }

  /// Appends what is left of a region within whole pages and, if it is RAM, below the limit.
  private mutating func settle(
    _ range: Range<PhysicalAddress>, _ kind: RegionKind, _ limit: PhysicalAddress
  ) throws(MemoryMapError) {
    // Only an edge of usable RAM can lie inside a page.
    guard let lower = range.lowerBound.alignedUp(to: .size4KiB) else { return }
    var upper = range.upperBound.alignedDown(to: .size4KiB)
    guard lower < upper else { return }
    if kind.isRAM, upper > limit {
      let firstLeftOut = max(lower, limit)
      if kind.mustLieInUsableRAM { throw .pastLimit(kind, at: firstLeftOut) }
      ramLeftOut += upper - firstLeftOut
      upper = firstLeftOut
    }
    if lower < upper { try append(MemoryRegion(lower..<upper, kind)) }
  }

  private mutating func makeEvents() {
    events.removeAll()
    for index in 0..<count {
      let (range, kind) = (regions[index].range, regions[index].kind)
      let wasUsable = index < normalisedCount && kind.liesInUsableRAM
      // There is room: two events for each region there can be.
      _ = events.append(Event(range.lowerBound, kind, wasUsable: wasUsable, isStart: true))
      _ = events.append(Event(range.upperBound, kind, wasUsable: wasUsable, isStart: false))
    }
  }

  /// Heapsort: in place, not recursive, and no input makes it slow.
  private mutating func sortEvents(_ count: Int) {
    for root in (0..<count / 2).reversed() { siftDown(root, count) }
    for last in (1..<max(count, 1)).reversed() {
      events.swapAt(0, last)
      siftDown(0, last)
    }
  }

  /// Moves the event at `root` down until no event below it, of the first `count`, is greater.
  private mutating func siftDown(_ root: Int, _ count: Int) {
    var root = root
    while 2 * root + 1 < count {
      var child = 2 * root + 1
      if child + 1 < count, events[child].bits < events[child + 1].bits { child += 1 }
      if events[root].bits >= events[child].bits { return }
      events.swapAt(root, child)
      root = child
    }
  }
}
