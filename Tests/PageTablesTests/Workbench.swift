// What the page-table tests share: a table in simulated memory, and the oracle's eye on it.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

/// A page table with a memory and a frame source of its own.
final class Workbench {
  let memory: SimulatedMemory
  let physicalAddressWidth: Int
  var frames: SimulatedFrames
  var table: PageTable<SimulatedMemory>

  init(
    _ mode: PagingMode = .fourLevel, physicalAddressWidth: Int = PhysicalAddress.widest
  ) throws {
    memory = SimulatedMemory()
    self.physicalAddressWidth = physicalAddressWidth
    frames = SimulatedFrames(of: memory)
    table = try PageTable(
      mode: mode, memory: memory, physicalAddressWidth: physicalAddressWidth, from: &frames)
  }

  func map(
    _ range: Range<UInt64>, to physical: UInt64, _ property: PageProperty = .kernel(.write),
    largest: PageSize = .size1GiB
  ) throws(PageTableError) {
    try table.map(
      VirtualAddress(range.lowerBound)..<VirtualAddress(range.upperBound),
      to: PhysicalAddress(physical), property, largest: largest, from: &frames)
  }

  func query(_ address: UInt64) throws(PageTableError) -> Mapping? {
    try table.reader.query(VirtualAddress(address))
  }

  /// The table as the oracle reads it.
  func snapshot() -> Snapshot {
    Snapshot(
      root: table.root.rawValue, levels: table.mode.levels, physicalWidth: physicalAddressWidth,
      readTables: memory.readTables)
  }

  /// Expects that `operation` throws `error` and leaves every byte and every frame where it was.
  func expect(
    _ error: PageTableError, sourceLocation: SourceLocation = #_sourceLocation,
    from operation: () throws -> Void
  ) {
    let image = memory.image
    #expect(throws: error, sourceLocation: sourceLocation, performing: operation)
    #expect(memory.image == image, "memory was changed", sourceLocation: sourceLocation)
  }
}

extension Leaf {
  /// Whether Highland's idea of a page is the oracle's.
  func agrees(with mapping: Mapping) -> Bool {
    virtual == mapping.virtual.rawValue && physical == mapping.physical.rawValue
      && size == mapping.size.byteCount && global == mapping.property.isGlobal
      && patIndex == mapping.property.memoryType.patIndex && agrees(with: mapping.property.rights)
  }

  func agrees(with rights: Rights) -> Bool {
    writable == rights.contains(.write) && user == rights.contains(.user)
      && executable == rights.contains(.execute)
  }
}
