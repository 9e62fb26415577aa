import Addressing
import Frames
import KernelSpace
import Machine
import PageTables

// Kernel virtual areas on the live page table.

@used @section(".selftests")
private let trackedAreas: SelfTest = {
  testAreas("area-tracked") { () throws(AreaError) in
    let frames = try makeSegment(3)
    let alias = paddrToVaddr(frames.range.lowerBound)
    var given: Segment<KernelFrames>? = frames
    let area = try KernelArea.tracked(&given, .write)
    let start = area.range.lowerBound
    for offset in stride(from: 0, to: 3 * pageByteCount, by: 511) {
      let value = UInt8(truncatingIfNeeded: offset)
      expect(Probe.write(start + offset, value) == nil, "it can be written")
      expect(load8((alias + offset).rawValue) == value, "the linear mapping has what was written")
    }
    store8(alias.rawValue, 0x5a)
    expect(load8(start.rawValue) == 0x5a, "and the area what is written there")
  }
}

@used @section(".selftests")
private let guardPages: SelfTest = {
  testAreas("area-guard-pages") { () throws(AreaError) in
    let one = try makeArea(1)
    let two = try makeArea(2)
    expectGuards(around: one.range)
    expectGuards(around: two.range)
  }
}

@used @section(".selftests")
private let endedAreas: SelfTest = {
  testAreas("area-end") { () throws(AreaError) in
    let ended: Range<VirtualAddress>
    do {
      let area = try makeArea(2)
      ended = area.range
      expect(Probe.write(ended.lowerBound, 1) == nil, "it can be written")
    }
    let next = try makeArea(2)
    expect(!next.range.overlaps(ended), "before a flush nothing is there twice")
    KernelHalf.flush()
    expect(
      Probe.read(ended.lowerBound), isPageFault: 0x0, at: ended.lowerBound, "then it is gone")
    let again = try makeArea(2)
    expect(again.range == ended, "and its addresses can be had again")
  }
}

@used @section(".selftests")
private let protectedAreas: SelfTest = {
  testAreas("area-protect") { () throws(AreaError) in
    var area = try makeArea(3)
    let middle = area.range.lowerBound + pageByteCount
    expect(Probe.write(middle, 1) == nil, "it can be written")
    try area.protect(pageByteCount..<2 * pageByteCount, .none)
    expect(Probe.write(middle, 2), isPageFault: 0x3, at: middle, "then a write faults")
    expect(Probe.read(middle) == nil && load8(middle.rawValue) == 1, "a read does not")
    expect(Probe.write(middle + pageByteCount, 3) == nil, "the next page is as it was")
    expect(Probe.execute(middle), isPageFault: 0x11, at: middle, "it can't be executed")
    try area.protect(pageByteCount..<2 * pageByteCount, .write)
    expect(Probe.write(middle, 4) == nil, "made writable, it can be written")
    expect(
      error { () throws(AreaError) in try area.protect(0..<pageByteCount, .execute) }
        == .forbidden(.execute), "it can't be made executable")
  }
}

@used @section(".selftests")
private let filledAreas: SelfTest = {
  testAreas("area-fill-and-unmap") { () throws(AreaError) in
    var area = try KernelArea(byteCount: 4 * pageByteCount)
    let start = area.range.lowerBound
    expect(Probe.read(start), isPageFault: 0x0, at: start, "it begins with nothing")
    var frames: Segment<KernelFrames>? = try makeSegment(2)
    try area.map(&frames, .write, at: pageByteCount)
    expect(Probe.read(start), isPageFault: 0x0, at: start, "below the mapping is nothing")
    expect(Probe.write(start + pageByteCount, 1) == nil, "the mapping is where it was asked for")
    expect(Probe.write(start + 3 * pageByteCount - 1, 1) == nil, "to its end")
    var more: Segment<KernelFrames>? = try makeSegment(1)
    expect(
      error { () throws(AreaError) in try area.map(&more, .write, at: 2 * pageByteCount) }
        == .pageTable(.alreadyMapped(start + 2 * pageByteCount)), "nothing is mapped over something"
    )
    try area.unmap(pageByteCount..<2 * pageByteCount)
    expect(
      Probe.read(start + pageByteCount), isPageFault: 0x0, at: start + pageByteCount,
      "unmapped, it faults")
    expect(Probe.read(start + 2 * pageByteCount) == nil, "the rest is there")
  }
}

@used @section(".selftests")
private let splitAreas: SelfTest = {
  testAreas("area-split") { () throws(AreaError) in
    let large = PageSize.size2MiB.byteCount
    let reserved: Range<VirtualAddress>
    let upperPage: VirtualAddress
    do {
      var lower = try makeArea(512, order: 9)
      reserved = lower.range
      let start = lower.range.lowerBound
      expect(liveEntry(of: start, atLevel: 2) & 0x81 == 0x81, "one large page maps it")
      expect(Probe.write(start + large - 1, 7) == nil, "it can be written")
      let upper = try lower.split(at: 3 * pageByteCount)
      expect(
        lower.range == start..<start + 3 * pageByteCount
          && upper.range.lowerBound == start + 3 * pageByteCount,
        "the halves meet where asked for")
      expect(load8((start + large - 1).rawValue) == 7, "they have what the whole had")
      upperPage = upper.range.lowerBound
      drop(lower)
      KernelHalf.flush()
      expect(Probe.read(start), isPageFault: 0x0, at: start, "the lower half is gone")
      expect(Probe.write(upperPage, 9) == nil, "the upper is not")
      let other = try makeArea(1)
      expect(!other.range.overlaps(reserved), "its addresses stay reserved")
      expectGuards(around: reserved)
    }
    KernelHalf.flush()
    expect(Probe.read(upperPage), isPageFault: 0x0, at: upperPage, "until both are gone")
  }
}

@used @section(".selftests")
private let queries: SelfTest = {
  testAreas("area-query") { () throws(AreaError) in
    let frames = try makeSegment(2)
    let second = frames[1]
    var given: Segment<KernelFrames>? = frames
    let area = try KernelArea.tracked(&given, .write, byteCount: 3 * pageByteCount)
    guard case .tracked(let address, let property) = try area.query(pageByteCount + 5) else {
      return expect(false, "the second page is tracked")
    }
    expect(address == second, "its frame is the second")
    expect(property.rights == .write && property.isGlobal, "it can be written, everywhere")
    if let frame = try area.frame(at: pageByteCount) {
      expect(frame.address == second && frame.ownerCount == 2, "the frame can be owned, too")
    } else {
      expect(false, "the frame can be had")
    }
    expect(try area.query(2 * pageByteCount) == nil, "nothing is on the third page")
  }
}

@used @section(".selftests")
private let untrackedAreas: SelfTest = {
  testAreas("area-untracked") { () throws(AreaError) in
    // The local APIC's registers: there on every PC, and never RAM.
    let device = PhysicalAddress(0xfee0_0000)..<PhysicalAddress(0xfee0_1000)
    let area = try KernelArea.untracked(
      device, PageProperty(rights: .write, memoryType: .uncacheable))
    expect(liveType(of: area.range.lowerBound, .size4KiB) == 0, "its entry says uncacheable")
    // The version register (SDM volume 3, 11.4.8): 0x1x in every integrated APIC.
    let version = load32(area.range.lowerBound.rawValue + 0x30)
    expect(version & 0xf0 == 0x10, "the device answers")

    let ram = try makeSegment(1)
    expect(
      error { () throws(AreaError) in _ = try KernelArea.untracked(ram.range, .kernel(.write)) }
        == .owned(ram.range.lowerBound, .usable), "RAM that has an owner is refused")
  }
}

@used @section(".selftests")
private let manyAreas: SelfTest = {
  testAreas("area-10000") { () throws(AreaError) in
    for index in 0..<10_000 as Range<UInt64> {
      let area = try makeArea(index % 5 + 1)
      store8(area.range.lowerBound.rawValue, UInt8(truncatingIfNeeded: index))
      let last = area.range.upperBound - 1
      store8(last.rawValue, UInt8(truncatingIfNeeded: index))
      guard load8(area.range.lowerBound.rawValue) == load8(last.rawValue) else {
        return expect(false, "an area holds what was written")
      }
    }
  }
}

@used @section(".selftests")
private let exhaustion: SelfTest = {
  testAreas("area-exhaustion") { () throws(AreaError) in
    let window = KernelState.layout.vmalloc.byteCount
    expect(
      error { () throws(AreaError) in _ = try KernelArea(byteCount: window) }
        == .outOfAddresses(pageCount: window >> PageSize.size4KiB.shift),
      "the window itself leaves no room for guard pages")
    expect(
      error { () throws(AreaError) in _ = try KernelArea(byteCount: 0) } == .empty,
      "nothing is no area")
    let free = KernelFrames.withAllocator { frames in frames.freeCount }
    if case .outOfFrames = error(of: { () throws(AreaError) in _ = try makeSegment(free + 1) }) {
    } else {
      expect(false, "more frames than there are is an error")
    }
  }
}

@used @section(".selftests")
private let reclaimedMemory: SelfTest = {
  testAreas("reclaimed-boot-memory") { () throws(AreaError) in
    let boot = KernelState.image.bootPart
    KernelFrames.withAllocator { frames in
      for frame in stride(
        from: boot.lowerBound.rawValue, to: boot.upperBound.rawValue, by: Int(pageByteCount))
      {
        let kind = frames.use(of: PhysicalAddress(frame))?.kind
        expect(kind != .kernel && kind != nil, "no frame of the boot part is the kernel's")
      }
      let text = KernelState.image.physicalAddress(of: KernelState.image.text.lowerBound)
      expect(frames.use(of: text)?.kind == .kernel, "kernel text is")
    }
  }
}
