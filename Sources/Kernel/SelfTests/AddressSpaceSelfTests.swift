import Addressing
import Frames
import KernelSpace
import Machine
import PageTables

// Address spaces on the CPU: below each its own, above the kernel's for all.

typealias UserSpace = AddressSpace<KernelHalf>

private let place = VirtualAddress(0x40_0000)

/// An address space with one frame at `place`, the first byte of which is `value`.
private func makeSpace(_ value: UInt8) throws(AreaError) -> UserSpace {
  var space = try UserSpace()
  let frames = try makeSegment(1)
  store8(paddrToVaddr(frames.range.lowerBound).rawValue, value)
  var given: Segment<KernelFrames>? = frames
  try space.map(&given, at: place, .write)
  return space
}

/// A byte of user mode's, read by the kernel: where SMAP is on, that has to be allowed (SDM volume
/// 3, 4.6.1).
private func loadUser8(_ address: VirtualAddress) -> UInt8 {
  let smap = readCR4() & 1 << 21 != 0
  if smap { allowUserAccess() }
  defer { if smap { forbidUserAccess() } }
  return load8(address.rawValue)
}

@used @section(".selftests")
private let addressSpaces: SelfTest = {
  testAreas("address-spaces") { () throws(AreaError) in
    let one = try makeSpace(1)
    let two = try makeSpace(2)
    let later = try makeArea(1)
    one.activate()
    expect(loadUser8(place) == 1, "the first has its frame below")
    expect(Probe.write(later.range.lowerBound, 7) == nil, "the kernel's newest area is in it")
    two.activate()
    expect(loadUser8(place) == 2, "the second has another at the same address")
    expect(load8(later.range.lowerBound.rawValue) == 7, "and the same area")
    let newest = try makeArea(1)
    expect(Probe.write(newest.range.lowerBound, 8) == nil, "an area made while it is active")
    one.activate()
    expect(load8(newest.range.lowerBound.rawValue) == 8, "is in the other as well")
    KernelHalf.leaveAddressSpace()
    expect(Probe.read(place), isPageFault: 0x0, at: place, "without one, the lower half is empty")
  }
}

@used @section(".selftests")
private let changesBelow: SelfTest = {
  testAreas("address-space-changes") { () throws(AreaError) in
    var space = try makeSpace(3)
    space.activate()
    let page = place..<place + pageByteCount
    expect(liveEntry(of: place, atLevel: 1) & 0x7 == 0x7, "a page is open to user mode")
    try space.protect(page, .none)
    expect(liveEntry(of: place, atLevel: 1) & 0x7 == 0x5, "protected, it is read-only")
    expect(
      Probe.write(place, 0), isPageFault: 0x3, at: place, "and the CPU knows: a write faults")
    expect(
      error { () throws(AreaError) in try space.protect(page, .write | .execute) }
        == .forbidden(.write | .execute), "nothing is writable and executable")
    try space.unmap(page)
    expect(Probe.read(place), isPageFault: 0x0, at: place, "unmapped, it is gone")
    var again: Segment<KernelFrames>? = try makeSegment(1)
    try space.map(&again, at: place, .write)
    expect(liveEntry(of: place, atLevel: 1) & 0x7 == 0x7, "mapped again, it is there")
    let upper = KernelState.layout.vmalloc.lowerBound
    expect(
      error { () throws(AreaError) in try space.unmap(upper..<upper + pageByteCount) }
        == .pageTable(.notCanonical(upper)), "the kernel half is out of reach")
    KernelHalf.leaveAddressSpace()
  }
}

@used @section(".selftests")
private let stacks: SelfTest = {
  testAreas("kernel-stack") { () throws(AreaError) in
    let stack = try KernelStack<KernelHalf>(pageCount: 4)
    expect(Probe.write(stack.top - 1, 1) == nil, "its highest byte can be written")
    expect(Probe.write(stack.range.lowerBound, 1) == nil, "and its lowest")
    expectGuards(around: stack.range)
  }
}
