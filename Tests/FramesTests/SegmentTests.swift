// Segments: apart, together, shared, down to none.

import Addressing
import BootInfo
import Foundation
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20

@Suite struct SegmentTests {
  /// The owners of each frame of a range.
  private func counts(_ machine: SimulatedMachine, _ range: Range<PhysicalAddress>) -> [UInt32] {
    let slots = machine.slots
    return range.numbers.map { frame in
      guard let slot = slots[frame], slot.state == .shared, slot.kind == .data else { return 0 }
      return slot.count
    }
  }

  @Test func newSegments() throws {
    let machine = try SimulatedMachine.small()
    let free = machine.freeCount
    try SimulatedPool.with(machine) {
      let one = try Frames(frameCount: 3)
      let two = try Frames(frameCount: 64, order: 6)
      let low = try Frames(frameCount: 10, below: PhysicalAddress(mib))
      let ranges = [one.range, two.range, low.range]
      let sizes = [one.frameCount, two.frameCount, low.frameCount]
      #expect(sizes == [3, 64, 10] && ranges.map { UInt64($0.numbers.count) } == sizes)
      #expect(ranges[1].numbers.lowerBound % 64 == 0)
      #expect(ranges[2].upperBound.rawValue <= mib)
      #expect(machine.freeCount == free - 77)
      for range in ranges { #expect(counts(machine, range).allSatisfy { $0 == 1 }) }
      let addresses = [two[0], two[63]]
      #expect(addresses == [ranges[1].lowerBound, ranges[1].lowerBound + 63 * 4096])
    }
    #expect(machine.freeCount == free)
    machine.expectWhole()
  }

  @Test func split() throws {
    let machine = try SimulatedMachine.small()
    let free = machine.freeCount
    try SimulatedPool.with(machine) {
      var first = try Frames(frameCount: 10)
      let range = first.range
      let second = first.split(at: 4)
      let (a, b) = (first.range, second.range)
      #expect(a == range.lowerBound..<range.lowerBound + 0x4000)
      #expect(b == range.lowerBound + 0x4000..<range.upperBound)
      #expect(counts(machine, range) == Array(repeating: 1, count: 10))
      // Nothing on one side.
      let none = first.split(at: 4)
      let rest = first.split(at: 0)
      let (noneCount, firstCount, restRange) = (none.frameCount, first.frameCount, rest.range)
      #expect(noneCount == 0 && firstCount == 0 && restRange == a)
      _ = consume none
      _ = consume first
      #expect(machine.freeCount == free - 10)
      _ = consume rest
      #expect(machine.freeCount == free - 6)
      #expect(counts(machine, range) == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
      _ = consume second
    }
    #expect(machine.freeCount == free)
    machine.expectWhole()
  }

  @Test func slicesShare() throws {
    let machine = try SimulatedMachine.small()
    let free = machine.freeCount
    try SimulatedPool.with(machine) {
      let whole = try Frames(frameCount: 6)
      let range = whole.range
      let middle = whole.slice(1..<4)
      let again = middle.slice(2..<3)
      let none = middle.slice(1..<1)
      let (middleRange, againRange, noneCount) = (middle.range, again.range, none.frameCount)
      #expect(middleRange == range.lowerBound + 0x1000..<range.lowerBound + 0x4000)
      #expect(againRange == range.lowerBound + 0x3000..<range.lowerBound + 0x4000)
      #expect(noneCount == 0)
      #expect(counts(machine, range) == [1, 2, 2, 3, 1, 1])
      _ = consume whole
      #expect(counts(machine, range) == [0, 1, 1, 2, 0, 0])
      #expect(machine.freeCount == free - 3)
      _ = consume middle
      #expect(counts(machine, range) == [0, 0, 0, 1, 0, 0])
      let copy = try SharedFrame(at: again[0])
      _ = consume again
      #expect(counts(machine, range) == [0, 0, 0, 1, 0, 0])
      _ = consume copy
      _ = consume none
    }
    #expect(machine.freeCount == free)
    machine.expectWhole()
  }

  @Test func frameByFrame() throws {
    let machine = try SimulatedMachine.small()
    let free = machine.freeCount
    try SimulatedPool.with(machine) {
      var segment = try Frames(frameCount: 5)
      let range = segment.range
      var addresses: [PhysicalAddress] = []
      var rebuilt: Frames?
      var left: [UInt64] = []
      while let frame = segment.removeFirst() {
        addresses.append(frame.address)
        left.append(segment.frameCount)
        #expect(counts(machine, range) == [1, 1, 1, 1, 1])
        var optional: SharedFrame? = consume frame
        if rebuilt == nil, let first = optional.take() {
          rebuilt = Frames(first)
        } else {
          let isAppended = rebuilt?.append(&optional)
          let rest = optional?.address
          #expect(isAppended == true && rest == nil)
        }
      }
      #expect(addresses == range.numbers.map { PhysicalAddress($0 << 12) })
      #expect(left == [4, 3, 2, 1, 0])
      let (whole, empty) = (rebuilt?.range, segment.frameCount)
      #expect(whole == range && empty == 0)
      _ = consume segment
      #expect(counts(machine, range) == [1, 1, 1, 1, 1] && machine.freeCount == free - 5)
      rebuilt = nil
      #expect(machine.freeCount == free)
    }
    machine.expectWhole()
  }

  /// A frame that does not follow stays where it is, and an absent one is none.
  @Test func onlyWhatFollowsIsAppended() throws {
    let machine = try SimulatedMachine.small()
    let free = machine.freeCount
    try SimulatedPool.with(machine) {
      var segment = try Frames(frameCount: 8)
      let range = segment.range
      var tail = segment.split(at: 4)
      // The sixth frame; the fourth, which the segment has; the first.
      _ = tail.removeFirst()
      var later = tail.removeFirst()
      var own: SharedFrame? = try SharedFrame(at: segment[3])
      var first: SharedFrame? = try SharedFrame(at: segment[0])
      let taken = [segment.append(&later), segment.append(&own), segment.append(&first)]
      let kept = [later?.address, own?.address, first?.address]
      #expect(taken == [false, false, false])
      #expect(
        kept == [
          range.lowerBound + 0x5000, range.lowerBound + 0x3000, range.lowerBound,
        ])
      #expect(counts(machine, range) == [2, 1, 1, 2, 0, 1, 1, 1])
      var none: SharedFrame?
      let isNone = segment.append(&none)
      let (unchanged, count) = (segment.range, segment.frameCount)
      #expect(!isNone && count == 4 && unchanged == range.lowerBound..<range.lowerBound + 0x4000)
      own = nil
      first = nil
      #expect(counts(machine, range) == [1, 1, 1, 1, 0, 1, 1, 1])
    }
    #expect(machine.freeCount == free)
    machine.expectWhole()
  }

  /// Frames whose other owners are left stay; those around them go back in runs.
  @Test func aSegmentEndsAroundSharedFrames() throws {
    let machine = try SimulatedMachine.small()
    let (free, longest) = (machine.freeCount, machine.longestRun)
    try SimulatedPool.with(machine) {
      let segment = try Frames(frameCount: 200)
      let range = segment.range
      let one = try SharedFrame(at: segment[0])
      let some = segment.slice(100..<103)
      let last = try SharedFrame(at: segment[199])
      _ = consume segment
      #expect(machine.freeCount == free - 5)
      let expected = (0..<200).map { [0, 100, 101, 102, 199].contains($0) ? 1 : 0 as UInt32 }
      #expect(counts(machine, range) == expected)
      _ = consume some
      _ = consume one
      _ = consume last
    }
    #expect(machine.freeCount == free)
    machine.expectWhole()
    // The single frames at hand complete the run again.
    #expect(throws: Never.self) { _ = try machine.frames.allocate(longest, as: .data) }
  }

  @Test func forgottenFramesStayOwned() throws {
    let machine = try SimulatedMachine.small()
    try SimulatedPool.with(machine) {
      let segment = try Frames(frameCount: 2)
      let range = segment.range
      segment.forget()
      machine.expectWhole(data: [SlotRun(range.numbers, Slot(.shared, .data, count: 1))])
    }
  }

  @Test func indicesPastTheEndTrap() async {
    await #expect(processExitsWith: .signal(SIGILL)) {
      try SimulatedPool.with(SimulatedMachine.small()) {
        let segment = try Frames(frameCount: 4)
        _ = segment.slice(0..<4)
        _ = segment[3]
        _ = segment.slice(1..<5)
      }
    }
    await #expect(processExitsWith: .signal(SIGILL)) {
      try SimulatedPool.with(SimulatedMachine.small()) {
        let segment = try Frames(frameCount: 4)
        _ = segment[3]
        _ = segment[4]
      }
    }
    await #expect(processExitsWith: .signal(SIGILL)) {
      try SimulatedPool.with(SimulatedMachine.small()) {
        var segment = try Frames(frameCount: 4)
        _ = segment.split(at: 4)
        _ = segment.split(at: 5)
      }
    }
  }
}
