// RAM that a memory map invents: whoever would build on it is told, before anything is changed.

import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

@Suite struct FaultyMemoryTests {
  /// The probe itself, on memory that is some: it says so, and what it writes differs by frame.
  @Test func memoryKeepsData() {
    let memory = SimulatedMemory(handsOutOnUse: true)
    let (one, other) = (memory.range.lowerBound, memory.range.lowerBound + 4096)
    for probes in 0...TableEntries.probeCount {
      #expect(memory.table(at: one).keepData(one, probes: probes))
      #expect(memory.table(at: other).keepData(other, probes: probes))
    }
    let words = memory.readTables([one.rawValue, other.rawValue]).map { table in
      table.filter { $0 != SimulatedMemory.garbage }
    }
    #expect(words.map(\.count) == [16, 16] && Set(words.joined()).count == 32)
  }

  /// Early frames: the one that is none is named as soon as it would be promised, not before.
  @Test(arguments: 0..<12 as Range<UInt64>) func earlyFrames(faulty: UInt64) throws {
    let memory = SimulatedMemory(from: PhysicalAddress(0), byteCount: 64 << 20, handsOutOnUse: true)
    let address = PhysicalAddress(mib + (faulty < 8 ? faulty : faulty + 0x1000 - 8) << 12)
    memory.faultyFrames = [address]
    var frames = EarlyFrameAllocator(unsafeStorage: hostStorage(1024), of: memory)
    // Eight frames, a hole, and the rest.
    frames.add(PhysicalAddress(mib)..<PhysicalAddress(mib + 0x8000))
    frames.add(PhysicalAddress(17 * mib)..<PhysicalAddress(18 * mib))
    try frames.reserve(Int(faulty))
    for count in Int(faulty) + 1..<20 {
      let (available, copy) = (frames.available, memory.copy())
      #expect(
        throws: OutOfFrames(needed: count, available: available, faultyFrame: address)
      ) { try frames.reserve(count) }
      #expect(frames.available == available && frames.taken == 0)
      #expect(memory.isUnchanged(since: copy))
    }
    try frames.reserve(Int(faulty))
    for _ in 0..<faulty { #expect(frames.takeFrame() < address) }
  }

  /// A page table that needs the frame is as it was, and so is all memory.
  @Test func aMappingThatNeedsTheFrame() throws {
    let memory = SimulatedMemory(from: PhysicalAddress(0), byteCount: 64 << 20, handsOutOnUse: true)
    var frames = EarlyFrameAllocator(unsafeStorage: hostStorage(1024), of: memory)
    frames.add(PhysicalAddress(mib)..<PhysicalAddress(2 * mib))
    var table = try PageTable(mode: .fourLevel, memory: memory, from: &frames)
    // The root is taken; three tables are missing.
    for missing in 1...3 as ClosedRange<UInt64> {
      memory.faultyFrames = [PhysicalAddress(mib + missing << 12)]
      let copy = memory.copy()
      #expect(
        throws: PageTableError.outOfFrames(
          OutOfFrames(
            needed: 3, available: 255, faultyFrame: PhysicalAddress(mib + missing << 12)))
      ) {
        _ = try table.map(
          VirtualAddress(0)..<VirtualAddress(4096), to: PhysicalAddress(0), .kernel(.write),
          largest: .size4KiB, from: &frames)
      }
      #expect(memory.isUnchanged(since: copy))
    }
  }

  /// Table frames of the allocator: whichever of the next ones it is, it is named once, nothing else
  /// is lost, and nobody ever gets it.
  @Test func tableFrames() throws {
    let reports = [Report(mib, 16 * mib, .usable)]
    let sound = try SimulatedMachine(reports)
    try sound.frames.reserve(40)
    let next = (0..<40).map { _ in sound.frames.takeFrame() }
    for faulty in next {
      let machine = try SimulatedMachine(reports, faultyFrames: [faulty.rawValue >> 12])
      let free = machine.freeCount
      #expect(
        throws: OutOfFrames(needed: 40, available: Int(free) - 1, faultyFrame: faulty)
      ) { try machine.frames.reserve(40) }
      #expect(machine.freeCount == free - 1)
      #expect(machine.slots[faulty.rawValue >> 12] == Slot(.reserved, .faulty))
      try machine.frames.reserve(Int(machine.freeCount))
      var tables = Set<UInt64>()
      for _ in 0..<machine.freeCount { tables.insert(machine.frames.takeFrame().rawValue >> 12) }
      #expect(tables.count == Int(free) - 1 && !tables.contains(faulty.rawValue >> 12))
      machine.expectWhole(tables: tables)
    }
  }

  /// Booting: every frame that it builds on is tried; where one is none, it is named, or none was
  /// needed there.
  @Test func takeover() throws {
    let reports = [Report(0, 0x9_f000, .usable), Report(mib, 8 * mib, .usable)]
    let sound = try SimulatedMachine(reports)
    let own = sound.slots.runs.filter {
      [.pageTable, .metadata, .bookkeeping].contains($0.slot.kind)
    }
    for run in own {
      for frame in run.frames {
        let tried = sound.memory.triedFrames[PhysicalAddress(frame << 12)] ?? 0
        let isSlots = sound.slots.pages.contains { $0.physical >> 12 == frame }
        #expect(tried == (isSlots ? 1 : TableEntries.probeCount), "frame \(frame)")
        let named = PhysicalAddress(frame << 12)
        do {
          _ = try SimulatedMachine(reports, faultyFrames: [frame])
          Issue.record("frame \(frame) is no memory, and nobody noticed")
        } catch let error as OutOfFrames {
          #expect(error.faultyFrame == named)
        } catch PageTableError.outOfFrames(let error) {
          #expect(error.faultyFrame == named)
        }
      }
    }
  }

  /// A long life on RAM full of holes: each is named at most once, and nothing is ever built on one.
  @Test(arguments: 1...8) func aLongLife(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let start = (gib + 256 * mib) >> 12
    let faulty = Set((0..<200).map { _ in start + .random(in: 0..<0x1_0000, using: &random) })
    let machine = try SimulatedMachine(
      [Report(mib, 4 * mib, .usable), Report(start << 12, start << 12 + 256 * mib, .usable)],
      faultyFrames: faulty)
    var (named, tables, kept) = (Set<UInt64>(), Set<UInt64>(), [UInt64: Slot]())
    func attempt(_ body: () throws(OutOfFrames) -> Void) {
      do throws(OutOfFrames) { try body() } catch {
        guard let frame = error.faultyFrame else { return }
        #expect(faulty.contains(frame.frame) && named.insert(frame.frame).inserted)
      }
    }
    for _ in 0..<3000 {
      switch Int.random(in: 0..<6, using: &random) {
      case 0, 1:
        attempt { () throws(OutOfFrames) in
          let count = Int.random(in: 1...20, using: &random)
          try machine.frames.reserve(count)
          for _ in 0..<count { tables.insert(machine.frames.takeFrame().frame) }
        }
      case 2:
        attempt { () throws(OutOfFrames) in
          let count = UInt64.random(in: 1...40, using: &random)
          let run = try machine.frames.allocate(count, as: .bookkeeping)
          #expect(faulty.isDisjoint(with: run.numbers))
          machine.frames.giveBack(run)
        }
      case 3:
        attempt { () throws(OutOfFrames) in
          let count = UInt64.random(in: 1...200, using: &random)
          for frame in try machine.frames.allocate(count, as: .data).numbers {
            kept[frame] = Slot(.reserved, .data)
          }
        }
      case 4:
        if let table = tables.randomElement(using: &random) {
          tables.remove(table)
          machine.frames.giveBack(PhysicalAddress(frame: table))
        }
      default:
        if let frame = kept.keys.randomElement(using: &random) {
          kept[frame] = nil
          machine.frames.giveBack(PhysicalAddress(frame: frame)..<PhysicalAddress(frame: frame + 1))
        }
      }
      #expect(tables.isDisjoint(with: faulty))
    }
    #expect(named.count > 20)
    let slots = machine.slots
    for frame in faulty {
      let kind = slots[frame]?.kind
      #expect([nil, Slot.Kind.none, .data, .faulty].contains(kind))
      // What was named is out of reach, whether there was a slot to say so or not.
      if named.contains(frame) { #expect(kind != .data) }
    }
  }
}
