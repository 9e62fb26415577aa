import Addressing
import BootInfo
import Frames
import KernelSpace
import Machine
import PageTables

// What the kernel tells about the machine it found itself on.

enum BootReport {
  static func printLoader(_ information: borrowing BootInformation) {
    if let name = information.bootLoaderName {
      print("Highland, booted by \(name)")
    } else {
      print("Highland, booted by a loader without a name")
    }
    print("command line: \(information.commandLine.bytes)")
  }

  /// The firmware's entries, as they came.
  static func printReceivedMap(_ information: borrowing BootInformation) {
    let entries = information.memoryMap
    print("memory map as received: \(entries.count) entries")
    for index in 0..<entries.count {
      let entry = entries[index]
      // An entry that runs past 2^64 is shown as it is: wrapped.
      printRange(entry.start, entry.start &+ entry.byteCount, entry.byteCount)
      if entry.kind != .reserved || entry.type == 2 {
        print("\(entry.kind.name)")
      } else {
        print("\(entry.kind.name) (type \(entry.type))")
      }
    }
  }

  static func printNormalisedMap(_ map: borrowing MemoryMap) {
    print(
      "memory map normalised: \(map.count) regions, \(bytes: map.ramByteCount) of RAM")
    for index in 0..<map.count {
      printRegion(map[index])
    }
    if map.ramLeftOut > 0 {
      print("left out: \(bytes: map.ramLeftOut) of RAM past what the CPU or the window can address")
    }
  }

  static func printRegion(_ region: MemoryRegion) {
    printRange(
      region.range.lowerBound.rawValue, region.range.upperBound.rawValue, region.range.byteCount)
    print("\(region.kind.name)")
  }

  private static func printRange(_ start: UInt64, _ end: UInt64, _ byteCount: UInt64) {
    printPart("  \(hex: start) - \(hex: end) \(bytes: byteCount, width: 13)  ")
  }

  static func printProcessor(_ features: ProcessorFeatures, _ mode: PagingMode) {
    printPart("processor: ")
    for index in features.vendor.indices { Console.put(features.vendor[index]) }
    print(
      """
      , \(mode.levels) paging levels, \(features.physicalAddressWidth) physical address bits, \
      1 GiB pages: \(features.gigabytePages ? "yes" : "no")
      """)
  }

  /// What the CPU enforces from now on, as its registers say.
  static func printProtections() {
    let (cr0, cr4, efer) = (readCR0(), readCR4(), readMSR(0xc000_0080))
    print(
      """
      protections on:\(efer & 1 << 11 != 0 ? " NX" : "")\(cr0 & 1 << 16 != 0 ? " WP" : "")\
      \(cr4 & 1 << 20 != 0 ? " SMEP" : "")\(cr4 & 1 << 21 != 0 ? " SMAP" : "")\
      \(cr4 & 1 << 11 != 0 ? " UMIP" : ""); global pages: \(cr4 & 1 << 7 != 0 ? "on" : "off")
      """)
  }

  static func printMemoryTypes(_ plan: KernelSpacePlan, _ map: borrowing MemoryMap) {
    printMemoryTypes(plan.memoryTypes)
    plan.forEachLeftOut(of: map) { (range, type) in
      print(
        "left out: RAM \(range.lowerBound) - \(range.upperBound), by its MTRR \(type.name)")
    }
  }

  static func printMemoryTypes(_ types: MemoryTypeRanges) {
    switch types.state {
    case .absent: print("memory types: this CPU has no MTRRs, so they decide nothing")
    case .disabled: print("memory types: the MTRRs are disabled, so they decide nothing")
    case .enabled: print("memory types: MTRRs enabled, default \(types.defaultType.name)")
    }
  }

  static func printTables(_ survey: AddressSpaceSurvey, _ mode: PagingMode) {
    printPart("table frames: \(survey.tableCount) =")
    for level in stride(from: mode.levels, to: 0, by: -1) {
      printPart(
        "\(level == mode.levels ? "" : " +") \(survey.tableCount(atLevel: level)) of level \(level)"
      )
    }
    print("; \(bytes: UInt64(survey.tableCount) * 4096)")
  }

  /// Later CPUs start in real mode: their first code, the trampoline, must lie below 1 MiB.
  static func printFrames(
    _ frames: borrowing FrameAllocator<LinearMemory, MappedMemory>, givenBack: UInt64,
    trampoline: PhysicalAddress?
  ) {
    printPart(
      """
      frames: \(frames.freeCount) free, \(frames.usedCount) used, longest run \(frames.longestRun); \
      \(bytes: givenBack * 4096) of boot memory given back; 
      """)
    if let trampoline {
      print("\(shortHex: trampoline.rawValue) kept for a trampoline")
    } else {
      print("none below 1 MiB for a trampoline")
    }
  }

  /// How often frames were asked for, and how often that failed on purpose.
  static func printAllocations() {
    let failures = KernelFrames.withAllocator { frames in frames.failures }
    print(
      "frame allocations: \(failures.count), \(failures.failedCount) of them failed by failframe")
  }

  /// Each promise with its result.
  ///
  /// - Returns: whether all are kept, and nothing is mapped where nothing belongs.
  static func printPromises(_ audit: AddressSpaceAudit) -> Bool {
    var isKept = true
    if let address = audit.stray {
      isKept = false
      print("something is mapped where nothing belongs: \(address)")
    }
    let promises = Promise.audited
    for index in promises.indices {
      let promise = promises[index]
      printPart("promise \(UInt64(promise.rawValue), width: 2) ")
      if let address = audit.violation(of: promise) {
        isKept = false
        print("BROKEN at \(address): \(promise.words)")
      } else {
        print("kept: \(promise.words)")
      }
    }
    return isKept
  }
}
