import Addressing
import PageTables

// Free runs, and the slots that their frames need before they can be used. Backing a section takes
// free frames itself, so the ways in here are two: from outside, `takeRun` and `backSections`, which
// first see to it that there are nodes; and from within, `back`, which takes what it needs at once.
//
//     takeRun:     place of the run, nothing taken yet
//        --> backSections, sparing the run:   section by section, `replenish` and `back`
//        --> the run itself

extension FrameAllocator {
  /// Spare nodes, enough for all that happens between two calls of `replenish`.
  static var nodeReserve: Int { 16 }

  /// Takes a run of free frames; their sections are then backed.
  ///
  /// - Parameter probes: in how many places to try each.
  mutating func takeRun(
    _ count: UInt64, order: UInt64 = 0, below limit: PhysicalAddress? = nil,
    probes: Int = 0
  ) throws(OutOfFrames) -> Range<UInt64> {
    let end = limit?.frame ?? .max
    let high = min(PhysicalAddress(4 << 30).frame, end)..<end
    let bounds = free.lowestFit(count, order: order, in: high) == nil ? 0..<end : high
    let run = try place(for: count, order: order, in: bounds)
    try backSections(of: run, sparing: run)
    if let faulty = firstFaulty(in: run, probes: probes) { throw removing(faulty, needing: count) }
    free.remove(run)
    return run
  }

  /// Where `count` free frames lie.
  func place(
    for count: UInt64, order: UInt64, in bounds: Range<UInt64>
  ) throws(OutOfFrames) -> Range<UInt64> {
    guard let first = free.lowestFit(count, order: order, in: bounds) else {
      throw outOfFrames(needing: count)
    }
    return first..<first + count
  }

  func outOfFrames(needing count: UInt64, faulty: UInt64? = nil) -> OutOfFrames {
    OutOfFrames(
      needed: Int(truncatingIfNeeded: count), available: Int(truncatingIfNeeded: free.longest),
      faultyFrame: faulty.map { frame in PhysicalAddress(frame: frame) })
  }

  /// The first of some free frames that does not keep data in its first `probes` places.
  func firstFaulty(in frames: Range<UInt64>, probes: Int) -> UInt64? {
    guard probes > 0 else { return nil }
    var frame = frames.lowerBound
    while frame < frames.upperBound {
      guard memory.keepsData(at: PhysicalAddress(frame: frame), probes: probes) else {
        return frame
      }
      frame += 1
    }
    return nil
  }

  /// Puts a free frame that keeps no data out of reach, for good, and returns the error that says so.
  private mutating func removing(_ faulty: UInt64, needing count: UInt64) -> OutOfFrames {
    free.remove(faulty..<faulty + 1)
    if metadata.isBacked(FrameMetadata<Memory, Window>.section(of: faulty)) {
      metadata[faulty] = FrameSlot(.reserved, .faulty)
    }
    return outOfFrames(needing: count, faulty: faulty)
  }

  /// Adds free frames, whose slots say so. If nodes run short, the first frame becomes nodes.
  mutating func insert(_ frames: Range<UInt64>) {
    var rest = frames
    while free.spareCount < Self.nodeReserve, !rest.isEmpty {
      let first = rest.lowerBound
      rest = first + 1..<rest.upperBound
      if memory.canHoldTable(at: PhysicalAddress(frame: first)) {
        lend(first)
      } else {
        metadata[first] = FrameSlot(.reserved, .faulty)
      }
    }
    if !rest.isEmpty { free.insert(rest) }
  }

  private mutating func lend(_ frame: UInt64) {
    metadata[frame] = FrameSlot(.reserved, .bookkeeping)
    free.lend(PhysicalAddress(frame: frame))
  }

  /// Backs the sections of `frames`, leaving the frames of `run` alone.
  mutating func backSections(
    of frames: Range<UInt64>, sparing run: Range<UInt64>
  ) throws(OutOfFrames) {
    guard !frames.isEmpty else { return }
    let first = FrameMetadata<Memory, Window>.section(of: frames.lowerBound)
    let last = FrameMetadata<Memory, Window>.section(of: frames.upperBound - 1)
    var section = first
    while section <= last {
      try replenish(sparing: run)
      try back(section, sparing: run, mayBorrow: true)
      section += 1
    }
  }

  /// Sees to it that there are spare nodes.
  mutating func replenish(sparing run: Range<UInt64>) throws(OutOfFrames) {
    guard free.spareCount < Self.nodeReserve else { return }
    do throws(OutOfFrames) {
      try failures.countAllocation(of: 1)
      let place = try backedPlace(for: 1, sparing: run)
      if let faulty = firstFaulty(in: place, probes: TableEntries.probeCount) {
        throw removing(faulty, needing: 1)
      }
      free.remove(place)
      lend(place.lowerBound)
    } catch {
      // The last frames of all: half the reserve is as much as can be needed.
      if free.spareCount < Self.nodeReserve / 2 { throw error }
    }
  }

  /// Backs a section by its own first free frames, above 1 MiB if possible: what lies lower is
  /// needed for other things. Only where it has not enough of them, as a run may take it all, others
  /// serve, if the caller allows it.
  private mutating func back(
    _ section: UInt64, sparing run: Range<UInt64>, mayBorrow: Bool
  ) throws(OutOfFrames) {
    guard !metadata.isBacked(section) else { return }
    // It takes two nodes, and the search for a place backs section after section.
    guard free.spareCount >= Self.nodeReserve / 2 else { throw outOfFrames(needing: 1) }
    let slotFrames = metadata.slotFrameCount(of: section)
    let count = slotFrames + metadata.tableLimit
    try failures.countAllocation(of: Int(truncatingIfNeeded: count))
    let own = FrameMetadata<Memory, Window>.frames(of: section)
    let low = PhysicalAddress(1 << 20).frame

    let place: Range<UInt64>
    if let first = lowestFit(count, in: max(own.lowerBound, low)..<own.upperBound, sparing: run)
      ?? lowestFit(count, in: own, sparing: run)
    {
      place = first..<first + count
    } else if mayBorrow {
      place = try backedPlace(for: count, sparing: run)
    } else {
      throw outOfFrames(needing: count)
    }

    // A place in each frame of slots, and all in the tables.
    let tables = place.lowerBound + slotFrames
    if let faulty = firstFaulty(in: place.lowerBound..<tables, probes: 1)
      ?? firstFaulty(in: tables..<place.upperBound, probes: TableEntries.probeCount)
    {
      throw removing(faulty, needing: count)
    }
    free.remove(place)
    let rest = metadata.back(section, by: place)
    metadata.fill(place.lowerBound..<tables, with: FrameSlot(.reserved, .metadata))
    metadata.fill(tables..<rest.lowerBound, with: FrameSlot(.reserved, .pageTable))
    if !rest.isEmpty { free.insert(rest) }
  }

  /// The lowest free frames in a row whose sections are backed or can be by frames of their own.
  private mutating func backedPlace(
    for count: UInt64, sparing run: Range<UInt64>
  ) throws(OutOfFrames) -> Range<UInt64> {
    var bounds = 0..<UInt64.max
    while let first = lowestFit(count, in: bounds, sparing: run) {
      let one = FrameMetadata<Memory, Window>.section(of: first)
      let other = FrameMetadata<Memory, Window>.section(of: first + count - 1)
      if metadata.isBacked(one), metadata.isBacked(other) { return first..<first + count }
      do throws(OutOfFrames) {
        // It may take the very frames that were found: so they are looked for again.
        try back(one, sparing: run, mayBorrow: false)
        try back(other, sparing: run, mayBorrow: false)
      } catch {
        let full = metadata.isBacked(one) ? other : one
        bounds = FrameMetadata<Memory, Window>.frames(of: full).upperBound..<UInt64.max
      }
    }
    throw outOfFrames(needing: count)
  }

  private func lowestFit(
    _ count: UInt64, in bounds: Range<UInt64>, sparing run: Range<UInt64>
  ) -> UInt64? {
    let below = bounds.clamped(to: 0..<run.lowerBound)
    let above = bounds.clamped(to: run.upperBound..<UInt64.max)
    return free.lowestFit(count, order: 0, in: below)
      ?? free.lowestFit(count, order: 0, in: above)
  }
}

extension Range<PhysicalAddress> {
  /// The numbers of the frames of a range that consists of whole ones.
  public var frames: Range<UInt64> { lowerBound.frame..<upperBound.frame }
}

extension PhysicalAddress {
  /// The number of the frame that holds this address.
  public var frame: UInt64 { rawValue >> PageSize.size4KiB.shift }

  public init(frame: UInt64) { self.init(frame << PageSize.size4KiB.shift) }
}
