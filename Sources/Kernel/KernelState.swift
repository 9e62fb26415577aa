import Addressing
import BootInfo
import Frames
import KernelSpace
import Machine
import PageTables

// All that the kernel keeps while it runs. One CPU boots, alone; from then on KernelPool.swift is the
// way to it.

/// The kernel's page table, once it is active.
nonisolated(unsafe) var kernelPageTable: PageTable<LinearMemory>?

/// The machine's frames.
nonisolated(unsafe) var frameAllocator: FrameAllocator<LinearMemory, MappedMemory>?

/// The vmalloc window.
nonisolated(unsafe) var virtualAreas: VirtualAreas<LinearMemory>?

/// Where the linear mapping has a physical address. Says nothing about whether RAM lies there.
func paddrToVaddr(_ physical: PhysicalAddress) -> VirtualAddress {
  KernelFrames.memory.base + physical.rawValue
}

/// What fault reports need to know, from the first instructions on.
enum KernelState {
  private nonisolated(unsafe) static var record: BootRecord?
  private nonisolated(unsafe) static var hasGigabytePages = false
  private nonisolated(unsafe) static var linearBase = VirtualAddress(0)

  static func begin(_ bootRecord: BootRecord, _ features: ProcessorFeatures) {
    // SAFETY: one CPU, interrupts off; never written again.
    unsafe record = bootRecord
    unsafe hasGigabytePages = features.gigabytePages
    unsafe linearBase = layout.linearMapping.lowerBound
  }

  private nonisolated(unsafe) static var storedPlan: KernelSpacePlan?

  static func begin(_ plan: KernelSpacePlan) {
    // SAFETY: as above.
    unsafe storedPlan = plan
  }

  /// What the kernel page table was built by.
  static var plan: KernelSpacePlan {
    guard let plan = unsafe storedPlan else { panic("there is no plan yet") }
    return plan
  }

  /// Whether all of this can be asked for.
  static var hasBegun: Bool { unsafe record != nil }

  /// CR3, or what it was when an alarm went back to the boot page table.
  static var rootRegister: UInt64 { unsafe rootBeforeAlarm ?? readCR3() }

  private nonisolated(unsafe) static var rootBeforeAlarm: UInt64?

  /// Goes back to the boot page table, which has the image where it is and the first 4 GiB at the same
  /// linear addresses: for the kernel's last words, if the screen can't be had otherwise.
  static func reactivate(_ bootTable: UInt64) {
    unsafe rootBeforeAlarm = readCR3()
    writeCR3(bootTable)
  }

  static var largestPage: PageSize { unsafe hasGigabytePages ? .size1GiB : .size2MiB }

  static var memory: LinearMemory { LinearMemory(base: unsafe linearBase) }

  /// The paging mode the CPU is in: CR4.LA57, bit 12.
  static var mode: PagingMode { readCR4() & 1 << 12 != 0 ? .fiveLevel : .fourLevel }

  static var layout: Layout { Layout(addressWidth: mode.addressWidth) }

  /// What CR3 points at, whoever built it.
  static var liveReader: PageTableReader<LinearMemory> {
    let root = PhysicalAddress(rootRegister).alignedDown(to: .size4KiB)
    return PageTableReader(root: root, mode: mode, memory: memory)
  }

  static var image: KernelImage { KernelImage(bootRecord) }

  static var bootRecord: BootRecord {
    guard let record = unsafe record else { panic("the boot record is not there yet") }
    return record
  }

  /// The names of the image's functions.
  static var symbols: SymbolTable {
    @_lifetime(immortal)
    get {
      let record = bootRecord
      // SAFETY: read-only data of the image, there as long as the kernel is.
      return SymbolTable(
        unsafe mappedBytes(
          at: VirtualAddress(record.symbols), count: Int(record.symbolsEnd - record.symbols)))
    }
  }

  /// The functions of boot/memory.asm, which leave no frame on the stack.
  static var frameless: Range<VirtualAddress> {
    let record = bootRecord
    return VirtualAddress(record.framelessStart)..<VirtualAddress(record.framelessEnd)
  }

  /// Whether the linear mapping holds a physical address.
  static func isInLinearMapping(_ address: PhysicalAddress) -> Bool {
    guard address.rawValue < layout.linearCapacity else { return false }
    return (try? liveReader.query(paddrToVaddr(address))) != nil
  }

  /// The region that a physical address lies in; `nil` for a hole, or before the map is kept.
  static func region(at address: PhysicalAddress) -> MemoryRegion? {
    guard let index = unsafe frameAllocator?.map.indexOfRegion(endingAfter: address),
      let count = unsafe frameAllocator?.map.count, index < count,
      let region = unsafe frameAllocator?.map[index], region.range.contains(address)
    else { return nil }
    return region
  }

  /// The kind of region that a physical address lies in.
  static func kindName(at address: PhysicalAddress) -> StaticString {
    guard unsafe frameAllocator?.frameCount != nil else { return "of a kind not known yet" }
    return unsafe frameAllocator?.map.kind(at: address)?.name ?? "a hole"
  }
}

extension KernelImage {
  init(_ record: BootRecord) {
    func range(_ start: UInt64, _ end: UInt64) -> Range<VirtualAddress> {
      VirtualAddress(start)..<VirtualAddress(end)
    }
    // How far the loader put the image from where it was linked: there, virtual minus physical is
    // the base of the kernel code window.
    let moved = KernelState.layout.kernelCode.lowerBound.rawValue &- record.loadedOffset
    self.init(
      kernelLoadedOffset: record.loadedOffset,
      physical: PhysicalAddress(
        record.linkStart &+ moved)..<PhysicalAddress(record.linkImageEnd &+ moved),
      text: range(record.textStart, record.textEnd),
      readOnlyData: range(record.rodataStart, record.rodataEnd),
      data: range(record.dataStart, record.dataEnd),
      stacks: [
        range(record.bootStack, record.bootStackTop),
        range(record.doubleFaultStack, record.doubleFaultStackTop),
        range(record.nmiStack, record.nmiStackTop),
        range(record.machineCheckStack, record.machineCheckStackTop),
      ])
  }
}
