// The judge of slots on trial: what they say of frames that the page table uses.

import Frames
import Oracle
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20

@Suite struct SlotOwnershipTests {
  /// RAM with a kernel in it and a hole behind it.
  private static let reports = [
    Report(0, 32 * mib, .usable), Report(2 * mib, 2 * mib + 0x2000, .kernel),
    Report(32 * mib, 33 * mib, .reserved),
  ]
  private static let oracle = Oracle.Machine(
    windows: Windows(levels: 4), gigabytePages: false, ram: [0..<32 * mib], text: 0..<0,
    readOnly: [2 * mib..<2 * mib + 0x2000])

  private func violations(_ change: (SimulatedMachine) throws -> Void) throws -> [String] {
    let machine = try SimulatedMachine(Self.reports)
    try change(machine)
    return machine.slots.violations(of: machine.snapshot, on: Self.oracle)
  }

  @Test func good() throws { #expect(try violations { _ in } == []) }

  @Test func aTable() throws {
    var table: UInt64 = 0
    let found = try violations { machine in
      table = machine.snapshot.tables.last!.physical >> 12
      machine.setSlot(of: table, .unused)
    }
    #expect(
      found == [
        "frame 0x\(String(table, radix: 16)), a table of level 1: its slot is unused none 0"
      ])
  }

  @Test func slots() throws {
    let found = try violations { $0.setSlot(of: $0.slots.pages[0].physical >> 12, .unused) }
    #expect(found.count == 1 && found[0].contains(", holds slots: its slot is unused none 0"))
  }

  @Test func text() throws {
    let found = try violations { $0.setSlot(of: 0x201, Slot(.shared, .data, count: 1)) }
    #expect(found == ["frame 0x201, kernel text: its slot is shared data 1"])
  }

  @Test func notRAM() throws {
    let found = try violations { $0.setSlot(of: 0x1000, Slot(.reserved, .notRAM)) }
    #expect(found == ["0x1000000..<0x1001000 is RAM, and its slots deny it"])
  }
}
