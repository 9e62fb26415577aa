import Addressing
import BootInfo
import PageTables

// Who owns what: the steps that Frame, UniqueFrame and Segment take on the slots of their frames.
//
//     unused --take--> shared, 1 --retain--> shared, 2 --release--> shared, 1 --release--> unused
//                        |  ^
//             makeUnique v  | makeShared         setBusy: its last owner waits for a flush
//                      exclusive

extension FrameAllocator {
  /// Takes frames in a row for data, with one owner.
  mutating func take(
    _ count: UInt64, _ state: FrameState, order: UInt64 = 0,
    below limit: PhysicalAddress? = nil, isZeroed: Bool = false
  ) throws(OutOfFrames) -> Range<PhysicalAddress> {
    let slot = FrameSlot(state, .data, count: 1)
    if let run = try takeShort(count, order: order, below: limit) {
      metadata.replace(run) { _ in slot }
      let range = PhysicalAddress(frame: run.lowerBound)..<PhysicalAddress(frame: run.upperBound)
      if isZeroed { clear(range) }
      return range
    }
    let range = try allocate(count, as: .data, order: order, below: limit, isZeroed: isZeroed)
    metadata.fill(range.frames, with: slot)
    return range
  }

  /// A few frames that may lie anywhere, from those at hand.
  @inline(__always)
  private mutating func takeShort(
    _ count: UInt64, order: UInt64, below limit: PhysicalAddress?
  ) throws(OutOfFrames) -> Range<UInt64>? {
    guard count > 0, count <= 8, order == 0, limit == nil else { return nil }
    try failures.countAllocation(of: Int(truncatingIfNeeded: count))
    guard count == 1 else { return takeFromRow(count) }
    try fetchSingles(1)
    let frame = pop()
    return frame..<frame + 1
  }

  /// What a frame is used for and by whom; `nil` where there is no RAM.
  public func use(
    of frame: PhysicalAddress
  ) -> (state: FrameState, kind: FrameKind, count: UInt32)? {
    guard let slot = metadata.find(frame.frame) else { return nil }
    return (slot.state, slot.kind, slot.count)
  }

  /// Whether the frame is a page table's that `round` has not met before. It has then.
  public func meet(_ table: PhysicalAddress, inRound round: UInt64) -> Bool {
    guard use(of: table)?.kind == .pageTable, metadata[link: table.frame] != round else {
      return false
    }
    metadata[link: table.frame] = round
    return true
  }

  /// Whether all of a range is frames with slots.
  public func isMetadata(_ range: Range<PhysicalAddress>) -> Bool {
    var frame = range.lowerBound
    while frame < range.upperBound {
      guard use(of: frame)?.kind == .metadata else { return false }
      frame = frame.pageRange.upperBound
    }
    return true
  }

  /// Adds an owner to a shared frame.
  mutating func retain(_ frame: PhysicalAddress) throws(FrameError) {
    guard frame.isAligned(to: .size4KiB) else { throw .misaligned(frame) }
    guard frame.frame < metadata.end else { throw .outOfRange(frame) }
    guard let slot = metadata.find(frame.frame) else { throw .notRAM(frame) }
    switch slot.state {
    case .unused: throw .unused(frame)
    case .busy: throw .busy(frame)
    case .exclusive: throw .exclusivelyOwned(frame)
    case .reserved: throw .reserved(frame, slot.kind)
    case .shared: addOwner(frame.frame)
    }
  }

  /// Adds an owner to each of some frames, for one who owns them.
  public mutating func addOwner(_ range: Range<PhysicalAddress>) {
    for frame in range.frames.lowerBound..<range.frames.upperBound { addOwner(frame) }
  }

  private mutating func addOwner(_ frame: UInt64) {
    let slot = metadata[frame]
    precondition(slot.state == .shared)
    guard slot.count < UInt32.max else { referenceCountOverflowed() }
    metadata[frame] = FrameSlot(.shared, slot.kind, count: slot.count + 1)
  }

  /// Takes one owner from each of some frames. Those that had no other are free.
  public mutating func release(_ range: Range<PhysicalAddress>) {
    var areShared = false
    metadata.replace(range.frames) { slot in
      precondition(slot.count > 0)
      if slot.count > 1 { areShared = true }
      return FrameSlot(rawValue: slot.rawValue - 1)
    }
    // Mostly all of them are free.
    guard areShared else { return setFree(range.frames) }
    for frame in range.frames.lowerBound..<range.frames.upperBound
    where metadata[frame].count == 0 {
      setFree(frame..<frame + 1)
    }
  }

  private mutating func setFree(_ frames: Range<UInt64>) {
    metadata.replace(frames) { _ in .unused }
    addFree(frames)
  }

  private mutating func addFree(_ frames: Range<UInt64>) {
    if frames.length == 1 {
      pushSingle(frames.lowerBound)
    } else if !frames.isEmpty {
      insert(frames)
    }
  }

  /// Makes the only owner of a shared frame its exclusive one; says whether it was the only one.
  mutating func makeUnique(_ frame: PhysicalAddress) -> Bool {
    let slot = metadata[frame.frame]
    guard slot.state == .shared, slot.count == 1 else { return false }
    metadata[frame.frame] = FrameSlot(.exclusive, slot.kind, count: 1)
    return true
  }

  mutating func makeShared(_ frame: PhysicalAddress) {
    metadata[frame.frame] = FrameSlot(.shared, metadata[frame.frame].kind, count: 1)
  }

  /// Notes that the last owner of frames, where it is the last, only waits for a flush to release
  /// them: nobody else may come to own them before.
  public mutating func setBusy(_ range: Range<PhysicalAddress>) {
    metadata.replace(range.frames) { slot in slot.count == 1 ? slot.with(.busy) : slot }
  }
}

/// A function of its own, so that its name is in the report of the trap.
@inline(never) private func referenceCountOverflowed() -> Never {
  preconditionFailure("a frame has more than 4,294,967,295 owners")
}
