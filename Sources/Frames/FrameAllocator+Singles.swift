import Addressing
import PageTables

// Single frames at hand: most frames are taken and given back one by one, and a search tree is a
// slow way to do that. The last ones that came back are the first to go again.
//
//     free runs  --- a run of 32 --->  singles  --- one --->  tables, data
//                <--- half of 64 ----           <--- one ---
//
// They are linked through the second words of their slots, which say that they are unused.

/// A list of frames, linked through their slots. Frame 0 is never in one.
struct FrameList: BitwiseCopyable {
  fileprivate(set) var first: UInt64 = 0
  fileprivate(set) var count: UInt64 = 0
  /// How many of the first ones are known to keep data: they were tables, or were tried.
  fileprivate(set) var triedCount: UInt64 = 0
}

extension FrameAllocator {
  private static var batch: UInt64 { 32 }
  private static var limit: UInt64 { 64 }

  /// Adds an unused frame to those at hand.
  mutating func pushSingle(_ frame: UInt64, wasTried: Bool = false) {
    push(frame)
    if wasTried { singles.triedCount += 1 } else { singles.triedCount = 0 }
    guard singles.count > Self.limit else { return }
    while singles.count > Self.limit / 2 { insert(pop()) }
  }

  /// Takes one of the frames at hand.
  mutating func popSingle() -> UInt64 { pop().lowerBound }

  /// Takes `count` of the frames at hand, if those on top lie in a row: they do as they were fetched.
  mutating func popRun(_ count: UInt64) -> Range<UInt64>? {
    guard singles.count >= count else { return nil }
    let first = singles.first
    var frame = first
    for next in first + 1..<first + count {
      guard metadata[link: frame] == next else { return nil }
      frame = next
    }
    removeFirst(count, next: metadata[link: frame])
    return first..<first + count
  }

  /// Sees to it that `count` single frames are at hand.
  mutating func fetchSingles(_ count: UInt64) throws(OutOfFrames) {
    while singles.count < count {
      // Again each time: the slots of what was fetched took frames too.
      guard count <= freeCount else {
        throw OutOfFrames(needed: Int(count), available: Int(freeCount))
      }
      let missing = count - singles.count
      let run: Range<UInt64>
      if missing < Self.batch, let batch = try? takeRun(Self.batch) {
        run = batch
      } else {
        run = try takeRun(min(missing, free.longest))
      }
      // The lowest on top: what is taken one by one then lies in a row.
      var frame = run.upperBound
      while frame > run.lowerBound {
        frame -= 1
        push(frame)
      }
      singles.triedCount = 0
    }
  }

  /// Makes runs of the single frames at hand; says whether there were any.
  mutating func returnSingles() -> Bool {
    guard singles.count > 0 else { return false }
    while singles.count > 0 { insert(pop()) }
    return true
  }

  private mutating func push(_ frame: UInt64) {
    metadata[link: frame] = singles.first
    singles.first = frame
    singles.count += 1
  }

  private mutating func removeFirst(_ count: UInt64, next: UInt64) {
    singles.first = next
    singles.count -= count
    singles.triedCount -= min(count, singles.triedCount)
  }

  /// Tries the first `count` of the frames at hand, but for those that were. One that keeps no data
  /// is taken out, for good.
  private mutating func tryFirst(_ count: UInt64) throws(OutOfFrames) {
    guard count > singles.triedCount else { return }
    var (frame, above) = (singles.first, UInt64?.none)
    for index in 0..<count {
      let (address, next) = (PhysicalAddress(frame: frame), metadata[link: frame])
      guard index < singles.triedCount || memory.canHoldTable(at: address) else {
        if let above { metadata[link: above] = next } else { singles.first = next }
        singles.count -= 1
        singles.triedCount = index
        metadata[frame] = FrameSlot(.reserved, .faulty)
        throw OutOfFrames(
          needed: Int(count), available: Int(freeCount), faultyFrame: address)
      }
      (above, frame) = (frame, next)
    }
    singles.triedCount = count
  }

  private mutating func pop() -> Range<UInt64> {
    precondition(singles.count > 0)
    let frame = singles.first
    removeFirst(1, next: metadata[link: frame])
    return frame..<frame + 1
  }
}

extension FrameAllocator: TableFramePool {
  public mutating func reserve(_ count: Int) throws(OutOfFrames) {
    guard count > 0 else { return }
    try failures.countAllocation(of: count)
    try fetchSingles(UInt64(count))
    try tryFirst(UInt64(count))
  }

  public mutating func takeFrame() -> PhysicalAddress {
    let frame = popSingle()
    metadata[frame] = FrameSlot(.reserved, .pageTable)
    metadata[link: frame] = 0
    return PhysicalAddress(frame: frame)
  }

  public mutating func giveBack(_ table: PhysicalAddress) {
    precondition(metadata[table.frame] == FrameSlot(.reserved, .pageTable))
    metadata[table.frame] = .unused
    pushSingle(table.frame, wasTried: true)
  }
}
