import Addressing
import KernelSpace
import Machine

// What the CPU refuses in the address space as it was booted.

@used @section(".selftests")
private let allowedAccesses: SelfTest = {
  test("allowed-accesses") {
    let text = KernelState.image.text.lowerBound
    // The lowest byte of the stack, which never grows that far.
    let data = KernelState.image.stacks[0].lowerBound
    expect(Probe.read(text) == nil, "kernel text can be read")
    expect(Probe.execute(VirtualAddress(probeSites.ret)) == nil, "kernel text can be executed")
    expect(Probe.write(data, 0x5a) == nil && load8(data.rawValue) == 0x5a, "a stack takes a byte")
    expect(Probe.write(data, 0xa5) == nil && load8(data.rawValue) == 0xa5, "and another")
  }
}

@used @section(".selftests")
private let pageZero: SelfTest = {
  test("page-0") {
    let first = VirtualAddress(0)
    let last = VirtualAddress(0xfff)
    expect(Probe.read(first), isPageFault: 0x0, at: first, "a read through null faults")
    expect(Probe.write(first, 0), isPageFault: 0x2, at: first, "a write through null faults")
    expect(Probe.execute(first), isPageFault: 0x10, at: first, "a call through null faults")
    expect(Probe.read(last), isPageFault: 0x0, at: last, "so does the page's last byte")
  }
}

@used @section(".selftests")
private let readOnlyImage: SelfTest = {
  test("read-only-image") {
    let image = KernelState.image
    let text = image.text.lowerBound
    let constants = image.readOnlyData.lowerBound
    let alias = paddrToVaddr(image.physicalAddress(of: text))
    expect(Probe.write(text, 0), isPageFault: 0x3, at: text, "a write to kernel text faults")
    expect(
      Probe.write(constants, 0), isPageFault: 0x3, at: constants,
      "a write to read-only data faults")
    expect(
      Probe.write(alias, 0), isPageFault: 0x3, at: alias,
      "a write to the linear alias of kernel text faults")
  }
}

@used @section(".selftests")
private let executeData: SelfTest = {
  test("execute-data") {
    let image = KernelState.image
    let alias = paddrToVaddr(image.physicalAddress(of: VirtualAddress(probeSites.ret)))
    let places: InlineArray = [image.data, image.readOnlyData, image.stacks[0]]
    for index in places.indices {
      let address = places[index].lowerBound
      expect(
        Probe.execute(address), isPageFault: 0x11, at: address,
        "a call into data, read-only data or a stack faults")
    }
    expect(
      Probe.execute(alias), isPageFault: 0x11, at: alias,
      "a call into the linear alias of kernel text faults")
  }
}

@used @section(".selftests")
private let stackGuards: SelfTest = {
  test("stack-guards") {
    let stacks = KernelState.image.stacks
    for index in stacks.indices {
      let below = stacks[index].lowerBound - 1
      let above = stacks[index].upperBound
      expect(Probe.write(below, 0), isPageFault: 0x2, at: below, "a write below a stack faults")
      expect(Probe.write(above, 0), isPageFault: 0x2, at: above, "a write above a stack faults")
    }
  }
}

@used @section(".selftests")
private let nonCanonical: SelfTest = {
  test("non-canonical") {
    let address = KernelState.layout.addressWidth.lowerHalfEnd
    // General protection, with an error code of 0 (SDM volume 1, 3.3.7.1).
    let faults: InlineArray = [
      Probe.read(address), Probe.write(address, 0), Probe.execute(address),
    ]
    for index in faults.indices {
      expect(
        faults[index]?.vector == 13 && faults[index]?.errorCode == 0,
        "any access to such an address is a #GP")
    }
  }
}
