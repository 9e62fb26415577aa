import Addressing
import BootInfo
import Machine
import PageTables

// The seed of the kernel's address space: its page table is built here from the plan, then made
// the one the CPU uses. See Layout.swift for the picture of the windows.

/// Builds the kernel page table. It is complete when this returns, but not active.
///
/// - Throws: `outOfFrames` where RAM for the tables runs short. Any other `PageTableError` says
///   that the plan contradicts itself.
/// - Complexity: a constant for the 256 tables of the kernel half, a walk per region, a store per
///   leaf; nothing per frame.
public func initKernelPageTable<Memory: PhysicalMemory, Source: TableFrameSource & ~Copyable>(
  _ plan: KernelSpacePlan, _ map: borrowing MemoryMap, mode: PagingMode,
  features: ProcessorFeatures, memory: Memory, from frames: inout Source
) throws(PageTableError) -> PageTable<Memory> {
  var table = try PageTable(
    mode: mode, memory: memory, physicalAddressWidth: features.physicalAddressWidth,
    from: &frames)

  // Every top-level entry of the kernel half is there from the start and never changes again.
  try table.populateKernelHalf(from: &frames)

  // Linear mapping: all RAM.
  try plan.forEachLinearMapping(of: map) { (mapping) throws(PageTableError) in
    try table.map(
      mapping.virtual, to: mapping.physical, mapping.property, largest: features.largestPage,
      from: &frames)
  }

  // Vmalloc and frame metadata: reserved, nothing in them yet.

  // Kernel code: the image.
  try plan.forEachImageMapping { (mapping) throws(PageTableError) in
    try table.map(
      mapping.virtual, to: mapping.physical, mapping.property, largest: features.largestPage,
      from: &frames)
  }

  // The lower half stays empty.
  return table
}

/// Makes `table` the page table of this CPU, for good, and turns on the protections it has.
///
/// The code, the stack and all data in use must be mapped by it where they are mapped now. The CPU
/// forgets the boot page table's translations: they are not global, and CR4.PGE is set only after
/// the switch (SDM volume 3, 4.10.4.1).
public func activateKernelPageTable<Memory: PhysicalMemory>(
  _ table: borrowing PageTable<Memory>, features: ProcessorFeatures
) {
  // Nothing is mapped with the indices that this changes, so no cache needs a flush.
  if features.pat { writeMSR(0x277, MemoryType.pageAttributeTable) }
  writeCR3(table.root.rawValue)
  var cr4 = readCR4()
  if features.globalPages { cr4 |= 1 << 7 }
  if features.umip { cr4 |= 1 << 11 }
  if features.smep { cr4 |= 1 << 20 }
  if features.smap { cr4 |= 1 << 21 }
  writeCR4(cr4)
}
