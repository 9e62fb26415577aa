// Single frames at hand: the allocator as a pool of table frames.

import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

@Suite struct SingleFramesTests {
  private func take(_ count: Int, of machine: SimulatedMachine) throws -> [UInt64] {
    try machine.frames.reserve(count)
    return (0..<count).map { _ in machine.frames.takeFrame().rawValue >> 12 }
  }

  private func giveBack(_ tables: some Sequence<UInt64>, to machine: SimulatedMachine) {
    for table in tables { machine.frames.giveBack(PhysicalAddress(table << 12)) }
  }

  /// How many free frames are in no run: those at hand, where RAM is one stretch.
  private func atHand(_ machine: SimulatedMachine) -> UInt64 {
    machine.freeCount - machine.longestRun
  }

  @Test func aTableIsMarkedAndComesBack() throws {
    let machine = try SimulatedMachine.small()
    let free = machine.freeCount
    let copy = machine.memory.handedOut
    let tables = try take(40, of: machine)
    #expect(Set(tables).count == 40 && machine.freeCount == free - 40)
    machine.expectWhole(tables: Set(tables))
    // Their content is nobody's business.
    #expect(machine.memory.handedOut == copy)
    giveBack(tables.prefix(20), to: machine)
    #expect(machine.freeCount == free - 20)
    machine.expectWhole(tables: Set(tables.dropFirst(20)))
    giveBack(tables.dropFirst(20), to: machine)
    #expect(machine.freeCount == free)
    machine.expectWhole()
  }

  /// The last that came back goes first, and new ones go in a row.
  @Test func order() throws {
    let machine = try SimulatedMachine.small()
    let tables = try take(10, of: machine)
    #expect(tables == Array(tables[0]..<tables[0] + 10))
    giveBack(tables, to: machine)
    #expect(try take(10, of: machine) == tables.reversed())
  }

  /// A reservation takes a batch at least, and no more than it was asked for where that is larger.
  @Test func reservations() throws {
    let machine = try SimulatedMachine([Report(mib, 32 * mib, .usable)])
    let before = atHand(machine)
    try machine.frames.reserve(0)
    #expect(atHand(machine) == before)
    try machine.frames.reserve(3)
    #expect(atHand(machine) == before + 256)
    // A promise kept is none renewed: the frames are there.
    try machine.frames.reserve(256)
    #expect(atHand(machine) == before + 256)
    try machine.frames.reserve(1000)
    #expect(atHand(machine) == before + 1000)
    let free = machine.freeCount
    var numbers = Set<UInt64>()
    for _ in 0..<1000 { numbers.insert(machine.frames.takeFrame().rawValue >> 12) }
    #expect(numbers.count == 1000 && machine.freeCount == free - 1000)
    machine.expectWhole(tables: numbers)
  }

  /// However many come back, 128 are kept at hand at most; the rest joins its neighbours.
  @Test(arguments: [128, 129, 130, 1000]) func fewAreKept(count: Int) throws {
    let machine = try SimulatedMachine([Report(mib, 32 * mib, .usable)])
    let (before, longest) = (atHand(machine), machine.longestRun)
    let tables = try take(count, of: machine)
    for (index, table) in tables.enumerated() {
      giveBack([table], to: machine)
      // In runs: those that came back first, at the bottom of one stretch.
      let kept = machine.slots.runs.filter { $0.slot == .unused }
      #expect(index % 100 != 99 || kept.count <= 2)
    }
    let free = machine.freeCount
    #expect(free == longest + before)
    // The last of them, all at hand: a run of all the others is there at once.
    let all = try machine.frames.allocate(free - before, as: .data)
    #expect(UInt64(all.numbers.count) == longest)
  }

  @Test func manyThatComeBackScatteredAreRunsAgain() throws {
    var random = SeededGenerator(seed: 5)
    let machine = try SimulatedMachine([Report(mib, 32 * mib, .usable)])
    let (before, longest) = (atHand(machine), machine.longestRun)
    let tables = try take(3000, of: machine)
    giveBack(tables.shuffled(using: &random), to: machine)
    // The nodes that the pieces needed stay.
    let nodes = longest + before - machine.freeCount
    #expect(nodes <= 3000 / 64 + 1)
    machine.expectWhole()
    // 128 frames at hand cut what is free into at most 129 runs.
    #expect(machine.longestRun >= (longest - nodes - 128) / 129)
    // All that is left comes together.
    let slots = machine.slots
    let runs = AddressSet(slots.runs.filter { $0.slot == .unused }.map(\.frames)).ranges
    let largest = try #require(runs.map { UInt64($0.count) }.max())
    _ = try machine.frames.allocate(largest, as: .data)
  }

  /// Tables of a page table that is built from the allocator.
  @Test func tablesOfAPageTable() throws {
    let machine = try SimulatedMachine([Report(0, 512 * mib, .usable)])
    let free = machine.freeCount
    let start = machine.layout.vmalloc.lowerBound
    for index in 0..<20 as Range<UInt64> {
      let page = start + index << 30
      // Nothing was ever taken from this table: the token is empty, and may be dropped.
      try machine.kernelTable.map(
        page..<page + 0x3000, to: PhysicalAddress(index << 20), .kernel(.write),
        largest: .size4KiB, from: &machine.frames)
    }
    // The audit compares the slots with the tables that the oracle finds.
    machine.expectWhole()
    #expect(machine.freeCount == free - 40)
  }
}
