import PageTables

/// Counts allocations of frames and has some of them fail, to see what becomes of who asked. It goes
/// with the frames: from the early allocator to the one that takes over.
///
///     allocation     1   2   3   4   5   6   7
///     3..<5          .   .   fails   .   .   .
public struct AllocationFailures {
  /// The allocations so far.
  public private(set) var count: UInt64 = 0
  /// Those that failed because they were to.
  public private(set) var failedCount: UInt64 = 0
  private var failing: Range<UInt64>

  /// - Parameter failing: the numbers of the allocations that fail; the first one has number 1.
  public init(_ failing: Range<UInt64> = 0..<0) { self.failing = failing }

  /// Has allocations from now on fail: the next one has number 1. An empty range ends that.
  public mutating func fail(next numbers: Range<UInt64>) {
    failing = count &+ numbers.lowerBound..<count &+ numbers.upperBound
  }

  mutating func countAllocation(of frameCount: Int) throws(OutOfFrames) {
    count += 1
    guard failing.contains(count) else { return }
    failedCount += 1
    throw OutOfFrames(needed: frameCount, available: 0)
  }
}
