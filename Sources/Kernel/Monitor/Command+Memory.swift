import Addressing
import BootInfo
import Frames
import KernelSpace
import PageTables

extension Command {
  /// The memory map, and what the allocators have of it.
  @_lifetime(arguments: copy arguments)
  func memory(_ arguments: inout Arguments) throws(CommandFailure) {
    try arguments.finish()
    let (count, ramByteCount) = KernelFrames.withAllocator { frames in
      (frames.map.count, frames.map.ramByteCount)
    }
    print("memory map: \(count) regions, \(bytes: ramByteCount) of RAM")
    for index in 0..<count {
      BootReport.printRegion(KernelFrames.withAllocator { frames in frames.map[index] })
    }
    let frames = KernelFrames.withAllocator { frames in
      (
        free: frames.freeCount, used: frames.usedCount, longest: frames.longestRun,
        bookkeeping: frames.bookkeepingFrameCount
      )
    }
    let page = PageSize.size4KiB.byteCount
    print(
      """
      frames: \(frames.free) free (\(bytes: frames.free * page)), \(frames.used) used \
      (\(bytes: frames.used * page)), longest free run \(frames.longest) \
      (\(bytes: frames.longest * page)); \(frames.bookkeeping) keep account of them
      """)
    let areas = KernelHalf.withAreas { areas in
      (
        reserved: areas.reservationCount, free: areas.freePageCount,
        bookkeeping: areas.bookkeepingFrameCount
      )
    }
    print(
      """
      vmalloc: \(areas.reserved) reservations, \(areas.free) pages free; \
      \(areas.bookkeeping) frames keep account of them
      """)
  }

  /// What a frame is used for, and every address that maps it.
  @_lifetime(arguments: copy arguments)
  func frame(_ arguments: inout Arguments) throws(CommandFailure) {
    let address = PhysicalAddress(try arguments.number(arguments.next("PHYSICAL")))
    try arguments.finish()
    let frame = address.alignedDown(to: .size4KiB)
    let found = KernelFrames.withAllocator { frames in
      (region: frames.map.kind(at: frame), use: frames.use(of: frame))
    }
    let number = frame.rawValue >> PageSize.size4KiB.shift
    print("frame \(frame), number \(number): \(found.region?.name ?? "a hole")")
    if let use = found.use {
      let slot = KernelState.layout.frameMetadata.lowerBound + number * 16
      let isBacked = (try? KernelState.liveReader.query(slot)) != nil
      print(
        """
          slot     \(slot)\(isBacked ? "" : ", not backed: nobody used a frame near it yet")
          state    \(use.state.name)
          use      \(use.kind.name)
        """)
      if use.state == .shared { print("  owners   \(UInt64(use.count))") }
    }
    LiveMappings.forEachRun { run in
      guard run.physicalRange.contains(frame) else { return }
      let place = run.virtual.lowerBound + (frame - run.physical)
      print("  mapped   \(place) \(run.effectiveRights.word) \(AreaOwner(of: place))")
    }
  }
}

extension FrameState {
  var name: StaticString {
    switch self {
    case .unused: "unused"
    case .reserved: "reserved: nobody else ever gets it"
    case .shared: "shared, free once its last owner ends"
    case .exclusive: "with one owner, who may write to it"
    case .busy: "busy: it waits for a flush"
    }
  }
}

extension FrameKind {
  var name: StaticString {
    switch self {
    case .none: "none"
    case .notRAM: "not RAM"
    case .faulty: "faulty"
    case .kernel: "kernel image"
    case .module: "module"
    case .firmware: "firmware"
    case .trampoline: "trampoline for later CPUs"
    case .pageTable: "page table"
    case .metadata: "frame metadata"
    case .bookkeeping: "bookkeeping of allocators"
    case .data: "data"
    }
  }
}
