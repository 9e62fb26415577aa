// What the page-table tests share: a table in simulated memory, and the oracle's eye on it.

import Addressing
import Oracle
import PageTables

/// A page table with a memory and a frame source of its own.
package final class Workbench {
  package let memory: SimulatedMemory
  package let physicalAddressWidth: Int
  package var frames: SimulatedFrames
  package var table: PageTable<SimulatedMemory>
  package var tlb: HostileTLB

  package init(
    _ mode: PagingMode = .fourLevel, physicalAddressWidth: Int = PhysicalAddress.widest
  ) throws {
    memory = SimulatedMemory()
    self.physicalAddressWidth = physicalAddressWidth
    frames = SimulatedFrames(of: memory)
    table = try PageTable(
      mode: mode, memory: memory, physicalAddressWidth: physicalAddressWidth, from: &frames)
    let tlb = HostileTLB(memory: memory, root: table.root, mode: mode)
    self.tlb = tlb
    frames.whenGivenBack = { tlb.checkNotReachable($0) }
  }

  package func map(
    _ range: Range<UInt64>, to physical: UInt64, _ property: PageProperty = .kernel(.write),
    largest: PageSize = .size1GiB
  ) throws(PageTableError) {
    spend(
      try table.map(
        virtual(range), to: PhysicalAddress(physical), property, largest: largest, from: &frames))
  }

  /// All that is taken, as the model would say it.
  @discardableResult
  package func take(_ range: Range<UInt64>) throws(PageTableError) -> [PageSegment] {
    var taken: [PageSegment] = []
    spend(try table.take(virtual(range), from: &frames) { taken.append(PageSegment($0)) })
    return taken
  }

  package func protect(
    _ range: Range<UInt64>, _ change: (inout PageProperty) -> Void
  ) throws(PageTableError) {
    spend(try table.protect(virtual(range), from: &frames, change))
  }

  /// Spends a token on the bench's TLB, whose counts then tell what was asked for.
  package func spend(_ token: consuming FlushToken) {
    tlb.forgetCounts()
    token.spend(on: &tlb, returningTablesTo: &frames, in: memory)
  }

  package func query(_ address: UInt64) throws(PageTableError) -> Mapping? {
    try table.reader.query(VirtualAddress(address))
  }

  /// The table as the oracle reads it.
  package func snapshot() -> Snapshot {
    Snapshot(
      root: table.root.rawValue, levels: table.mode.levels, physicalWidth: physicalAddressWidth,
      readTables: memory.readTables)
  }
}

package func virtual(_ range: Range<UInt64>) -> Range<VirtualAddress> {
  VirtualAddress(range.lowerBound)..<VirtualAddress(range.upperBound)
}

extension Leaf {
  /// Whether Highland's idea of a page is the oracle's.
  /// Whether this is the mapping, or the page that many pages behind it in a run.
  package func agrees(with mapping: Mapping, movedBy position: UInt64 = 0) -> Bool {
    let offset = position * mapping.size.byteCount
    return virtual == mapping.virtual.rawValue + offset
      && physical == mapping.physical.rawValue + offset
      && size == mapping.size.byteCount && global == mapping.property.isGlobal
      && patIndex == mapping.property.memoryType.patIndex && agrees(with: mapping.property.rights)
  }

  package func agrees(with rights: Rights) -> Bool {
    writable == rights.contains(.write) && user == rights.contains(.user)
      && executable == rights.contains(.execute)
  }
}
