// A made-up machine's address space, built in simulated memory with the allocator of the real boot,
// and its judges: the oracle, the expected space, and Highland's own audit.

import Addressing
import BootInfo
import Frames
import KernelSpace
import Oracle
import PageTables
import TestSupport
import Testing

final class BuiltSpace {
  let machine: FakeMachine
  let map: MemoryMap
  /// What the audit holds the table against.
  var plan: KernelSpacePlan
  var largestPage: PageSize
  let memory: SimulatedMemory
  var frames: EarlyFrameAllocator
  var table: PageTable<SimulatedMemory>

  init(_ machine: FakeMachine) throws {
    let map = try machine.map()
    let plan = try machine.plan()
    let memory = SimulatedMemory(
      from: PhysicalAddress(0), byteCount: 4 << 30, handsOutOnUse: true)
    var frames = EarlyFrameAllocator(
      unsafeStorage: hostStorage(MemoryMap.kernelCapacity * EarlyFrameAllocator.bytesPerRange))
    plan.forEachUsableRange(of: map) { frames.add($0) }
    table = try initKernelPageTable(
      plan, map, mode: machine.cpu.mode, features: machine.features, memory: memory, from: &frames)
    self.machine = machine
    self.map = map
    self.plan = plan
    largestPage = machine.features.largestPage
    self.memory = memory
    self.frames = frames
  }

  /// The table as the oracle reads it.
  func snapshot() -> Snapshot {
    Snapshot(
      root: table.root.rawValue, levels: machine.cpu.mode.levels,
      physicalWidth: machine.physicalAddressWidth, readTables: memory.readTables)
  }

  /// An audit that knows the tables that the boot has taken, and of nothing in the windows that
  /// change later.
  func audit() -> AddressSpaceAudit {
    var tables = Set<UInt64>()
    frames.forEachUsedRange { range in
      tables.formUnion(
        stride(from: range.lowerBound.rawValue, to: range.upperBound.rawValue, by: 4096))
    }
    if let trampoline = frames.trampoline { tables.remove(trampoline.rawValue) }
    return AddressSpaceAudit(
      of: table.reader, against: plan, map, largestPage: largestPage,
      isNewTable: { tables.remove($0.rawValue) != nil }, isAccountedFor: { _, _ in false })
  }

  /// Maps a range behind the plan's back.
  func map(
    _ range: Range<UInt64>, to physical: UInt64, _ rights: Rights = .write,
    largest: PageSize = .size1GiB
  ) throws {
    try table.map(
      Range(range), to: PhysicalAddress(physical), .kernel(rights), largest: largest, from: &frames)
  }

  /// Expects the table to map exactly `ram` and the image, as promised, in frames that may be used.
  func expectComplete(ram: [Range<UInt64>]) throws {
    let expected = ExpectedSpace(machine, ram: ram)
    let snapshot = snapshot()
    #expect(snapshot.violations(on: expected.oracle) == [])
    #expect(snapshot.runs.map(Piece.init) == expected.pieces)
    #expect(snapshot.runs.map(\.pages) == expected.pages)
    #expect(snapshot.runs.allSatisfy { $0.global && $0.patIndex == 0 })
    // Not only absent: empty to the last bit.
    #expect(snapshot.topLevelEntries.prefix(256).allSatisfy { $0 == 0 })

    let tables = snapshot.tables.map(\.physical)
    #expect(tables.count == expected.tableCount(levels: machine.cpu.mode.levels))
    #expect(frames.taken == tables.count)
    #expect(memory.handedOut.map(\.rawValue).sorted() == tables.sorted())
    // They must be reached by a 32-bit CR3, before activation and, in RAM that is mapped, after it.
    let usable = AddressSet(ram.map { $0.clamped(to: 0x10_0000..<1 << 32) })
      .subtracting(AddressSet([machine.image.report.range]))
    #expect(tables.allSatisfy { table in usable.contains { $0.contains(table) } })
    try expectAuditAgrees(with: snapshot)
  }

  /// Expects that the audit finds nothing broken and counts what the oracle counts.
  private func expectAuditAgrees(with snapshot: Snapshot) throws {
    let audit = audit()
    #expect(audit.brokenPromises.isEmpty && audit.stray == nil)
    let windows = Windows(levels: machine.cpu.mode.levels)
    let ranges: [Window: Range<UInt64>] = [
      .linearMapping: windows.linear, .vmalloc: windows.vmalloc,
      .frameMetadata: windows.frameMetadata, .kernelCode: windows.kernelCode,
    ]
    for index in Window.lowerHalf.rawValue...Window.beyondTheEnd.rawValue {
      let window = Window(rawValue: index)!
      let inside = snapshot.runs.filter { ranges[window]?.contains($0.virtual) == true }
      for rights in (0..<8).map(Rights.init(rawValue:)) {
        let counts = inside.filter { $0.grants == Grants(rights) }.map(\.pages)
        #expect(Oracle.PageCounts(audit.survey.pages(in: window, rights)) == counts.sum)
      }
      #expect(Oracle.PageCounts(audit.survey.pages(in: window)) == inside.map(\.pages).sum)
    }
    for level in 0...5 {
      #expect(
        audit.survey.tableCount(atLevel: level)
          == snapshot.tables.count(where: { $0.level == level }))
    }
    #expect(audit.survey.tableCount == snapshot.tables.count)
  }
}

extension AddressSpaceAudit {
  /// The promises that are broken and where.
  var brokenPromises: [Promise: UInt64] {
    let all: [Promise] = [
      .onlyRAM, .noWritableCode, .emptyLowerHalf, .ownTables, .largestPages, .oneMemoryType,
    ]
    return all.reduce(into: [:]) { $0[$1] = violation(of: $1)?.rawValue }
  }
}

extension Grants {
  fileprivate init(_ rights: Rights) {
    self = []
    if rights.contains(.write) { insert(.write) }
    if rights.contains(.user) { insert(.user) }
    if rights.contains(.execute) { insert(.execute) }
  }
}

extension Oracle.PageCounts {
  fileprivate init(_ counts: KernelSpace.PageCounts) {
    self.init(of1GiB: counts.size1GiB, of2MiB: counts.size2MiB, of4KiB: counts.size4KiB)
  }
}

extension [Oracle.PageCounts] {
  fileprivate var sum: Oracle.PageCounts {
    reduce(into: .init()) { sum, counts in
      sum = .init(
        of1GiB: sum.of1GiB + counts.of1GiB, of2MiB: sum.of2MiB + counts.of2MiB,
        of4KiB: sum.of4KiB + counts.of4KiB)
    }
  }
}
