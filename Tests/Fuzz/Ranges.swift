import Frames
import TestSupport

/// Reservations as the bytes say, against a plain list of free ranges.
func fuzzRanges(_ bytes: [UInt8]) -> String? {
  var random = SeededGenerator(bytes)
  let numbers: Range<UInt64> = 0xfff_c000_0003..<0xfff_c000_0003 + 1 << 20
  guard let allocator = try? RangeBench(numbers) else { return "there is nothing to begin with" }
  var reference = FreeList(free: [numbers])
  var live: [Range<UInt64>] = []
  while !random.isExhausted {
    if live.isEmpty || UInt8.random(in: 0..<8, using: &random) < 5 {
      let order = UInt64.random(in: 0...18, using: &random)
      let count = UInt64.random(
        in: 1...UInt64(1) << UInt64.random(in: 0...18, using: &random), using: &random)
      let index = UInt64.random(in: 0...1 << order, using: &random)
      let place = reference.lowestFit(count, order: order, at: index)
      let taken = allocator.take(count, order: order, at: index)
      if taken != place.map({ $0..<$0 + count }) {
        return "\(String(describing: taken)), not \(String(describing: place))"
      }
      guard let taken else { continue }
      reference.take(taken)
      live.append(taken)
    } else {
      live.swapAt(Int.random(in: live.indices, using: &random), live.count - 1)
      let range = live.removeLast()
      let inside = UInt64.random(in: range, using: &random)
      guard let found = allocator.reservation(of: inside), found == (range, 1),
        allocator.removePart(of: inside)
      else { return "the reservation of \(inside) is not \(range)" }
      allocator.giveBack(range.lowerBound)
      reference.giveBack(range)
    }
    let free = reference.free.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
    if allocator.freeCount != free || allocator.count != live.count {
      return "\(allocator.freeCount) free, not \(free); \(allocator.count) taken"
    }
  }
  for range in live {
    guard allocator.removePart(of: range.lowerBound) else { return "\(range) has parts" }
    allocator.giveBack(range.lowerBound)
  }
  return allocator.take(1 << 20) == numbers ? nil : "not all has come together again"
}
