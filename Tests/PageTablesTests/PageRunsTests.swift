// The planner against brute force: page by page, always the largest that fits here.

import Addressing
import PageTables
import TestSupport
import Testing

private func plan(
  _ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, largest: PageSize
) -> [PageRun] {
  var runs = PageRuns(virtual, to: physical, largest: largest)
  var list: [PageRun] = []
  while let run = runs.next() { list.append(run) }
  return list
}

/// A range to cut, in raw numbers.
private struct Piece: CustomStringConvertible {
  var virtual: UInt64
  var physical: UInt64
  var byteCount: UInt64
  var largest: PageSize

  var range: Range<VirtualAddress> { VirtualAddress(virtual)..<VirtualAddress(virtual + byteCount) }
  var plan: [PageRun] {
    PageTablesTests.plan(range, to: PhysicalAddress(physical), largest: largest)
  }
  var description: String {
    "\(String(virtual, radix: 16)) to \(String(physical, radix: 16)), "
      + "\(String(byteCount, radix: 16)) bytes, largest \(largest)"
  }

  /// One page after the other.
  func bruteForce() -> [(virtual: UInt64, physical: UInt64, size: PageSize)] {
    var pages: [(virtual: UInt64, physical: UInt64, size: PageSize)] = []
    var done: UInt64 = 0
    while done < byteCount {
      var best = PageSize.size4KiB
      for size in [PageSize.size2MiB, .size1GiB] where size <= largest {
        let bytes = size.byteCount
        if (virtual + done) % bytes == 0, (physical + done) % bytes == 0,
          byteCount - done >= bytes
        {
          best = size
        }
      }
      pages.append((virtual + done, physical + done, best))
      done += best.byteCount
    }
    return pages
  }

  /// Anything from nothing to a few GiB, with both bounds often at or next to a boundary of large
  /// pages. Where only 4 KiB pages fit the range is kept short, for the sake of brute force.
  static func random(_ generator: inout SeededGenerator) -> Piece {
    let sizes: [PageSize] = [.size4KiB, .size2MiB, .size1GiB]
    let largest = sizes.randomElement(using: &generator)!
    let congruent = sizes.randomElement(using: &generator)!
    func bound() -> UInt64 {
      let indices: [UInt64] = [0, 0, 1, 2, 511, .random(in: 0..<512, using: &generator)]
      return .random(in: 0..<5, using: &generator) << 30
        + indices.randomElement(using: &generator)! << 21
        + indices.randomElement(using: &generator)! << 12
    }
    let half: UInt64 = Bool.random(using: &generator) ? 0 : 0xffff_8000_0000_0000
    let bounds = [bound(), bound()].sorted()
    let virtual = half + bounds[0]
    let physical = bound() & ~congruent.offsetMask | virtual & congruent.offsetMask
    var byteCount = bounds[1] - bounds[0]
    if min(largest, congruent) == .size4KiB { byteCount &= 0x7f_ffff }
    return Piece(virtual: virtual, physical: physical, byteCount: byteCount, largest: largest)
  }
}

@Suite struct PageRunsTests {
  @Test(arguments: 0..<4)
  func agreesWithBruteForce(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var runCounts: Set<Int> = []
    for _ in 0..<1000 {
      let piece = Piece.random(&generator)
      let plan = piece.plan
      runCounts.insert(plan.count)
      var pages = piece.bruteForce()[...]
      for run in plan {
        let mine = pages.prefix(Int(run.pageCount))
        pages = pages.dropFirst(Int(run.pageCount))
        guard mine.count == run.pageCount, mine.first!.virtual == run.virtual.lowerBound.rawValue,
          mine.first!.physical == run.physical.rawValue,
          mine.allSatisfy({ $0.size == run.size }), pages.first?.size != run.size,
          run.virtual.byteCount == run.pageCount * run.size.byteCount
        else {
          Issue.record("\(piece): \(run) is not what brute force has")
          return
        }
      }
      if !pages.isEmpty {
        Issue.record("\(piece): the plan ends before \(pages.first!)")
        return
      }
    }
    #expect(runCounts == Set(0...5))
  }

  @Test func aMixedRangeHasFiveRuns() {
    let piece = Piece(
      virtual: 0xffff_8000_3fdf_f000, physical: 0x3fdf_f000,
      byteCount: 0x1000 + 0x20_0000 + 0x8000_0000 + 0x40_0000 + 0x2000, largest: .size1GiB)
    let runs = piece.plan
    #expect(
      runs.map(\.size) == [.size4KiB, .size2MiB, .size1GiB, .size2MiB, .size4KiB])
    #expect(runs.map(\.pageCount) == [1, 1, 2, 2, 2])
    #expect(
      runs.map(\.physical.rawValue) == [
        0x3fdf_f000, 0x3fe0_0000, 0x4000_0000, 0xc000_0000, 0xc040_0000,
      ])
  }

  @Test func anEmptyRangeHasNoRuns() {
    let piece = Piece(virtual: 0x1000, physical: 0x1000, byteCount: 0, largest: .size1GiB)
    #expect(piece.plan.isEmpty)
  }

  /// The last range that has an end: no page boundary above it is a number.
  @Test func theEndOfTheAddressSpaceIsNoOverflow() {
    for physical: UInt64 in [0x1f_f000, 0x20_0000] {
      let piece = Piece(
        virtual: 0xffff_ffff_ffdf_f000, physical: physical, byteCount: 0x20_0000,
        largest: .size1GiB)
      #expect(piece.plan.map(\.pageCount) == [512])
    }
  }

  @Test(arguments: [PageSize.size4KiB, .size2MiB, .size1GiB])
  func noPageIsLargerThanAllowed(largest: PageSize) {
    let piece = Piece(virtual: 0, physical: 0, byteCount: 1 << 32, largest: largest)
    #expect(piece.plan.map(\.size) == [largest])
    #expect(piece.plan.map(\.pageCount) == [1 << 32 / largest.byteCount])
  }
}
