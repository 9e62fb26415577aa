// Frames that run out: for what was asked, for the slots that it needs, for the tables of those.

import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

@Suite struct FrameShortageTests {
  private func run(_ frames: Range<UInt64>, _ slot: Slot) -> SlotRun { SlotRun(frames, slot) }
  private static let data = Slot(.reserved, .data)

  /// Where no run is long enough nothing is changed at all: not a byte of memory.
  @Test func whatIsNotThereIsRefusedUntouched() throws {
    let machine = try SimulatedMachine([
      Report(mib, 32 * mib, .usable), Report(4 * gib, 4 * gib + 8 * mib, .usable),
    ])
    let (free, longest, copy) = (machine.freeCount, machine.longestRun, machine.memory.copy())
    func expectUntouched() {
      #expect(machine.freeCount == free && machine.longestRun == longest)
      #expect(machine.memory.isUnchanged(since: copy))
    }
    #expect(throws: OutOfFrames(needed: Int(longest) + 1, available: Int(longest))) {
      _ = try machine.frames.allocate(longest + 1, as: .data)
    }
    expectUntouched()
    #expect(throws: OutOfFrames(needed: 100, available: Int(longest))) {
      _ = try machine.frames.allocate(100, as: .data, order: 40)
    }
    #expect(throws: OutOfFrames(needed: 100, available: Int(longest))) {
      _ = try machine.frames.allocate(100, as: .data, below: PhysicalAddress(mib + 0x1000))
    }
    #expect(throws: OutOfFrames.self) {
      _ = try machine.frames.allocate(.max, as: .data, isZeroed: true)
    }
    expectUntouched()
    #expect(throws: OutOfFrames(needed: Int(free) + 1, available: Int(free))) {
      try machine.frames.reserve(Int(free) + 1)
    }
    #expect(throws: OutOfFrames(needed: .max, available: Int(free))) {
      try machine.frames.reserve(.max)
    }
    SimulatedPool.with(machine) {
      #expect(throws: OutOfFrames.self) {
        _ = try Segment<SimulatedPool>(frameCount: longest + 1)
      }
      #expect(throws: OutOfFrames.self) {
        _ = try Frame<SimulatedPool>(below: PhysicalAddress(mib + 0x1000))
      }
      #expect(throws: OutOfFrames.self) {
        _ = try UniqueFrame<SimulatedPool>(below: PhysicalAddress(mib + 0x1000), isZeroed: true)
      }
    }
    expectUntouched()
    machine.expectWhole()
  }

  /// Every last frame can be had, as a table or as data, and then there is none.
  @Test(arguments: [false, true]) func everyLastFrameCanBeHad(asTables: Bool) throws {
    let machine = try SimulatedMachine([Report(0, 8 * mib, .usable)])
    let free = machine.freeCount
    var numbers = Set<UInt64>()
    if asTables {
      try machine.frames.reserve(Int(free))
      for _ in 0..<free { numbers.insert(machine.frames.takeFrame().rawValue >> 12) }
      machine.expectWhole(tables: numbers)
    } else {
      for _ in 0..<free { numbers.insert(try machine.frames.allocate(1, as: .data).numbers.first!) }
      machine.expectWhole(
        data: SlotRun.joining(Dictionary(uniqueKeysWithValues: numbers.map { ($0, Self.data) })))
    }
    #expect(UInt64(numbers.count) == free)
    #expect(machine.freeCount == 0 && machine.longestRun == 0)
    #expect(throws: OutOfFrames(needed: 1, available: 0)) { try machine.frames.reserve(1) }
    #expect(throws: OutOfFrames(needed: 1, available: 0)) {
      _ = try machine.frames.allocate(1, as: .data)
    }
    try machine.frames.reserve(0)
    // One that comes back is one that can be had.
    let one = PhysicalAddress(numbers.min()! << 12)
    if asTables {
      machine.frames.giveBack(one)
    } else {
      machine.frames.giveBack(one..<one + 4096)
    }
    #expect(machine.freeCount == 1)
    #expect(throws: OutOfFrames(needed: 2, available: 1)) { try machine.frames.reserve(2) }
    try machine.frames.reserve(1)
    #expect(machine.frames.takeFrame() == one)
  }

  /// The last frames of a section without slots: three of them, or three elsewhere, go to those.
  @Test func slotsTakeTheLastFrames() throws {
    // Ten frames in a section of their own; all of the first section is used up.
    let far = gib >> 12
    let machine = try SimulatedMachine([
      Report(mib, 8 * mib, .usable), Report(gib, gib + 0xa000, .usable),
    ])
    let first = try machine.frames.allocate(
      machine.longestRun, as: .data, below: PhysicalAddress(gib))
    #expect(machine.freeCount == 10)
    for count in [8, 9, 10] {
      #expect(throws: OutOfFrames.self) { try machine.frames.reserve(count) }
      #expect(throws: OutOfFrames.self) {
        _ = try machine.frames.allocate(UInt64(count), as: .data)
      }
      machine.expectWhole(data: [run(first.numbers, Self.data)])
    }
    #expect(machine.freeCount == 10)
    // Sections that lie in the same 2 MiB of slots share a table: here none is.
    let last = try machine.frames.allocate(7, as: .data)
    #expect(last.numbers.clamped(to: far..<far + 10) == last.numbers)
    #expect(machine.freeCount <= 1)
    machine.expectWhole(
      data: [run(first.numbers, Self.data), run(last.numbers, Self.data)])
  }

  /// Slots take frames that were counted as free: a reservation of all of them then fails.
  @Test func slotsTakeWhatWasCountedAsFree() throws {
    let machine = try SimulatedMachine([
      Report(mib, 8 * mib, .usable), Report(gib, gib + 0xa000, .usable),
    ])
    let below = PhysicalAddress(gib)
    let first = try machine.frames.allocate(machine.longestRun - 5, as: .data, below: below)
    #expect(machine.freeCount == 15)
    #expect(throws: OutOfFrames.self) { try machine.frames.reserve(15) }
    machine.expectWhole(data: [run(first.numbers, Self.data)])
    // What is left can be had all the same.
    let free = Int(machine.freeCount)
    #expect(free >= 12)
    try machine.frames.reserve(free)
    var tables = Set<UInt64>()
    for _ in 0..<free { tables.insert(machine.frames.takeFrame().rawValue >> 12) }
    machine.expectWhole(data: [run(first.numbers, Self.data)], tables: tables)
  }

  /// A section whose free frames are too few for its own slots has them elsewhere, also where the
  /// lowest run reaches from it into the next section.
  @Test func aSectionTooFullForItsSlots() throws {
    let machine = try SimulatedMachine([
      Report(mib, 384 * mib, .usable),
      // All of the second section but its last 100 frames: they are free, its slots take 128.
      Report(128 * mib, 256 * mib - 0x6_4000, .module),
    ])
    var data: [UInt64: Slot] = [:]
    let low = try machine.frames.allocate(0x8000 - 0x600, as: .data)
    for frame in low.numbers { data[frame] = Self.data }
    while let frame = try? machine.frames.allocate(1, as: .data, below: PhysicalAddress(128 * mib))
    {
      data[frame.numbers.lowerBound] = Self.data
    }
    let next = try machine.frames.allocate(50, as: .data).numbers
    #expect(next == 0x1_0000 - 100..<0x1_0000 - 50)
    for frame in next { data[frame] = Self.data }
    machine.expectWhole(data: SlotRun.joining(data))
  }

  /// Each frame that is taken here cuts a run in two, and nothing comes back: nodes run short again
  /// and again, to the last frame.
  @Test func everyOtherFrame() throws {
    let machine = try SimulatedMachine([Report(mib, 8 * mib, .usable)])
    let (free, nodes) = (machine.freeCount, machine.bookkeepingFrameCount)
    var data: [UInt64: Slot] = [:]
    while let frame = try? machine.frames.allocate(1, as: .data, order: 1) {
      #expect(frame.numbers.lowerBound % 2 == 0)
      data[frame.numbers.lowerBound] = Self.data
    }
    machine.expectWhole(data: SlotRun.joining(data))
    #expect(machine.longestRun == 1)
    #expect(machine.bookkeepingFrameCount >= nodes + data.count / 64 - 1)
    while let frame = try? machine.frames.allocate(1, as: .data) {
      data[frame.numbers.lowerBound] = Self.data
    }
    #expect(machine.freeCount == 0)
    #expect(data.count + machine.bookkeepingFrameCount - nodes == free)
    machine.expectWhole(data: SlotRun.joining(data))
  }

  /// Looking for a place for slots backs one section after the other, each of which cuts a run:
  /// that may not take the last nodes. It is refused then, and a later try finds new ones.
  @Test func manySectionsWithoutAPlaceForSlots() throws {
    // 100 frames on both sides of a section's start, 150 times: none has 130 frames in a row once
    // its sections have slots. Then a section that a run takes all of, and at last a place.
    let section: UInt64 = 128 * mib
    let cuts = (1...150 as ClosedRange<UInt64>).map {
      Report($0 * 2 * section - 0x6_4000, $0 * 2 * section + 0x6_4000, .usable)
    }
    let machine = try SimulatedMachine(
      [Report(mib, 8 * mib, .usable)] + cuts + [
        Report(310 * section, 311 * section, .usable),
        Report(320 * section, 321 * section, .usable),
      ])
    var data: [UInt64: Slot] = [:]
    // Until few nodes are left, and no 130 frames in a row below the second section.
    while let frame = try? machine.frames.allocate(
      1, as: .data, order: 1, below: PhysicalAddress(8 * mib))
    {
      data[frame.numbers.lowerBound] = Self.data
    }
    var run: Range<UInt64>?
    for _ in 0..<10 where run == nil {
      run = try? machine.frames.allocate(0x8000, as: .data).numbers
      machine.expectWhole(
        data: SlotRun.joining(data) + (run.map { [SlotRun($0, Self.data)] } ?? []))
    }
    #expect(run == 310 * section >> 12..<311 * section >> 12)
  }

  /// Single frames at hand complete a run.
  @Test func singleFramesAtHandCompleteARun() throws {
    let machine = try SimulatedMachine([Report(mib, 16 * mib, .usable)])
    let free = machine.freeCount
    try machine.frames.reserve(50)
    #expect(machine.freeCount == free && machine.longestRun == free - 256)
    let all = try machine.frames.allocate(free, as: .data)
    machine.expectWhole(data: [run(all.numbers, Self.data)])
    machine.frames.giveBack(all)
    // And where some of them are taken, the rest does.
    try machine.frames.reserve(60)
    let table = machine.frames.takeFrame()
    #expect(machine.longestRun < free - 1)
    machine.expectWhole(tables: [table.rawValue >> 12])
    let rest = try machine.frames.allocate(free - 1, as: .data)
    #expect(!rest.contains(table))
    machine.expectWhole(
      data: [run(rest.numbers, Self.data)], tables: [table.rawValue >> 12])
  }
}
