import Addressing
import BootInfo
import Frames
import KernelSpace
import Machine
import PageTables

// How a boot flows, once, downward, no way back: multiboot2 bytes, memory map, plan, page table,
// CR3, report.

/// Called by boot/entry.asm, in the kernel code window, by the boot page table.
@c(highlandEntry)
public func highlandEntry(_ record: UnsafePointer<BootRecord>) -> Never {
  // SAFETY: the stub hands over the record in the image's data.
  boot(unsafe record.pointee)
}

private func boot(_ record: BootRecord) -> Never {
  var clock = BootClock()
  SerialPort.setUp()
  let features = ProcessorFeatures(readCPUID: cpuid)
  KernelState.begin(record, features)
  DescriptorTables.install(record, features)
  let mode = KernelState.mode
  let layout = KernelState.layout
  let image = KernelState.image
  let memory = KernelState.memory
  Console.begin(layout)

  var map = makeMemoryMap(record)
  let options: BootOptions
  let rootPointer: RootSystemDescriptionPointer?
  let framebuffer: Framebuffer?
  do {
    // The information's memory is given back later: no view of it leaves this block.
    let information = readInformation(at: PhysicalAddress(record.information), memory)
    clock.stop(.parse)
    framebuffer = information.framebuffer
    Console.choose(ConsoleChoice(information.commandLine), framebuffer, layout)
    BootReport.printLoader(information)
    options = BootOptions(information.commandLine)
    UnattendedCommands.keep(information.commandLine)
    BootReport.printReceivedMap(information)
    rootPointer = FirmwareTables.rootPointer(information)

    clock.start()
    normalise(&map, information, image, features, layout)
    clock.stop(.normalise)
  }
  BootReport.printNormalisedMap(map)
  BootReport.printProcessor(features, mode)

  clock.start()
  let types = readMemoryTypes(features)
  let plan = KernelSpacePlan(layout: layout, image: image, memoryTypes: types)
  KernelState.begin(plan)
  if let type = plan.unfitImageType {
    cannotBoot("the kernel lies in RAM that the MTRRs make \(type.name), not write-back")
  }
  var frames = makeEarlyFrames(record, memory, failing: options.failingAllocations)
  plan.forEachUsableRange(of: map) { range in frames.add(range) }
  clock.stop(.plan)

  clock.start()
  let table = build(plan, map, mode, features, memory, &frames)
  clock.stop(.build)

  clock.start()
  Console.keepBootTable()
  activateKernelPageTable(table, features: features)
  clock.stop(.activate)

  BootReport.printProtections()
  BootReport.printMemoryTypes(plan, map)

  clock.start()
  let trampoline = frames.trampoline
  var allocator = takeOver(frames, plan, map, memory, table)
  let areas = beginAreas(layout, memory, &allocator)
  clock.stop(.takeOver)
  // SAFETY: one CPU, interrupts off: nobody else is at the kernel's state yet.
  unsafe virtualAreas = consume areas
  unsafe frameAllocator = consume allocator
  unsafe kernelPageTable = consume table

  FirmwareTables.read(from: rootPointer)
  Devices.map(FirmwareTables.current, framebuffer)
  KernelHalf.flush()
  KernelFrames.withAllocator { frames in
    giveBackBootMemory(plan, &frames, trampoline: trampoline)
  }
  if options.reclaimsACPI {
    FirmwareTables.forgetTables()
    let count = KernelFrames.withAllocator { frames in reclaim(.acpi, plan, &frames) }
    print("frames: \(bytes: count * 4096) of ACPI tables given back")
  }
  clock.start()
  if !LiveAudit.report() { panic("the address space is not what the kernel promises") }
  clock.stop(.report)
  clock.print()
  if let selfTests = options.selfTests, !selfTests.run() { end(.failure) }
  if options.isBench { KernelBench.run() }
  if let fault = options.fault {
    fault.commit()
    panic("nothing stopped a deliberate fault")
  }
  if options.failingAllocations != nil { BootReport.printAllocations() }
  _ = Console.showPicture()
  print("highland: ready")
  UnattendedCommands.run()
  if options.leavesEmulator { Monitor.end() }
  Prompt.run(entered: clock.entered)
}

/// The boot loader's information, checked. All of it must lie where the boot page table reaches.
@_lifetime(immortal)
private func readInformation(
  at address: PhysicalAddress, _ memory: LinearMemory
) -> BootInformation {
  let reachable: UInt64 = 4 << 30
  do throws(BootInformationError) {
    guard address.rawValue <= reachable - 8 else {
      cannotBoot("the multiboot2 information, at \(address), runs past 4 GiB")
    }
    let size = UInt64(
      try BootInformation.byteCount(ofHeader: memory.bytes(at: address, count: 8), at: address))
    guard size <= reachable - address.rawValue else {
      cannotBoot("the multiboot2 information, at \(address), runs past 4 GiB")
    }
    return try BootInformation(memory.bytes(at: address, count: Int(size)), at: address)
  } catch {
    cannotBoot(
      "the multiboot2 information at \(address) is bad: \(error.reason.message), offset \(error.offset)"
    )
  }
}

/// An empty memory map in the memory that boot/image.asm set aside.
private func makeMemoryMap(_ record: BootRecord) -> MemoryMap {
  // SAFETY: used here alone, once, and there as long as the image is.
  unsafe MemoryMap(unsafeStorage: storage(record.memoryMapStorage, record.memoryMapStorageSize))
}

private func makeEarlyFrames(
  _ record: BootRecord, _ memory: LinearMemory, failing: Range<UInt64>?
) -> EarlyFrameAllocator<LinearMemory> {
  // SAFETY: as above.
  unsafe EarlyFrameAllocator(
    unsafeStorage: storage(record.earlyFramesStorage, record.earlyFramesStorageSize),
    of: memory, failing: AllocationFailures(failing ?? 0..<0))
}

/// Memory that boot/image.asm set aside.
@unsafe func storage(_ start: UInt64, _ size: UInt64) -> UnsafeMutableRawBufferPointer {
  // SAFETY: the caller knows that the memory is there.
  unsafe UnsafeMutableRawBufferPointer(
    start: UnsafeMutableRawPointer(bitPattern: UInt(start)), count: Int(size))
}

private func normalise(
  _ map: inout MemoryMap, _ information: borrowing BootInformation, _ image: KernelImage,
  _ features: ProcessorFeatures, _ layout: Layout
) {
  do throws(MemoryMapError) {
    try information.collectMemory(into: &map)
    try MemoryMapWords.change(&map, information.commandLine)
    try map.add(
      start: image.physical.lowerBound.rawValue, byteCount: image.physical.byteCount, kind: .kernel)
    let addressable: UInt64 = 1 << UInt64(features.physicalAddressWidth)
    try map.normalise(limit: PhysicalAddress(min(addressable, layout.linearCapacity)))
  } catch {
    refuse(error, capacity: map.capacity)
  }
}

private func refuse(_ error: MemoryMapError, capacity: Int) -> Never {
  switch error {
  case .tooManyEntries:
    cannotBoot("the memory map has more than \(capacity) entries")
  case .notInRAM(let kind, let address, let other):
    cannotBoot(
      "the \(kind.name) at \(address) lies in \(other?.name ?? "a hole"), not in usable RAM")
  case .pastLimit(let kind, let address):
    cannotBoot("the \(kind.name) at \(address) lies past what the CPU can address")
  case .noUsableRAM:
    cannotBoot("the memory map has no usable RAM")
  }
}

private func readMemoryTypes(_ features: ProcessorFeatures) -> MemoryTypeRanges {
  do throws(MemoryTypeRangesError) {
    return try MemoryTypeRanges(
      areSupported: features.mtrr, hasTopOfMemory2: features.topOfMemory2,
      physicalAddressWidth: features.physicalAddressWidth, readMSR: readMSR)
  } catch {
    switch error {
    case .tooManyVariableRanges(let count):
      cannotBoot("the CPU has \(count) variable MTRRs, more than \(MemoryTypeRanges.capacity)")
    }
  }
}

private func build(
  _ plan: KernelSpacePlan, _ map: borrowing MemoryMap, _ mode: PagingMode,
  _ features: ProcessorFeatures, _ memory: LinearMemory,
  _ frames: inout EarlyFrameAllocator<LinearMemory>
) -> PageTable<LinearMemory> {
  do throws(PageTableError) {
    return try initKernelPageTable(
      plan, map, mode: mode, features: features, memory: memory, from: &frames)
  } catch {
    if case .outOfFrames(let shortage) = error {
      refuse(shortage, for: "the page tables", left: " left below 4 GiB")
    }
    panic("the plan of the address space contradicts itself")
  }
}

/// Ends the boot for want of frames, or because one of them is no memory.
private func refuse(_ shortage: OutOfFrames, for what: StaticString, left: StaticString) -> Never {
  if let frame = shortage.faultyFrame {
    cannotBoot(
      "there is no memory at \(frame), though the map says so: \(what) would lie there")
  }
  cannotBoot(
    """
    too little RAM for \(what): \(shortage.needed) frames needed at once, \
    \(shortage.available)\(left)
    """)
}

/// The frame allocator, with all RAM that the linear mapping holds. Used are the frames that the
/// early allocator has handed out, and what the frame metadata takes.
private func takeOver(
  _ early: consuming EarlyFrameAllocator<LinearMemory>, _ plan: KernelSpacePlan,
  _ map: consuming MemoryMap, _ memory: LinearMemory, _ table: borrowing PageTable<LinearMemory>
) -> FrameAllocator<LinearMemory, MappedMemory> {
  do throws(OutOfFrames) {
    return try FrameAllocator.takeOver(
      from: early, map, slots: plan.layout.frameMetadata.lowerBound, in: table, memory: memory,
      window: MappedMemory(),
      forEachUsableRange: { (map, body) in plan.forEachUsableRange(of: map, body) })
  } catch {
    refuse(error, for: "the frame metadata", left: " left in a row")
  }
}

/// What only booting needed can be had from now on.
private func giveBackBootMemory(
  _ plan: KernelSpacePlan, _ frames: inout FrameAllocator<LinearMemory, MappedMemory>,
  trampoline: PhysicalAddress?
) {
  let count =
    reclaim(plan.image.bootPart, plan, &frames) + reclaim(.bootInformation, plan, &frames)
  BootReport.printFrames(frames, givenBack: count, trampoline: trampoline)
}

/// Takes in the regions of one kind; returns how many frames they had.
private func reclaim(
  _ kind: RegionKind, _ plan: KernelSpacePlan,
  _ frames: inout FrameAllocator<LinearMemory, MappedMemory>
) -> UInt64 {
  var count: UInt64 = 0
  for index in 0..<frames.map.count {
    let region = frames.map[index]
    if region.kind == kind { count += reclaim(region.range, plan, &frames) }
  }
  return count
}

private func reclaim(
  _ range: Range<PhysicalAddress>, _ plan: KernelSpacePlan,
  _ frames: inout FrameAllocator<LinearMemory, MappedMemory>
) -> UInt64 {
  let before = frames.frameCount
  plan.forEachMapped(in: range) { part in
    // Where there are no frames to note it, it stays with who had it.
    try? frames.reclaim(part)
  }
  return frames.frameCount - before
}

private func beginAreas(
  _ layout: Layout, _ memory: LinearMemory,
  _ frames: inout FrameAllocator<LinearMemory, MappedMemory>
) -> VirtualAreas<LinearMemory> {
  do throws(OutOfFrames) {
    let kept = try frames.allocate(
      VirtualAreas<LinearMemory>.initialFrameCount, as: .bookkeeping)
    return VirtualAreas(layout.vmalloc, memory: memory, keeping: kept.lowerBound)
  } catch {
    refuse(error, for: "kernel virtual areas", left: " left in a row")
  }
}
