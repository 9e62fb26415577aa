// Reservations against a plain list of free ranges.

import Addressing
import Frames
import TestSupport
import Testing

@Suite struct RangeAllocatorTests {
  /// A hundred thousand operations of sizes and alignments up to 1 GiB: each place is the one that
  /// the reference finds, nodes are not lost, and in the end all comes together.
  @Test(arguments: 1...4) func aLongLifeAgreesWithTheReference(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let numbers: Range<UInt64> = 0xfff_c000_0003..<0xfff_c000_0003 + 1 << 20
    let allocator = try RangeBench(numbers)
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
    let allocator = try RangeBench(100..<200)
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
    var allocator = try RangeBench(511..<511 + 514)
    #expect(allocator.take(514, order: 9, at: 1) == 511..<1025)
    allocator = try RangeBench(512..<512 + 514)
    #expect(allocator.take(514, order: 9, at: 1) == nil)
    #expect(allocator.take(3, order: 9, at: 1) == 1023..<1026)
    #expect(allocator.take(3, order: 9, at: 0) == 512..<515)
    #expect(allocator.take(3, order: 9, at: 0) == nil)
    // The aligned number need not be one of those taken.
    #expect(allocator.take(2, order: 8, at: 200) == 568..<570)
  }

  @Test func partsEndOneByOne() throws {
    let allocator = try RangeBench(0..<1000)
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
      let allocator = try RangeBench(0..<1000)
      allocator.giveBack(allocator.take(10)!.lowerBound)
    }
    await #expect(processExitsWith: .failure) {
      let allocator = try RangeBench(0..<1000)
      let first = allocator.take(10)!.lowerBound
      _ = allocator.removePart(of: first)
      _ = allocator.removePart(of: first)
    }
    await #expect(processExitsWith: .failure) {
      let allocator = try RangeBench(0..<1000)
      allocator.addPart(of: 5)
    }
    await #expect(processExitsWith: .success) {
      let allocator = try RangeBench(0..<1000)
      let first = allocator.take(10)!.lowerBound
      _ = allocator.removePart(of: first)
      allocator.giveBack(first)
    }
  }
}
