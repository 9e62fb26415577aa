// When slots appear, and where: sections of 2^15 frames, backed when their first frame is used.

import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30
private let section: UInt64 = 1 << 15

@Suite struct FrameMetadataTests {
  /// The sections that have mapped slots.
  private func backedSections(_ machine: SimulatedMachine) -> [UInt64] {
    // A run of slots may cross sections, but not a whole one that has no slots.
    let bounds = machine.slots.runs.flatMap { run in
      Array(run.frames.lowerBound / section...(run.frames.upperBound - 1) / section)
    }
    return Set(bounds).sorted()
  }

  /// Takes frames for data, and says so in `data`. Nothing is written to but new slots and tables.
  @discardableResult
  private func take(
    _ count: UInt64, order: UInt64 = 0, below limit: UInt64? = nil, of machine: SimulatedMachine,
    _ data: inout [UInt64: Slot]
  ) throws -> Range<UInt64> {
    let before = machine.memory.handedOut
    let run = try machine.frames.allocate(
      count, as: .data, order: order, below: limit.map { PhysicalAddress($0) }
    ).numbers
    for frame in run { data[frame] = Slot(.reserved, .data) }
    let own = machine.slots.runs.filter { [.metadata, .pageTable].contains($0.slot.kind) }
    let touched = Set(machine.memory.handedOut.subtracting(before).map { $0.rawValue >> 12 })
    #expect(touched.isSubset(of: own.map(\.frames).joined()))
    return run
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func aSectionIsBackedWhenItsFirstFrameIsUsed(mode: PagingMode) throws {
    let machine = try SimulatedMachine([Report(0, 6 * gib, .usable)], mode: mode)
    #expect(backedSections(machine) == [0])
    let slots = Windows(levels: mode == .fourLevel ? 4 : 5).frameMetadata.lowerBound
    var (data, backed): ([UInt64: Slot], Set<UInt64>) = ([:], [0])
    // The lowest frame below 4 GiB whose number is a multiple of a high power of 2; and one above.
    for (count, order) in [(1, 17), (3, 18), (10, 19), (1, 20)] as [(UInt64, UInt64)] {
      let first: UInt64 = 1 << order
      let address = VirtualAddress(slots + first * 16)
      #expect(try machine.kernelTable.reader.query(address) == nil)
      let run = try take(
        count, order: order, below: order < 20 ? 4 * gib : nil, of: machine, &data)
      #expect(run == first..<first + count)
      backed.insert(first / section)
      #expect(backedSections(machine) == backed.sorted())
      // The slots' own frames lie in their section.
      let page = try #require(try machine.kernelTable.reader.query(address))
      #expect(page.physical.rawValue >> 12 / section == first / section)
      machine.expectWhole(data: SlotRun.joining(data))
    }
    // More of a section that has its slots takes nothing else.
    let used = machine.usedCount
    try take(2, below: 4 * gib, of: machine, &data)
    #expect(machine.usedCount == used + 2)
    machine.expectWhole(data: SlotRun.joining(data))
  }

  /// A section that a run takes all of has its slots elsewhere.
  @Test func aRunOfWholeSections() throws {
    let machine = try SimulatedMachine([
      Report(0, 128 * mib, .usable), Report(256 * mib, 640 * mib, .usable),
    ])
    var data: [UInt64: Slot] = [:]
    let run = try take(3 * section, of: machine, &data)
    #expect(run == 2 * section..<5 * section)
    #expect(backedSections(machine) == [0, 2, 3, 4])
    for page in machine.slots.pages { #expect(page.physical >> 12 < section) }
    machine.expectWhole(data: SlotRun.joining(data))
  }

  /// Only slots of the frames from the first RAM of a section to the last are there, in whole pages
  /// of 256 slots.
  @Test func holesTakeNoSlotsAtTheEndsOfASection() throws {
    let base = 4 * gib
    let machine = try SimulatedMachine([
      Report(0, 32 * mib, .usable),
      // Frames 0x400 to 0x6ff of the section, with a hole of 3 in the middle.
      Report(base + 0x42_0000, base + 0x60_0000, .usable),
      Report(base + 0x60_3000, base + 0x6f_0000, .usable),
      // The section after it: its last frames alone.
      Report(base + 256 * mib - 0x5000, base + 256 * mib, .usable),
    ])
    var data: [UInt64: Slot] = [:]
    let one = try take(1, of: machine, &data)
    #expect(one.lowerBound == (base + 0x42_0000) >> 12)
    #expect(
      machine.slots.pages.map { $0.virtual & (1 << 30 - 1) }.filter { $0 >= base >> 8 }
        == [0x400, 0x500, 0x600].map { (base >> 12 + $0) << 4 })
    machine.expectWhole(data: SlotRun.joining(data))

    // The five frames at the end: one of slots, no table as its neighbour's serves; four remain.
    let rest = machine.reports[3].frames
    while data[rest.upperBound - 1] == nil { try take(1, of: machine, &data) }
    let lastPages = machine.slots.pages.filter {
      $0.virtual & (1 << 30 - 1) >= rest.lowerBound << 4 & ~0xfff
    }
    #expect(lastPages.map { $0.virtual & (1 << 30 - 1) } == [(rest.upperBound - 256) << 4])
    #expect(lastPages.map { $0.physical >> 12 }.allSatisfy(rest.contains))
    machine.expectWhole(data: SlotRun.joining(data))
  }

  /// Boot information is unused before it comes back and after, whether its section is backed or not.
  @Test func whatTheBootLoaderHadComesBack() throws {
    let reports = [
      Report(0, 6 * gib, .usable), Report(2 * mib, 3 * mib, .kernel),
      Report(3 * mib, 3 * mib + 0x4000, .bootInformation),
      Report(gib, gib + 0x4000, .bootInformation), Report(2 * gib, 3 * gib, .module),
    ]
    let machine = try SimulatedMachine(reports)
    machine.expectWhole()
    for report in reports.dropFirst() {
      let (all, free) = (machine.frameCount, machine.freeCount)
      let range = PhysicalAddress(report.start)..<PhysicalAddress(report.end)
      try machine.frames.reclaim(range)
      let count = UInt64(report.frames.count)
      #expect(machine.frameCount == all + count)
      let metadata = free + count - machine.freeCount
      // Slots of eight sections at most, and their tables.
      #expect(metadata == 0 || report.kind == .module && metadata <= 8 * 130)
      let slots = machine.slots
      let isBacked = report.kind != .bootInformation || report.start < gib
      for frame in [report.frames.lowerBound, report.frames.upperBound - 1] {
        let slot = slots[frame]
        #expect(isBacked ? slot == .unused || slot == Slot(.reserved, .metadata) : slot == nil)
      }
    }
    #expect(machine.longestRun > 4 * gib >> 12)
  }

  @Test func sparseMemory() throws {
    let far: UInt64 = 1 << 46 - 128 * mib
    let machine = try SimulatedMachine([
      Report(0, 32 * mib, .usable), Report(1 << 40, 1 << 40 + 8 * mib, .usable),
      Report(far, far + 128 * mib, .usable),
    ])
    var data: [UInt64: Slot] = [:]
    #expect(try take(section - 128 - 2, of: machine, &data).lowerBound == far >> 12)
    try take(1, below: 1 << 41, of: machine, &data)
    machine.expectWhole(data: SlotRun.joining(data))
  }
}
