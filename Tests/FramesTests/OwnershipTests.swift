// Frame and UniqueFrame: what the slot counts, who may write, and when the frame is free again.

import Addressing
import BootInfo
import Foundation
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20

typealias SharedFrame = Frame<SimulatedPool>
typealias SoleFrame = UniqueFrame<SimulatedPool>
typealias Frames = Segment<SimulatedPool>

extension SimulatedMachine {
  /// 32 MiB and a bit below 1 MiB.
  static func small() throws -> SimulatedMachine {
    try SimulatedMachine([Report(0, 0x8_0000, .usable), Report(mib, 32 * mib, .usable)])
  }

  func slot(of address: PhysicalAddress) -> Slot? { slots[address.rawValue >> 12] }
}

@Suite struct OwnershipTests {
  @Test func theSlotCountsOwners() throws {
    let machine = try SimulatedMachine.small()
    let free = machine.freeCount
    try SimulatedPool.with(machine) {
      let first = try SharedFrame()
      let address = first.address
      func expect(_ count: UInt32) {
        #expect(machine.slot(of: address) == Slot(.shared, .data, count: count))
        #expect(machine.freeCount == free - 1)
      }
      expect(1)
      let second = first.share()
      expect(2)
      let third = try SharedFrame(at: address)
      expect(3)
      let fourth = third.share()
      let counts = [first.ownerCount, fourth.ownerCount]
      #expect(counts == [4, 4])
      let addresses = [second.address, third.address, fourth.address]
      #expect(addresses == [address, address, address])
      _ = consume first
      expect(3)
      _ = consume third
      _ = consume second
      expect(1)
      let count = fourth.ownerCount
      #expect(count == 1)
      machine.expectWhole(
        data: [
          SlotRun(
            address.rawValue >> 12..<address.rawValue >> 12 + 1, Slot(.shared, .data, count: 1))
        ])
      _ = consume fourth
      #expect(machine.slot(of: address) == .unused)
    }
    #expect(machine.freeCount == free)
    machine.expectWhole()
  }

  @Test func onlyTheSoleOwnerMayOwnExclusively() throws {
    let machine = try SimulatedMachine.small()
    let free = machine.freeCount
    try SimulatedPool.with(machine) {
      let frame = try SharedFrame()
      let address = frame.address
      var shared: SharedFrame? = consume frame
      func expectExclusive(_ isExclusive: Bool, count: UInt32) {
        #expect(
          machine.slot(of: address)
            == Slot(isExclusive ? .exclusive : .shared, .data, count: count))
        #expect(machine.freeCount == free - 1)
      }
      let other = shared?.share()
      var refused = SoleFrame(&shared)?.address
      var kept = shared?.address
      #expect(refused == nil && kept == address)
      expectExclusive(false, count: 2)
      _ = consume other

      var unique = SoleFrame(&shared)
      let granted = unique?.address
      kept = shared?.address
      #expect(granted == address && kept == nil)
      expectExclusive(true, count: 1)
      // There is none in the optional now.
      refused = SoleFrame(&shared)?.address
      #expect(refused == nil)
      expectExclusive(true, count: 1)

      if let sole = unique.take() { shared = SharedFrame(sole) }
      let (again, count) = (shared?.address, shared?.ownerCount)
      #expect(again == address && count == 1)
      expectExclusive(false, count: 1)
      shared = nil
      #expect(machine.slot(of: address) == .unused)
    }
    #expect(machine.freeCount == free)
    machine.expectWhole()
  }

  @Test func aNewFrameIsExclusive() throws {
    let machine = try SimulatedMachine.small()
    let free = machine.freeCount
    try SimulatedPool.with(machine) {
      let one = try SoleFrame()
      let two = try SoleFrame(below: PhysicalAddress(mib))
      let addresses = [one.address, two.address]
      #expect(addresses[0] != addresses[1] && addresses[1].rawValue < mib)
      for address in addresses {
        #expect(machine.slot(of: address) == Slot(.exclusive, .data, count: 1))
      }
      #expect(machine.freeCount == free - 2)
    }
    #expect(machine.freeCount == free)
    machine.expectWhole()
  }

  @Test func bytesAreThoseOfTheFrame() throws {
    let machine = try SimulatedMachine.small()
    try SimulatedPool.with(machine) {
      var unique = try SoleFrame()
      let address = unique.address.rawValue
      var bytes = unique.mutableBytes
      let count = bytes.byteCount
      #expect(count == 4096)
      for index in 0..<512 {
        bytes.storeBytes(of: UInt64(index) << 32 | 0xabcd, toByteOffset: 8 * index, as: UInt64.self)
      }
      let words = machine.memory.readTables([address])[0]
      #expect(words == (0..<512).map { UInt64($0) << 32 | 0xabcd })
      let last = unique.bytes.unsafeLoad(fromByteOffset: 4088, as: UInt64.self)
      #expect(last == 511 << 32 | 0xabcd)
      // Another value of the same frame reads the same.
      let shared = SharedFrame(unique)
      let (read, size) = (
        shared.bytes.unsafeLoad(fromByteOffset: 80, as: UInt64.self), shared.bytes.byteCount
      )
      #expect(read == 10 << 32 | 0xabcd && size == 4096)
    }
  }

  /// What the last owner wrote is gone where zeros are asked for, and there where they are not.
  @Test func zeroedFrames() throws {
    let machine = try SimulatedMachine.small()
    try SimulatedPool.with(machine) {
      var addresses: [UInt64] = []
      for isZeroed in [false, true] {
        var old = try SoleFrame()
        addresses.append(old.address.rawValue)
        var bytes = old.mutableBytes
        for index in 0..<512 {
          bytes.storeBytes(of: .max, toByteOffset: 8 * index, as: UInt64.self)
        }
        _ = consume old
        let new = try SharedFrame(isZeroed: isZeroed)
        addresses.append(new.address.rawValue)
        let words = machine.memory.readTables([new.address.rawValue])[0]
        #expect(words.allSatisfy { $0 == (isZeroed ? 0 : .max) })
        let other = try SoleFrame(below: PhysicalAddress(16 * mib), isZeroed: true)
        #expect(machine.memory.readTables([other.address.rawValue])[0].allSatisfy { $0 == 0 })
      }
      // The frame that came back last goes first.
      #expect(Set(addresses).count == 1)
      let run = try Frames(frameCount: 5, isZeroed: true)
      let all = (0..<run.frameCount).map { run[$0].rawValue }
      #expect(machine.memory.readTables(all).joined().allSatisfy { $0 == 0 })
    }
  }

  @Test func theLastCountIsThere() throws {
    let machine = try SimulatedMachine.small()
    try SimulatedPool.with(machine) {
      let frame = try SharedFrame()
      let number = frame.address.rawValue >> 12
      machine.setSlot(of: number, Slot(.shared, .data, count: .max - 1))
      let last = frame.share()
      #expect(machine.slots[number] == Slot(.shared, .data, count: .max))
      let count = last.ownerCount
      #expect(count == 0xffff_ffff)
      _ = consume last
      #expect(machine.slots[number] == Slot(.shared, .data, count: .max - 1))
      machine.setSlot(of: number, Slot(.shared, .data, count: 1))
    }
    machine.expectWhole()
  }
}

/// What traps. Each does all that is allowed first, so that nothing else can end the process.
@Suite struct OwnershipTrapTests {
  @Test func oneOwnerTooMany() async {
    await #expect(processExitsWith: .signal(SIGILL)) {
      let machine = try SimulatedMachine.small()
      try SimulatedPool.with(machine) {
        let frame = try SharedFrame()
        machine.setSlot(of: frame.address.rawValue >> 12, Slot(.shared, .data, count: .max))
        _ = frame.share()
      }
    }
  }

  @Test func oneOwnerTooManyByAddress() async {
    await #expect(processExitsWith: .signal(SIGILL)) {
      let machine = try SimulatedMachine.small()
      try SimulatedPool.with(machine) {
        let frame = try SharedFrame()
        machine.setSlot(of: frame.address.rawValue >> 12, Slot(.shared, .data, count: .max))
        _ = try SharedFrame(at: frame.address)
      }
    }
  }

  @Test func readingPastTheEnd() async {
    await #expect(processExitsWith: .signal(SIGILL)) {
      let machine = try SimulatedMachine.small()
      try SimulatedPool.with(machine) {
        let frame = try SharedFrame()
        _ = frame.bytes.unsafeLoad(fromByteOffset: 4088, as: UInt64.self)
        _ = frame.bytes.unsafeLoad(fromByteOffset: 4089, as: UInt64.self)
      }
    }
  }

  @Test func writingPastTheEnd() async {
    await #expect(processExitsWith: .signal(SIGILL)) {
      let machine = try SimulatedMachine.small()
      try SimulatedPool.with(machine) {
        var frame = try SoleFrame()
        var bytes = frame.mutableBytes
        bytes.storeBytes(of: 1, toByteOffset: 4095, as: UInt8.self)
        bytes.storeBytes(of: 1, toByteOffset: 4096, as: UInt8.self)
      }
    }
  }

  @Test func aTableThatIsNone() async {
    await #expect(processExitsWith: .signal(SIGILL)) {
      let machine = try SimulatedMachine.small()
      try machine.frames.reserve(2)
      let table = machine.frames.takeFrame()
      machine.frames.giveBack(table)
      machine.frames.giveBack(table)
    }
  }
}
