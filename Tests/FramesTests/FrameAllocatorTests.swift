// Runs of frames against a plain set of frame numbers.

import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

@Suite struct FrameAllocatorTests {
  /// 16 MiB from 1 MiB on, 8 MiB below 4 GiB and 32 MiB above.
  private static let regions: [Range<UInt64>] = [
    0x100..<0x1100, 0xf_f800..<0x10_0000, 0x10_0000..<0x10_2000,
  ]

  private func machine() throws -> SimulatedMachine {
    try SimulatedMachine(
      Self.regions.map { Report($0.lowerBound << 12, $0.upperBound << 12, .usable) })
  }

  /// The runs of frames that nobody uses, by the raw slots and by the regions without any.
  private func unused(_ machine: SimulatedMachine) -> [Range<UInt64>] {
    let slots = machine.slots
    let used = slots.runs.filter { $0.slot != .unused }.map(\.frames)
    return AddressSet(Self.regions).subtracting(AddressSet(used))
  }

  @Test func theRegionsOnBothSidesOf4GiBAreOneRun() throws {
    let machine = try machine()
    #expect(machine.frameCount == 0x3800)
    #expect(machine.longestRun == 0x2800)
    machine.expectWhole()
    // Too long for either side alone.
    let run = try machine.frames.allocate(0x2400, as: .data).numbers
    #expect(run.lowerBound < 0x10_0000 && run.upperBound > 0x10_0000)
    machine.expectWhole(data: [SlotRun(run, Slot(.reserved, .data))])
  }

  @Test func highFramesGoFirstAndLowOnesOnRequest() throws {
    let machine = try machine()
    let lowest = try #require(unused(machine).first?.lowerBound)
    func take(_ count: UInt64, order: UInt64 = 0, below limit: UInt64? = nil) throws -> Range<
      UInt64
    > {
      try machine.frames.allocate(
        count, as: .data, order: order, below: limit.map { PhysicalAddress($0) }
      ).numbers
    }
    #expect(try take(1) == 0x10_0000..<0x10_0001)
    #expect(try take(1, below: 4 * gib) == lowest..<lowest + 1)
    #expect(try take(0x800, order: 9, below: 16 * mib) == 0x400..<0xc00)
    #expect(try take(3, below: (lowest + 4) << 12) == lowest + 1..<lowest + 4)
    // Not a byte past the limit, which need not be a frame's end.
    let after = lowest + 4
    #expect(throws: OutOfFrames.self) { try take(2, below: after << 12 + 0x1fff) }
    #expect(try take(2, below: after << 12 + 0x2000) == after..<after + 2)
    #expect(throws: OutOfFrames.self) { try take(0x800, below: 16 * mib) }
  }

  /// One that is only there across the limit is not had.
  @Test func theFrameBelow4GiBIsTheLast() throws {
    let machine = try machine()
    var highest: UInt64 = 0
    while let one = try? machine.frames.allocate(1, as: .data, below: PhysicalAddress(4 * gib)) {
      highest = max(highest, one.numbers.lowerBound)
    }
    #expect(highest == 0xf_ffff)
    let rest = unused(machine)
    #expect(rest.allSatisfy { $0.lowerBound >= 0x10_0000 })
    #expect(UInt64(rest.joined().count) == machine.freeCount)
  }

  @Test func zeroedFramesAreZeroAndNoOthersAreTouched() throws {
    let machine = try machine()
    func own() -> Set<UInt64> {
      Set(
        machine.slots.runs.filter { $0.slot.state == .reserved && $0.slot.kind != .data }
          .map(\.frames).joined())
    }
    let taken = try machine.frames.allocate(3, as: .data, isZeroed: true).numbers
    let words = machine.memory.readTables(taken.map { $0 << 12 })
    #expect(words.joined().allSatisfy { $0 == 0 })
    _ = try machine.frames.allocate(5, as: .data)
    let touched = Set(machine.memory.handedOut.map { $0.rawValue >> 12 })
    #expect(touched.subtracting(taken) == own().intersection(touched))
  }

  /// Random runs of every size and alignment: disjoint, aligned, below their limit, the lowest that
  /// fit; and the statistics add up to RAM all the time. In the end all of it comes together again.
  @Test(arguments: 1...4) func agreesWithASet(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let machine = try machine()
    var data: [UInt64: Slot] = [:]
    var taken: [Range<UInt64>] = []
    var own = machine.usedCount
    for step in 0..<4000 {
      if taken.isEmpty || Int.random(in: 0..<5, using: &random) > 1 {
        let count = UInt64.random(in: 1...(Bool.random(using: &random) ? 4 : 600), using: &random)
        let order = UInt64.random(in: 0...10, using: &random)
        let limit: UInt64? = Bool.random(using: &random) ? 0x10_0000 : nil
        guard
          let range = try? machine.frames.allocate(
            count, as: .data, order: order, below: limit.map { PhysicalAddress($0 << 12) }
          ).numbers
        else { continue }
        #expect(UInt64(range.count) == count && range.lowerBound % (1 << order) == 0)
        #expect(range.upperBound <= limit ?? .max)
        #expect(Self.regions.contains { $0.contains(range.lowerBound) })
        for frame in range {
          #expect(data.updateValue(Slot(.reserved, .data), forKey: frame) == nil)
        }
        taken.append(range)
      } else {
        taken.swapAt(Int.random(in: taken.indices, using: &random), taken.count - 1)
        let range = taken.removeLast()
        for frame in range { data[frame] = nil }
        machine.frames.giveBack(
          PhysicalAddress(range.lowerBound << 12)..<PhysicalAddress(range.upperBound << 12))
      }
      // What the allocator has itself only grows.
      let now = machine.usedCount - UInt64(data.count)
      #expect(now >= own && machine.freeCount + machine.usedCount == machine.frameCount)
      own = now
      if step % 400 == 0 {
        machine.expectWhole(data: SlotRun.joining(data))
        #expect(machine.longestRun == unused(machine).map { UInt64($0.count) }.max() ?? 0)
      }
    }
    for range in taken {
      machine.frames.giveBack(
        PhysicalAddress(range.lowerBound << 12)..<PhysicalAddress(range.upperBound << 12))
    }
    machine.expectWhole()
    #expect(machine.longestRun == unused(machine).map { UInt64($0.count) }.max())
  }
}
