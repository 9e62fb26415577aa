import Addressing
import BootInfo
import PageTables

// Frames for the time before the kernel page table is active, and for that table itself.
//
//     0      1 MiB                                                    4 GiB
//     +------+------------+---------+--------------------+-----------+------- - -
//     |      |## taken ###|  kernel |######:    free     |           |  never
//     +------+------------+---------+------^-------------+-----------+------- - -
//      never   range 0               range 1, current     range 2
//
// Only what the boot page table maps can be used before activation, and a starting CPU loads CR3 in
// 32-bit mode: so nothing past 4 GiB. Below 1 MiB nothing is taken either: frame 0 is handed out to
// nobody, and one frame there is kept for the trampoline that later CPUs start in.

/// Hands out the usable frames between 1 MiB and 4 GiB, lowest first, and takes none back.
public struct EarlyFrameAllocator<Memory: PhysicalMemory>: ~Copyable {
  private let memory: Memory
  /// Which allocations fail on purpose.
  private(set) var failures: AllocationFailures

  static var lowest: PhysicalAddress { PhysicalAddress(1 << 20) }
  static var end: PhysicalAddress { PhysicalAddress(4 << 30) }

  /// The ranges to take from, lowest first.
  private var ranges: FixedArray<FrameRange>
  /// The range that the next frame comes from; those before it are used up.
  private var current = 0

  /// The frames that can still be had.
  public private(set) var available = 0
  /// The frames handed out so far.
  public private(set) var taken = 0
  private var reserved = 0

  /// The frame below 1 MiB that is kept for the trampoline of later CPUs; `nil` if there is none.
  public private(set) var trampoline: PhysicalAddress?

  /// What a range of frames takes of the allocator's memory.
  public static var bytesPerRange: Int { MemoryLayout<FrameRange>.stride }

  /// An allocator without frames.
  ///
  /// - Parameters:
  ///   - storage: `bytesPerRange` for each range that will be added, 8-byte aligned, that nobody
  ///     else uses as long as the allocator lives.
  ///   - memory: the frames themselves, of which each is tried before it is handed out.
  @unsafe public init(
    unsafeStorage storage: UnsafeMutableRawBufferPointer, of memory: Memory,
    failing failures: AllocationFailures = AllocationFailures()
  ) {
    self.memory = memory
    self.failures = failures
    // SAFETY: the caller vouches for it.
    ranges = unsafe FixedArray(unsafeStorage: storage)
  }

  /// Takes in usable RAM, as far as it lies within bounds. Ranges come lowest first; one that there
  /// is no room for stays out.
  ///
  /// - Complexity: O(1); no frame is touched.
  public mutating func add(_ range: Range<PhysicalAddress>) {
    let low = range.clamped(to: PhysicalAddress(PageSize.size4KiB.byteCount)..<Self.lowest)
    if !low.isEmpty { trampoline = low.upperBound - PageSize.size4KiB.byteCount }
    let usable = range.clamped(to: Self.lowest..<Self.end)
    guard !usable.isEmpty else { return }
    let (first, end) = (usable.lowerBound.frame, usable.upperBound.frame)
    guard ranges.append(FrameRange(first: first, next: first, end: end)) else { return }
    available += Int(truncatingIfNeeded: end - first)
  }

  /// Calls `body` with the frames that are not free, in runs, lowest first: the trampoline's and
  /// those handed out.
  ///
  /// - Complexity: O(ranges used so far), one on nearly every machine.
  public func forEachUsedRange<Failure: Error>(
    _ body: (Range<PhysicalAddress>) throws(Failure) -> Void
  ) throws(Failure) {
    if let trampoline { try body(trampoline..<trampoline + PageSize.size4KiB.byteCount) }
    for index in 0..<min(current + 1, ranges.count) {
      let range = ranges[index]
      try body(PhysicalAddress(frame: range.first)..<PhysicalAddress(frame: range.next))
    }
  }
}

extension EarlyFrameAllocator: TableFrameSource {
  public mutating func reserve(_ count: Int) throws(OutOfFrames) {
    guard count <= available else { throw OutOfFrames(needed: count, available: available) }
    try failures.countAllocation(of: count)
    try checkMemory(count)
    reserved = count
  }

  /// Tries the next `count` frames.
  private func checkMemory(_ count: Int) throws(OutOfFrames) {
    var (index, left) = (current, count)
    while left > 0 {
      let range = ranges[index]
      var frame = range.next
      while frame < range.end, left > 0 {
        let address = PhysicalAddress(frame: frame)
        guard memory.canHoldTable(at: address) else {
          throw OutOfFrames(needed: count, available: available, faultyFrame: address)
        }
        frame += 1
        left -= 1
      }
      index += 1
    }
  }

  public mutating func takeFrame() -> PhysicalAddress {
    precondition(reserved > 0)
    reserved -= 1
    while ranges[current].next == ranges[current].end { current += 1 }
    let number = ranges[current].next
    ranges[current].next = number + 1
    available -= 1
    taken += 1
    return PhysicalAddress(frame: number)
  }
}

/// Frame numbers: from `first` up to `next` taken, from there up to `end` free.
private struct FrameRange: BitwiseCopyable {
  var first: UInt64
  var next: UInt64
  var end: UInt64
}
