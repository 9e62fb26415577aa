// What the audit of the live tables asks the frames: each page table once, and the slots' own frames.

import Addressing
import BootInfo
import Frames
import PageTables
import TestSupport
import Testing

@Suite struct AuditLookupTests {
  private static func machine() throws -> SimulatedMachine {
    try SimulatedMachine([
      Report(0, 0xa_0000, .usable), Report(0x10_0000, 64 << 20, .usable),
    ])
  }

  @Test func aTableIsMetOnceARound() throws {
    let machine = try Self.machine()
    let root = machine.kernelTable.root
    let data = try machine.frames.allocate(1, as: .data).lowerBound
    func meet(_ frame: PhysicalAddress, _ round: UInt64) -> Bool {
      machine.frames.meet(frame, inRound: round)
    }
    for round in 1...3 as ClosedRange<UInt64> {
      #expect(meet(root, round))
      #expect(!meet(root, round))
    }
    #expect(!meet(data, 4))
    #expect(!meet(PhysicalAddress(1 << 40), 4))
  }

  /// By what the frames say of themselves, in ranges of every kind of neighbour.
  @Test func framesOfSlots() throws {
    let machine = try Self.machine()
    let all = stride(from: 0 as UInt64, to: 64 << 20, by: 4096).map { PhysicalAddress($0) }
    let slots = all.filter { machine.frames.use(of: $0)?.kind == .metadata }
    let first = try #require(slots.first)
    let last = try #require(slots.last)
    #expect(slots.count > 1)
    func isMetadata(_ start: PhysicalAddress, _ end: PhysicalAddress) -> Bool {
      machine.frames.isMetadata(start..<end)
    }
    #expect(isMetadata(first, first))
    #expect(isMetadata(first, first + 4096))
    let isOneRun = last == first + UInt64(slots.count - 1) * 4096
    #expect(isMetadata(first, last + 4096) == isOneRun)
    #expect(!isMetadata(first, last + 8192))
    #expect(!isMetadata(PhysicalAddress(1 << 40), PhysicalAddress(1 << 40 + 4096)))
  }

  /// The allocations that are to fail do, and are counted with the others.
  @Test func failures() throws {
    let map = try MemoryMap([Report(0x10_0000, 0x20_0000, .usable)])
    var frames = EarlyFrameAllocator(
      unsafeStorage: hostStorage(8 * EarlyFrameAllocator<SimulatedMemory>.bytesPerRange),
      of: SimulatedMemory(from: PhysicalAddress(0), byteCount: 4 << 30, handsOutOnUse: true),
      failing: AllocationFailures(2..<4))
    frames.add(map[0].range)
    let outcomes = (1...5).map { _ in
      do throws(OutOfFrames) { try frames.reserve(1) } catch { return -error.needed }
      return 1
    }
    #expect(outcomes == [1, -1, -1, 1, 1])
  }
}
