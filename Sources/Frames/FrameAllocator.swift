import Addressing
import PageTables

// The machine's free frames, once all RAM is mapped.
//
// RAM comes in by region, in as many steps as there are regions: nothing is kept per frame, and
// nothing is written into a frame that nobody asked for. The nodes of the search tree lie in frames
// that the allocator takes from itself; they count as used.

/// Hands out frames and takes them back.
public struct FrameAllocator<Memory: PhysicalMemory>: ~Copyable {
  private let memory: Memory
  private var free: FreeRanges<Memory>
  private var reserved = 0

  /// The frames taken in.
  public private(set) var frameCount: UInt64 = 0

  /// An allocator without frames.
  ///
  /// - Parameter frame: a frame that it may keep, for the first nodes.
  public init(memory: Memory, keeping frame: PhysicalAddress) {
    self.memory = memory
    free = FreeRanges(memory: memory)
    free.lend(frame)
  }

  /// Takes in RAM that is free. Frame 0 stays out: it is never handed out.
  ///
  /// - Precondition: whole frames, none of them taken in before.
  public mutating func add(_ range: Range<PhysicalAddress>) {
    precondition(range.lowerBound.isAligned(to: .size4KiB))
    precondition(range.upperBound.isAligned(to: .size4KiB))
    let numbers = max(range.lowerBound.frame, 1)..<max(range.upperBound.frame, 1)
    guard !numbers.isEmpty else { return }
    insert(numbers)
    frameCount += numbers.length
  }

  /// Takes in RAM of which `early` has handed out a part: those frames count as used.
  ///
  /// - Precondition: whole frames, none of them taken in before.
  public mutating func add(
    _ range: Range<PhysicalAddress>, except early: borrowing EarlyFrameAllocator
  ) {
    var free = range
    early.forEachUsedRange { used in
      let part = used.clamped(to: free)
      guard !part.isEmpty else { return }
      add(free.lowerBound..<part.lowerBound)
      frameCount += part.upperBound.frame - part.lowerBound.frame
      free = part.upperBound..<free.upperBound
    }
    add(free)
  }

  public var freeCount: UInt64 { free.count }
  public var usedCount: UInt64 { frameCount - free.count }
  /// The frames of the longest free run.
  public var longestRun: UInt64 { free.longest }

  /// Takes `count` frames in a row.
  ///
  /// What need not lie low comes from above 4 GiB as long as there is any: devices that reach no
  /// farther have no other choice.
  ///
  /// - Parameters:
  ///   - order: the first frame's number is a multiple of 2 to this power; below 64.
  ///   - limit: where the frames must end.
  ///   - isZeroed: whether to fill them with zeros.
  /// - Throws: `OutOfFrames` if no free run is long enough; the allocator is then as it was.
  /// - Complexity: O(log free runs) expected.
  public mutating func allocate(
    _ count: UInt64, order: UInt64 = 0, below limit: PhysicalAddress? = nil,
    isZeroed: Bool = false
  ) throws(OutOfFrames) -> Range<PhysicalAddress> {
    let low = PhysicalAddress(4 << 30).frame
    let end = limit?.frame ?? .max
    var place = free.lowestFit(count, order: order, in: min(low, end)..<end)
    if place == nil { place = free.lowestFit(count, order: order, in: 0..<end) }
    guard let place else {
      throw OutOfFrames(needed: Int(count), available: Int(free.longest))
    }
    // Out of the middle of a run it leaves two: the second takes a node.
    if free.needsFrame, !lendFrame(sparing: place..<place + count) {
      throw OutOfFrames(needed: Int(count) + 1, available: Int(free.count))
    }
    free.remove(place..<place + count)
    let range = PhysicalAddress(frame: place)..<PhysicalAddress(frame: place + count)
    if isZeroed { clear(range) }
    return range
  }

  /// Takes frames back.
  ///
  /// - Precondition: they were handed out, and nobody uses them.
  public mutating func giveBack(_ range: Range<PhysicalAddress>) {
    insert(range.lowerBound.frame..<range.upperBound.frame)
  }

  /// Adds free frames; of those that are added, the first may become nodes.
  private mutating func insert(_ numbers: Range<UInt64>) {
    free.insert(numbers)
    if free.needsFrame { _ = lendFrame(sparing: 0..<0) }
  }

  /// Turns a free frame outside `range` into nodes. It is the first of its run, so that taking it
  /// needs no node beyond the one that it gives back.
  private mutating func lendFrame(sparing range: Range<UInt64>) -> Bool {
    guard
      let frame = free.lowestFit(1, order: 0, in: 0..<range.lowerBound)
        ?? free.lowestFit(1, order: 0, in: range.upperBound..<UInt64.max)
    else { return false }
    free.remove(frame..<frame + 1)
    free.lend(PhysicalAddress(frame: frame))
    return true
  }

  private func clear(_ range: Range<PhysicalAddress>) {
    var frame = range.lowerBound
    while frame < range.upperBound {
      memory.table(at: frame).clear()
      frame = frame + PageSize.size4KiB.byteCount
    }
  }
}

extension FrameAllocator: TableFrameSource {
  /// Single frames can always be had as long as there are any: the first of a run leaves one run.
  public mutating func reserve(_ count: Int) throws(OutOfFrames) {
    guard UInt64(count) <= free.count else {
      throw OutOfFrames(needed: count, available: Int(free.count))
    }
    reserved = count
  }

  public mutating func takeFrame() -> PhysicalAddress {
    precondition(reserved > 0)
    reserved -= 1
    guard let frame = free.lowestFit(1, order: 0, in: 0..<UInt64.max) else {
      preconditionFailure()
    }
    free.remove(frame..<frame + 1)
    return PhysicalAddress(frame: frame)
  }
}

extension PhysicalAddress {
  /// The number of the frame that holds this address.
  var frame: UInt64 { rawValue >> PageSize.size4KiB.shift }

  init(frame: UInt64) { self.init(frame << PageSize.size4KiB.shift) }
}
