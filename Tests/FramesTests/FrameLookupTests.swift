// One more owner of the frame at an address: where there is none to be had, the error says why.

import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

@Suite struct FrameLookupTests {
  private func machine() throws -> SimulatedMachine {
    try SimulatedMachine([
      Report(0, 0x8_0000, .usable), Report(mib, 64 * mib, .usable),
      Report(2 * mib, 2 * mib + 0x3000, .kernel), Report(3 * mib, 3 * mib + 0x2000, .module),
      Report(5 * mib, 5 * mib + 0x2000, .bootInformation),
      Report(256 * mib, 256 * mib + 0x2000, .acpi), Report(256 * mib + 0x2000, 257 * mib, .nvs),
      Report(257 * mib, 258 * mib, .usable),
      Report(300 * mib, 301 * mib, .reserved), Report(301 * mib, 302 * mib, .unusable),
      Report(302 * mib, 303 * mib, .framebuffer), Report(303 * mib, 304 * mib, .persistent),
      Report(4 * gib, 4 * gib + 64 * mib, .usable), Report(5 * gib, 6 * gib, .reserved),
      Report(6 * gib, 9 * gib, .usable), Report(7 * gib, 8 * gib, .module),
      Report(9 * gib, 11 * gib, .reserved),
    ])
  }

  private func error(at address: UInt64) -> FrameError? {
    do throws(FrameError) {
      let frame = try Frame<SimulatedPool>(at: PhysicalAddress(address))
      #expect(frame.address.rawValue == address)
      return nil
    } catch {
      return error
    }
  }

  @Test func errorsByName() throws {
    let machine = try machine()
    SimulatedPool.with(machine) {
      let copy = machine.memory.copy()
      for address in [1, 0xfff, mib + 8, 4 * gib + 1, 1 << 51 + 1, .max] as [UInt64] {
        #expect(error(at: address) == .misaligned(PhysicalAddress(address)))
      }
      // RAM ends here; what is no RAM goes on.
      for address in [9 * gib, 10 * gib, 1 << 45, 1 << 52, .max << 12] as [UInt64] {
        #expect(error(at: address) == .outOfRange(PhysicalAddress(address)))
      }
      let noRAM = [
        0x8_0000, mib - 0x1000, 64 * mib, 258 * mib, 300 * mib, 301 * mib, 302 * mib,
        303 * mib + 0x1000,
        4 * gib - 0x1000,
      ]
      for address in noRAM { #expect(error(at: address) == .notRAM(PhysicalAddress(address))) }
      // Backed; boot information; not backed.
      let slots = machine.slots
      for address in [32 * mib, 5 * mib, 257 * mib, 4 * gib] {
        #expect(slots[address >> 12] == (address < 128 * mib ? .unused : nil))
        #expect(error(at: address) == .unused(PhysicalAddress(address)))
      }
      #expect(machine.memory.isUnchanged(since: copy))
    }
  }

  @Test func everyKindThatTheKernelHas() throws {
    let machine = try machine()
    let other = try machine.frames.allocate(1, as: .data).lowerBound
    try machine.frames.reserve(1)
    let table = machine.frames.takeFrame()
    let slots = machine.slots
    // The firmware's section has no slots yet, which makes no difference.
    #expect(slots[256 * mib >> 12] == nil)
    var expected: [(UInt64, FrameKind)] = [
      (0, .firmware), (256 * mib, .firmware), (257 * mib - 0x1000, .firmware),
      (0x7_f000, .trampoline), (2 * mib, .kernel), (2 * mib + 0x2000, .kernel),
      (3 * mib + 0x1000, .module), (7 * gib, .module),
      (table.rawValue, .pageTable), (other.rawValue, .data),
    ]
    for page in slots.pages { expected.append((page.physical, .metadata)) }
    for table in machine.snapshot.tables { expected.append((table.physical, .pageTable)) }
    let nodes = slots.runs.filter { $0.slot == Slot(.reserved, .bookkeeping) }
    #expect(nodes.count > 0)
    for frame in nodes.map(\.frames).joined() { expected.append((frame << 12, .bookkeeping)) }
    SimulatedPool.with(machine) {
      for (address, kind) in expected {
        #expect(error(at: address) == .reserved(PhysicalAddress(address), kind))
      }
    }
    // The same with slots.
    while machine.slots[256 * mib >> 12] == nil {
      _ = try machine.frames.allocate(256, as: .data, below: PhysicalAddress(304 * mib))
    }
    #expect(machine.slots[256 * mib >> 12] == Slot(.reserved, .firmware))
    SimulatedPool.with(machine) {
      for (address, kind) in expected {
        #expect(error(at: address) == .reserved(PhysicalAddress(address), kind))
      }
    }
  }

  /// Frames whose last owner waits for a flush; one that has another owner is not among them.
  @Test func busyFrames() throws {
    let machine = try machine()
    try SimulatedPool.with(machine) {
      let segment = try Frames(frameCount: 3)
      let range = segment.range
      let other = try SharedFrame(at: segment[1])
      segment.forget()
      machine.frames.setBusy(range)
      let slots = machine.slots
      let states = range.numbers.map { slots[$0] }
      let busy = Slot(.busy, .data, count: 1)
      #expect(states == [busy, Slot(.shared, .data, count: 2), busy])
      #expect(error(at: range.lowerBound.rawValue) == .busy(range.lowerBound))
      #expect(error(at: range.lowerBound.rawValue + 0x1000) == nil)
      #expect(
        error(at: range.lowerBound.rawValue + 0x2000) == .busy(range.lowerBound + 0x2000))
      machine.frames.release(range)
      #expect(machine.slot(of: range.lowerBound) == .unused)
      #expect(machine.slot(of: other.address) == Slot(.shared, .data, count: 1))
    }
    machine.expectWhole()
  }

  @Test func ownedFrames() throws {
    let machine = try machine()
    try SimulatedPool.with(machine) {
      let shared = try Frame<SimulatedPool>()
      #expect(error(at: shared.address.rawValue) == nil)
      let count = shared.ownerCount
      #expect(count == 1)
      let unique = try UniqueFrame<SimulatedPool>()
      let address = unique.address
      #expect(error(at: address.rawValue) == .exclusivelyOwned(address))
      let low = try Frame<SimulatedPool>(below: PhysicalAddress(16 * mib))
      let lowAddress = low.address.rawValue
      #expect(lowAddress < 16 * mib)
      #expect(error(at: lowAddress) == nil)
      #expect(error(at: lowAddress + 8) == .misaligned(PhysicalAddress(lowAddress + 8)))
      _ = consume low
      #expect(error(at: lowAddress) == .unused(PhysicalAddress(lowAddress)))
      _ = consume unique
      #expect(error(at: address.rawValue) == .unused(address))
      #expect(error(at: shared.address.rawValue) == nil)
    }
    machine.expectWhole()
  }
}
