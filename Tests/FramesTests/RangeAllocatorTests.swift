// Reservations against a plain list of free ranges.

import Addressing
import Frames
import TestSupport
import Testing

/// The reference: the free ranges, sorted, searched from the first to the last.
private struct FreeList {
  var free: [Range<UInt64>]

  func lowestFit(_ count: UInt64, order: UInt64, at index: UInt64) -> UInt64? {
    let unit: UInt64 = 1 << order
    for range in free {
      // The first number from here on that may be the first: it lacks `index` to a multiple.
      let lacking = (unit - (range.lowerBound + index) % unit) % unit
      let place = range.lowerBound + lacking
      if place + count <= range.upperBound { return place }
    }
    return nil
  }

  mutating func take(_ taken: Range<UInt64>) {
    let position = free.firstIndex {
      $0.lowerBound <= taken.lowerBound && $0.contains(taken.lowerBound)
    }!
    let whole = free[position]
    free.replaceSubrange(
      position...position,
      with: [whole.lowerBound..<taken.lowerBound, taken.upperBound..<whole.upperBound]
        .filter { !$0.isEmpty })
  }

  mutating func giveBack(_ range: Range<UInt64>) {
    let position = free.firstIndex { $0.lowerBound > range.lowerBound } ?? free.count
    free.insert(range, at: position)
    for lower in [position, position - 1] where lower >= 0 && lower + 1 < free.count {
      guard free[lower].upperBound == free[lower + 1].lowerBound else { continue }
      free[lower] = free[lower].lowerBound..<free[lower + 1].upperBound
      free.remove(at: lower + 1)
    }
  }
}

/// An allocator that gets the frames it needs.
private final class Bench {
  private var frames: SimulatedFrames
  private var allocator: RangeAllocator<SimulatedMemory>

  init(_ numbers: Range<UInt64>) throws {
    var frames = SimulatedFrames(of: SimulatedMemory(byteCount: 1 << 20))
    try frames.reserve(1)
    allocator = RangeAllocator(numbers, memory: frames.memory, lending: frames.takeFrame())
    self.frames = frames
  }

  var lentCount: Int { frames.takenCount }
  var count: Int { allocator.count }
  var freeCount: UInt64 { allocator.freeCount }

  func take(_ count: UInt64, order: UInt64 = 0, at index: UInt64 = 0) -> Range<UInt64>? {
    while allocator.needsFrame {
      try! frames.reserve(1)
      allocator.lend(frames.takeFrame())
    }
    return allocator.take(count, order: order, at: index)
  }

  func reservation(of number: UInt64) -> (range: Range<UInt64>, parts: UInt64)? {
    allocator.reservation(of: number)
  }

  func firstReservation(endingAbove number: UInt64) -> Range<UInt64>? {
    allocator.firstReservation(endingAbove: number)
  }

  func addPart(of number: UInt64) { allocator.addPart(of: number) }

  func removePart(of number: UInt64) -> Bool { allocator.removePart(of: number) }

  func giveBack(_ first: UInt64) { allocator.giveBack(first) }
}

@Suite struct RangeAllocatorTests {
  /// A hundred thousand operations of sizes and alignments up to 1 GiB: each place is the one that
  /// the reference finds, nodes are not lost, and in the end all comes together.
  @Test(arguments: 1...4) func aLongLifeAgreesWithTheReference(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let numbers: Range<UInt64> = 0xfff_c000_0003..<0xfff_c000_0003 + 1 << 20
    let allocator = try Bench(numbers)
    var reference = FreeList(free: [numbers])
    var live: [Range<UInt64>] = []
    var (most, refused) = (0, 0)
    for step in 0..<25_000 {
      if live.count < 16, live.isEmpty || Int.random(in: 0..<8, using: &random) < 5 {
        let order = UInt64.random(in: 0...18, using: &random)
        let limit: UInt64 = 1 << UInt64.random(in: 4...18, using: &random)
        let count = UInt64.random(in: 1...limit, using: &random)
        let index =
          Bool.random(using: &random) ? 0 : UInt64.random(in: 0...1 << order, using: &random)
        let place = reference.lowestFit(count, order: order, at: index)
        let taken = allocator.take(count, order: order, at: index)
        guard taken == place.map({ $0..<$0 + count }) else {
          Issue.record("\(String(describing: taken)), not \(String(describing: place))")
          return
        }
        guard let taken else {
          refused += 1
          continue
        }
        reference.take(taken)
        live.append(taken)
        most = max(most, live.count)
      } else {
        live.swapAt(Int.random(in: live.indices, using: &random), live.count - 1)
        let range = live.removeLast()
        let inside = UInt64.random(in: range, using: &random)
        guard let found = allocator.reservation(of: inside), found == (range, 1),
          allocator.removePart(of: inside)
        else {
          Issue.record("the reservation of \(inside) is not \(range)")
          return
        }
        allocator.giveBack(range.lowerBound)
        reference.giveBack(range)
      }
      guard step % 16 == 0 else { continue }
      let (free, count) = (allocator.freeCount, allocator.count)
      guard free == reference.free.reduce(0, { $0 + $1.upperBound - $1.lowerBound }),
        count == live.count
      else {
        Issue.record("\(free) free, \(count) taken")
        return
      }
    }
    #expect(refused > 20)
    // A node for each reservation and for each free range between them, and three to spare.
    #expect(allocator.lentCount <= (2 * most + 1 + 3 + 63) / 64)
    for range in live {
      #expect(allocator.removePart(of: range.lowerBound))
      allocator.giveBack(range.lowerBound)
    }
    let whole = allocator.take(1 << 20)
    #expect(whole == numbers)
  }

  @Test func exhaustionIsNil() throws {
    let allocator = try Bench(100..<200)
    #expect(allocator.take(101) == nil)
    #expect(allocator.take(UInt64.max) == nil)
    #expect(allocator.take(1, order: 63) == nil)
    #expect(allocator.take(1, order: 63, at: 1 << 63) == nil)
    #expect(allocator.take(100) == 100..<200)
    #expect(allocator.take(1) == nil)
    let free = allocator.freeCount
    #expect(free == 0 && allocator.lentCount == 1)
    #expect(allocator.removePart(of: 199))
    allocator.giveBack(100)
    #expect(allocator.take(1, at: 5) == 100..<101)
  }

  /// Room that is just enough, with what lies below the aligned number outside of any whole block.
  @Test func theAlignmentIsExact() throws {
    var allocator = try Bench(511..<511 + 514)
    #expect(allocator.take(514, order: 9, at: 1) == 511..<1025)
    allocator = try Bench(512..<512 + 514)
    #expect(allocator.take(514, order: 9, at: 1) == nil)
    #expect(allocator.take(3, order: 9, at: 1) == 1023..<1026)
    #expect(allocator.take(3, order: 9, at: 0) == 512..<515)
    #expect(allocator.take(3, order: 9, at: 0) == nil)
    // The aligned number need not be one of those taken.
    #expect(allocator.take(2, order: 8, at: 200) == 568..<570)
  }

  @Test func partsEndOneByOne() throws {
    let allocator = try Bench(0..<1000)
    let range = allocator.take(10)!
    allocator.addPart(of: 3)
    allocator.addPart(of: 9)
    #expect(allocator.reservation(of: 0)! == (range, 3))
    #expect(!allocator.removePart(of: 9))
    #expect(!allocator.removePart(of: 0))
    #expect(allocator.removePart(of: 5))
    // It waits, and is nobody else's.
    #expect(allocator.reservation(of: 5)! == (range, 0))
    #expect(allocator.take(10) == 10..<20)
    #expect(allocator.firstReservation(endingAbove: 0) == range)
    #expect(allocator.firstReservation(endingAbove: 10) == 10..<20)
    #expect(allocator.firstReservation(endingAbove: 20) == nil)
    allocator.giveBack(0)
    #expect(allocator.reservation(of: 5) == nil)
    #expect(allocator.firstReservation(endingAbove: 0) == 10..<20)
    #expect(allocator.take(10) == 0..<10)
  }

  @Test func misuseTraps() async {
    await #expect(processExitsWith: .failure) {
      let allocator = try Bench(0..<1000)
      allocator.giveBack(allocator.take(10)!.lowerBound)
    }
    await #expect(processExitsWith: .failure) {
      let allocator = try Bench(0..<1000)
      let first = allocator.take(10)!.lowerBound
      _ = allocator.removePart(of: first)
      _ = allocator.removePart(of: first)
    }
    await #expect(processExitsWith: .failure) {
      let allocator = try Bench(0..<1000)
      allocator.addPart(of: 5)
    }
    await #expect(processExitsWith: .success) {
      let allocator = try Bench(0..<1000)
      let first = allocator.take(10)!.lowerBound
      _ = allocator.removePart(of: first)
      allocator.giveBack(first)
    }
  }
}
