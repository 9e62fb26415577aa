// The free ranges against a plain set of numbers that knows nothing of trees.

import Addressing
import Frames
import TestSupport
import Testing

/// The reference: one flag a number.
private struct Model {
  var free: [Bool]

  init(_ size: Int) { free = Array(repeating: false, count: size) }

  /// The maximal runs of free numbers.
  var ranges: [Range<UInt64>] {
    var ranges: [Range<UInt64>] = []
    for number in free.indices where free[number] {
      let number = UInt64(number)
      if let last = ranges.last, last.upperBound == number {
        ranges[ranges.count - 1] = last.lowerBound..<number + 1
      } else {
        ranges.append(number..<number + 1)
      }
    }
    return ranges
  }

  func lowestFit(_ count: UInt64, order: UInt64, in bounds: Range<UInt64>) -> UInt64? {
    var place = ((bounds.lowerBound + (1 << order) - 1) >> order) << order
    while place < bounds.upperBound, bounds.upperBound - place >= count {
      if free[Int(place)..<Int(place + count)].allSatisfy({ $0 }) { return place }
      place += 1 << order
    }
    return nil
  }

  mutating func set(_ range: Range<UInt64>, _ value: Bool) {
    for number in range { free[Int(number)] = value }
  }
}

@Suite struct FreeRangesTests {
  private static let size: UInt64 = 700

  /// Compares all that the set says with the model.
  private func check(
    _ ranges: borrowing FreeRanges<SimulatedMemory>, _ model: Model
  ) {
    let expected = model.ranges
    let count = ranges.count
    #expect(count == UInt64(model.free.count(where: { $0 })))
    let longest = ranges.longest
    #expect(longest == expected.map { $0.upperBound - $0.lowerBound }.max() ?? 0)
    for range in expected {
      for number in [range.lowerBound, range.upperBound - 1] {
        let found = ranges.find(number)
        #expect(found == range)
      }
    }
    for number in model.free.indices where !model.free[number] {
      let found = ranges.find(UInt64(number))
      #expect(found == nil)
    }
  }

  @Test(arguments: 1...8) func agreesWithTheModel(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var frames = SimulatedFrames(of: SimulatedMemory(byteCount: 1 << 20))
    var ranges = FreeRanges(memory: frames.memory)
    var model = Model(Int(Self.size))
    for step in 0..<4000 {
      if ranges.spareCount < 2 {
        try frames.reserve(1)
        ranges.lend(frames.takeFrame())
      }
      let order = UInt64.random(in: 0...5, using: &random)
      let count = UInt64.random(in: 1...40, using: &random)
      let low = UInt64.random(in: 0..<Self.size, using: &random)
      let bounds = low..<UInt64.random(in: low...Self.size, using: &random)
      let place = ranges.lowestFit(count, order: order, in: bounds)
      #expect(place == model.lowestFit(count, order: order, in: bounds))
      if Bool.random(using: &random), let place {
        ranges.remove(place..<place + count)
        model.set(place..<place + count, false)
      } else {
        // Give back a used stretch, from a random number on.
        var end = low
        while end < min(low + count, Self.size), !model.free[Int(end)] { end += 1 }
        guard low < end else { continue }
        ranges.insert(low..<end)
        model.set(low..<end, true)
      }
      if step % 50 == 0 { check(ranges, model) }
    }
    check(ranges, model)
  }

  /// A hundred thousand operations on many small ranges, and all comes together again in the end.
  @Test func comesTogetherAgain() throws {
    var random = SeededGenerator(seed: 9)
    var frames = SimulatedFrames(of: SimulatedMemory(byteCount: 1 << 20))
    var ranges = FreeRanges(memory: frames.memory)
    let whole: Range<UInt64> = 1 << 20..<1 << 20 + 50_000
    func lend(_ ranges: inout FreeRanges<SimulatedMemory>) throws {
      guard ranges.spareCount < 2 else { return }
      try frames.reserve(1)
      ranges.lend(frames.takeFrame())
    }
    try lend(&ranges)
    ranges.insert(whole)
    var taken: [Range<UInt64>] = []
    for _ in 0..<100_000 {
      try lend(&ranges)
      if taken.isEmpty || Bool.random(using: &random) {
        let count = UInt64.random(in: 1...8, using: &random)
        guard let place = ranges.lowestFit(count, order: 0, in: whole) else { continue }
        ranges.remove(place..<place + count)
        taken.append(place..<place + count)
      } else {
        taken.swapAt(Int.random(in: taken.indices, using: &random), taken.count - 1)
        ranges.insert(taken.removeLast())
      }
    }
    let count = ranges.count
    #expect(count == 50_000 - taken.reduce(0) { $0 + UInt64($1.count) })
    for range in taken {
      try lend(&ranges)
      ranges.insert(range)
    }
    let (longest, found) = (ranges.longest, ranges.find(whole.lowerBound))
    #expect(longest == 50_000)
    #expect(found == whole)
  }

  /// Numbers at the ends of what 64 bits hold neither wrap nor trap.
  @Test func extremes() throws {
    var frames = SimulatedFrames(of: SimulatedMemory(byteCount: 1 << 20))
    var ranges = FreeRanges(memory: frames.memory)
    try frames.reserve(1)
    ranges.lend(frames.takeFrame())
    ranges.insert(0..<3)
    ranges.insert(UInt64.max - 5..<UInt64.max)
    let places = [
      ranges.lowestFit(4, order: 0, in: 0..<UInt64.max),
      ranges.lowestFit(4, order: 3, in: 0..<UInt64.max),
      ranges.lowestFit(1, order: 63, in: 1..<UInt64.max),
      ranges.lowestFit(3, order: 10, in: 0..<UInt64.max),
    ]
    #expect(places == [UInt64.max - 5, nil, nil, 0])
  }
}
