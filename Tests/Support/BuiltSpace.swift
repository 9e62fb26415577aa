// A made-up machine's address space, built in simulated memory with the allocator of the real boot,
// and its judges: the oracle and Highland's own audit.

import Addressing
import BootInfo
import Frames
import KernelSpace
import Oracle
import PageTables

public final class BuiltSpace {
  public let machine: FakeMachine
  public let map: MemoryMap
  /// What the audit holds the table against.
  public var plan: KernelSpacePlan
  public var largestPage: PageSize
  public let memory: SimulatedMemory
  public var frames: EarlyFrameAllocator<SimulatedMemory>
  public var table: PageTable<SimulatedMemory>

  public init(_ machine: FakeMachine) throws {
    let map = try machine.map()
    let plan = try machine.plan()
    let memory = SimulatedMemory(
      from: PhysicalAddress(0), byteCount: 4 << 30, handsOutOnUse: true)
    var frames = EarlyFrameAllocator(
      unsafeStorage: hostStorage(
        MemoryMap.kernelCapacity * EarlyFrameAllocator<SimulatedMemory>.bytesPerRange),
      of: memory)
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
  public func snapshot() -> Snapshot {
    Snapshot(
      root: table.root.rawValue, levels: machine.cpu.mode.levels,
      physicalWidth: machine.physicalAddressWidth, readTables: memory.readTables)
  }

  /// An audit that knows the tables that the boot has taken, and of nothing in the windows that
  /// change later.
  public func audit() -> AddressSpaceAudit {
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
  public func map(
    _ range: Range<UInt64>, to physical: UInt64, _ rights: Rights = .write,
    largest: PageSize = .size1GiB
  ) throws {
    try table.map(
      Range(range), to: PhysicalAddress(physical), .kernel(rights), largest: largest, from: &frames)
  }
}

extension BuiltSpace {
  /// Where Highland's audit and the oracle count differently: one of them is wrong then.
  public func disagreements(_ audit: AddressSpaceAudit, _ snapshot: Snapshot) -> [String] {
    let windows = Windows(levels: machine.cpu.mode.levels)
    let ranges: [Window: Range<UInt64>] = [
      .linearMapping: windows.linear, .vmalloc: windows.vmalloc,
      .frameMetadata: windows.frameMetadata, .kernelCode: windows.kernelCode,
    ]
    var found: [String] = []
    func compare(_ counted: KernelSpace.PageCounts, _ runs: [Run], _ place: String) {
      let (counted, seen) = (Oracle.PageCounts(counted), runs.map(\.pages).sum)
      if counted != seen { found.append("\(place): \(counted) pages counted, \(seen) seen") }
    }
    for index in Window.lowerHalf.rawValue...Window.beyondTheEnd.rawValue {
      let window = Window(rawValue: index)!
      let inside = snapshot.runs.filter { ranges[window]?.contains($0.virtual) == true }
      for rights in (0..<8).map(Rights.init(rawValue:)) {
        compare(
          audit.survey.pages(in: window, rights), inside.filter { $0.grants == Grants(rights) },
          "\(window.name), \(rights.word)")
      }
      compare(audit.survey.pages(in: window), inside, "\(window.name)")
    }
    for level in 0...5 {
      let (counted, seen) = (
        audit.survey.tableCount(atLevel: level), snapshot.tables.count { $0.level == level }
      )
      if counted != seen {
        found.append("level \(level): \(counted) tables counted, \(seen) seen")
      }
    }
    if audit.survey.tableCount != snapshot.tables.count {
      found.append("\(audit.survey.tableCount) tables counted, \(snapshot.tables.count) seen")
    }
    return found
  }
}

extension AddressSpaceAudit {
  /// The promises that are broken and where.
  public var brokenPromises: [Promise: UInt64] {
    let all = Promise.audited
    return all.indices.reduce(into: [:]) { $0[all[$1]] = violation(of: all[$1])?.rawValue }
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
