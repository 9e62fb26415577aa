// What the slots say once the early allocator has handed over, on machines of all shapes.

import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

@Suite struct TakeoverTests {
  /// A PC: holes and firmware below 1 MiB and below 4 GiB, the kernel and a module, RAM above.
  static let pc: [Report] = [
    Report(0, 0x9_f000, .usable), Report(0x9_f000, mib, .reserved),
    Report(mib, 0xbff0_0000, .usable), Report(2 * mib, 2 * mib + 0x5_3000, .kernel),
    Report(64 * mib, 70 * mib + 0x1000, .module),
    Report(80 * mib, 80 * mib + 0x3000, .bootInformation),
    Report(0xbff0_0000, 0xbff1_0000, .acpi), Report(0xbff1_0000, 0xbff3_0000, .nvs),
    Report(0xbff3_0000, 3 * gib, .reserved), Report(0xfec0_0000, 4 * gib, .reserved),
    Report(4 * gib, 6 * gib, .usable),
  ]

  static let machines: [[Report]] = [
    [Report(mib, 32 * mib, .usable)],
    [Report(0, 0x8_0000, .usable), Report(mib, 32 * mib, .usable)],
    pc,
    // No usable RAM around frame 0, and a trampoline at frame 1.
    [Report(0, 0x1000, .acpi), Report(0x1000, 0x2000, .usable), Report(mib, gib, .usable)],
    // A little RAM at 1 TiB; the set of sections still takes one frame.
    [Report(0, 64 * mib, .usable), Report(1 << 40, 1 << 40 + 64 * mib, .usable)],
    // RAM that ends where the set of sections needs its second frame, and beyond.
    [Report(0, 64 * mib, .usable), Report(1 << 42 - 16 * mib, 1 << 42, .usable)],
    [Report(0, 64 * mib, .usable), Report(1 << 42, 1 << 42 + 16 * mib, .usable)],
  ]

  @Test(arguments: machines) func slotsAreRight(_ reports: [Report]) throws {
    for (mode, early) in [(PagingMode.fourLevel, 0), (.fiveLevel, 0), (.fourLevel, 77)] {
      let machine = try SimulatedMachine(reports, mode: mode, earlyFrames: early)
      machine.expectWhole()
      expectNothingTouchedButOwn(machine)
    }
  }

  /// Regions of all kinds that overlap, cross sections and leave holes, around 1 MiB, in sections of
  /// their own and around 4 GiB.
  @Test(arguments: 1...24) func randomMachines(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let kinds: [RegionKind] = [.usable, .usable, .reserved, .acpi, .nvs, .unusable, .persistent]
    var reports = [Report(16 * mib, 24 * mib, .usable), Report(17 * mib, 18 * mib, .kernel)]
    if Bool.random(using: &random) { reports.append(Report(0, 2 * mib, .usable)) }
    for base in [0, mib, 120 * mib, 300 * mib, 2 * gib, 4 * gib - 8 * mib] {
      var start = base + 0x1000 * .random(in: 0...600, using: &random)
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        let end = start + 0x1000 * .random(in: 1...3000, using: &random)
        // Nothing may lie over the kernel.
        if end <= 16 * mib || start >= 24 * mib {
          reports.append(Report(start, end, kinds.randomElement(using: &random)!))
        }
        start += 0x1000 * .random(in: 1...4000, using: &random)
      }
    }
    let machine = try SimulatedMachine(
      reports.shuffled(using: &random), mode: seed % 2 == 0 ? .fourLevel : .fiveLevel,
      earlyFrames: Int.random(in: 0...300, using: &random))
    machine.expectWhole()
    takeAll(of: machine)
  }

  /// Takes run after run, the longest first, and so backs all sections that can be.
  private func takeAll(of machine: SimulatedMachine) {
    var data: [UInt64: Slot] = [:]
    var count = machine.longestRun
    while count > 0 {
      guard let run = try? machine.frames.allocate(count, as: .data) else {
        count = min(count - 1, machine.longestRun)
        continue
      }
      for frame in run.numbers { data[frame] = Slot(.reserved, .data) }
      count = min(count, machine.longestRun)
    }
    machine.expectWhole(data: SlotRun.joining(data))
  }

  @Test func aThousandRegions() throws {
    let reports = (0..<1000 as Range<UInt64>).map { index in
      let start = mib + 5 * mib * index
      return Report(start, start + (index % 10 == 0 ? 4 * mib : 0x1000 * (1 + index % 7)), .usable)
    }
    let machine = try SimulatedMachine(reports)
    machine.expectWhole()
    expectNothingTouchedButOwn(machine)
    takeAll(of: machine)
  }

  /// Many regions, so that nodes run short: no frame that somebody has is ever lent for them.
  @Test func whatIsInUseIsSpared() throws {
    // The last one is for the slots and their tables, which lie in a row.
    let regions =
      (0..<500 as Range<UInt64>).map { 0x100 + 4 * $0..<0x103 + 4 * $0 } + [0x1000..<0x1020]
    let reports = regions.map { Report($0.lowerBound << 12, $0.upperBound << 12, .usable) }
    let machine = try SimulatedMachine(reports, earlyFrames: 200)
    machine.expectWhole()
    var numbers = Set<UInt64>()
    while let frame = try? machine.frames.allocate(1, as: .data) {
      numbers.insert(frame.numbers.lowerBound)
    }
    let inUse = Set(machine.memory.handedOut.map { $0.rawValue >> 12 })
    #expect(numbers.isDisjoint(with: inUse))
    #expect(numbers.union(inUse) == Set(regions.joined()))
  }

  @Test func aMachineTooSmallForItsMetadataIsRefused() throws {
    // Besides the page table and a frame of nodes: one for the set of sections, two for the slots,
    // two for their tables.
    let tables: UInt64 = 1 + 256
    for (spare, fits) in [(0, false), (1, false), (4, false), (5, true)] as [(UInt64, Bool)] {
      let reports = [Report(mib, mib + 0x1000 * (tables + 1 + spare), .usable)]
      do {
        let machine = try SimulatedMachine(reports)
        #expect(fits)
        machine.expectWhole()
      } catch let error as OutOfFrames {
        #expect(!fits && error.needed > error.available)
      }
    }
  }

  /// Each frame that was written to is one that the allocator or the page table counts as its own.
  private func expectNothingTouchedButOwn(_ machine: SimulatedMachine) {
    let own = machine.slots.runs.filter {
      [.pageTable, .metadata, .bookkeeping].contains($0.slot.kind)
    }
    #expect(
      Set(machine.memory.handedOut.map { $0.rawValue >> 12 }) == Set(own.map(\.frames).joined()))
  }
}
