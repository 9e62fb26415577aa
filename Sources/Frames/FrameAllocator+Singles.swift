import Addressing
import PageTables

// Frames at hand: most frames are taken and given back one by one, or a few together, and a search
// tree is a slow way to do that. The last ones that came back are the first to go again.
//
//     free runs  --- 256 in a row ---->  row   ---- a few in a row ---->  data
//                                         | one
//                                         v
//                <-- half of 128 ------  list  <--- one by one -------->  tables, data
//
// Those of the list are linked through the second words of their slots, which say that they are unused.

/// A list of frames, linked through their slots. Frame 0 is never in one.
struct FrameList: BitwiseCopyable {
  fileprivate(set) var first: UInt64 = 0
  fileprivate(set) var count: UInt64 = 0
  /// How many of the first ones are known to keep data: they were tables, or were tried.
  fileprivate(set) var triedCount: UInt64 = 0
}

extension FrameAllocator {
  private static var batch: UInt64 { 256 }
  private static var limit: UInt64 { 128 }

  /// The number of frames at hand.
  var countAtHand: UInt64 { singles.count + row.length }

  /// Adds an unused frame to those at hand.
  mutating func pushSingle(_ frame: UInt64, wasTried: Bool = false) {
    push(frame)
    if wasTried { singles.triedCount += 1 } else { singles.triedCount = 0 }
    if singles.count > Self.limit { returnSingles(butFor: Self.limit / 2) }
  }

  /// Takes a few frames in a row; `nil` where there is none so long.
  @inline(__always)
  mutating func takeFromRow(_ count: UInt64) -> Range<UInt64>? {
    row.length >= count || renewRow() ? cutRow(count) : nil
  }

  @inline(never)
  private mutating func renewRow() -> Bool {
    returnRow()
    guard let fresh = try? takeRun(Self.batch) else { return false }
    row = fresh
    return true
  }

  /// - Precondition: the row is so long.
  @inline(__always)
  private mutating func cutRow(_ count: UInt64) -> Range<UInt64> {
    let run = row.lowerBound..<row.lowerBound + count
    row = run.upperBound..<row.upperBound
    return run
  }

  /// Sees to it that `count` single frames are at hand.
  mutating func fetchSingles(_ count: UInt64) throws(OutOfFrames) {
    while singles.count < count {
      // Again each time: the slots of what was fetched took frames too.
      guard count <= freeCount else {
        throw OutOfFrames(needed: Int(count), available: Int(freeCount))
      }
      let missing = count - singles.count
      if row.isEmpty {
        if missing < Self.batch, let fresh = try? takeRun(Self.batch) {
          row = fresh
        } else {
          row = try takeRun(min(missing, free.longest))
        }
      }
      // The lowest on top: what is taken one by one then lies in a row.
      let run = cutRow(min(missing, row.length))
      var frame = run.upperBound
      while frame > run.lowerBound {
        frame -= 1
        push(frame)
      }
      singles.triedCount = 0
    }
  }

  /// Makes runs of the frames at hand; says whether there were any.
  mutating func returnAllAtHand() -> Bool {
    guard countAtHand > 0 else { return false }
    returnRow()
    returnSingles(butFor: 0)
    return true
  }

  private mutating func returnRow() {
    let rest = row
    row = 0..<0
    if !rest.isEmpty { insert(rest) }
  }

  /// Makes runs of single frames until `rest` are left. Those that lie in a row, either way, go
  /// together.
  private mutating func returnSingles(butFor rest: UInt64) {
    while singles.count > rest {
      let first = pop()
      var run = first..<first + 1
      while singles.count > rest {
        if singles.first == run.upperBound {
          run = run.lowerBound..<pop() + 1
        } else if singles.first == run.lowerBound - 1 {
          run = pop()..<run.upperBound
        } else {
          break
        }
      }
      insert(run)
    }
  }

  private mutating func push(_ frame: UInt64) {
    metadata[link: frame] = singles.first
    singles.first = frame
    singles.count += 1
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

  /// Takes one of the single frames at hand.
  mutating func pop() -> UInt64 {
    precondition(singles.count > 0)
    let frame = singles.first
    singles.first = metadata[link: frame]
    singles.count -= 1
    if singles.triedCount > 0 { singles.triedCount -= 1 }
    return frame
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
    let frame = pop()
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
