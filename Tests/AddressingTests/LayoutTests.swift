import Addressing
import Testing

private func window(_ from: UInt64, _ to: UInt64) -> Range<VirtualAddress> {
  VirtualAddress(from)..<VirtualAddress(to)
}

@Suite struct LayoutTests {
  @Test func defaultsOf48Bits() {
    let layout = Layout(addressWidth: .bits48)
    #expect(layout.linearMapping == window(0xffff_8000_0000_0000, 0xffff_c000_0000_0000))
    #expect(layout.vmalloc == window(0xffff_c000_0000_0000, 0xffff_e000_0000_0000))
    #expect(layout.frameMetadata == window(0xffff_e000_0000_0000, 0xffff_e100_0000_0000))
    #expect(layout.kernelCode == window(0xffff_ffff_8000_0000, 0xffff_ffff_c000_0000))
    #expect(layout.linearCapacity == 64 << 40)
    #expect(layout.vmalloc.byteCount == 32 << 40)
    #expect(layout.frameMetadata.byteCount == 1 << 40)
    #expect(Layout.end == VirtualAddress(0xffff_ffff_ffff_0000))
  }

  @Test func defaultsOf39And57Bits() {
    let narrow = Layout(addressWidth: .bits39)
    #expect(narrow.linearMapping == window(0xffff_ffc0_0000_0000, 0xffff_ffe0_0000_0000))
    #expect(narrow.vmalloc == window(0xffff_ffe0_0000_0000, 0xffff_fff0_0000_0000))
    #expect(narrow.frameMetadata == window(0xffff_fff0_0000_0000, 0xffff_fff0_8000_0000))
    #expect(narrow.kernelCode == window(0xffff_ffff_8000_0000, 0xffff_ffff_c000_0000))
    let wide = Layout(addressWidth: .bits57)
    #expect(wide.linearMapping == window(0xff00_0000_0000_0000, 0xff80_0000_0000_0000))
    #expect(wide.vmalloc == window(0xff80_0000_0000_0000, 0xffc0_0000_0000_0000))
    #expect(wide.frameMetadata == window(0xffc0_0000_0000_0000, 0xffc2_0000_0000_0000))
    #expect(wide.kernelCode == window(0xffff_ffff_8000_0000, 0xffff_ffff_c000_0000))
  }

  @Test(arguments: addressWidths)
  func defaultsPassTheirOwnValidation(width: AddressWidth) throws {
    let layout = Layout(addressWidth: width)
    let rebuilt = try Layout(
      addressWidth: width, linearMapping: layout.linearMapping, vmalloc: layout.vmalloc,
      frameMetadata: layout.frameMetadata, kernelCode: layout.kernelCode)
    #expect(rebuilt == layout)
  }

  private func with48Bits(
    linear: Range<VirtualAddress> = window(0xffff_8000_0000_0000, 0xffff_c000_0000_0000),
    vmalloc: Range<VirtualAddress> = window(0xffff_c000_0000_0000, 0xffff_e000_0000_0000),
    kernelCode: Range<VirtualAddress> = window(0xffff_ffff_8000_0000, 0xffff_ffff_c000_0000)
  ) throws(LayoutError) -> Layout {
    try Layout(
      addressWidth: .bits48, linearMapping: linear, vmalloc: vmalloc,
      frameMetadata: window(0xffff_e000_0000_0000, 0xffff_e100_0000_0000), kernelCode: kernelCode)
  }

  @Test func badWindowsAreNamed() {
    #expect(throws: LayoutError.overlap(.linearMapping, .vmalloc)) {
      try with48Bits(vmalloc: window(0xffff_b000_0000_0000, 0xffff_e000_0000_0000))
    }
    #expect(throws: LayoutError.outsideKernelHalf(.linearMapping)) {
      try with48Bits(linear: window(0x0000_0000_0000_0000, 0x0000_4000_0000_0000))
    }
    #expect(throws: LayoutError.outsideKernelHalf(.kernelCode)) {
      try with48Bits(kernelCode: window(0xffff_ffff_8000_0000, 0xffff_ffff_ffff_f000))
    }
    #expect(throws: LayoutError.misaligned(.vmalloc)) {
      try with48Bits(vmalloc: window(0xffff_c000_4000_0000, 0xffff_e000_0000_0000))
    }
    #expect(throws: LayoutError.misaligned(.kernelCode)) {
      try with48Bits(kernelCode: window(0xffff_ffff_8000_0800, 0xffff_ffff_c000_0000))
    }
    #expect(throws: LayoutError.empty(.vmalloc)) {
      try with48Bits(vmalloc: window(0xffff_c000_0000_0000, 0xffff_c000_0000_0000))
    }
  }

  @Test func kernelCodeSharesItsTopLevelEntryWithNoOtherWindow() {
    // Disjoint by address, but in the last top-level entry of the frame metadata window.
    #expect(throws: LayoutError.overlap(.frameMetadata, .kernelCode)) {
      try with48Bits(kernelCode: window(0xffff_e0ff_c000_0000, 0xffff_e100_0000_0000))
    }
  }

  @Test func everyAddressHasItsWindow() {
    let layout = Layout(addressWidth: .bits48)
    let expected: [(UInt64, Window)] = [
      (0, .lowerHalf), (0x0000_7fff_ffff_ffff, .lowerHalf),
      (0x0000_8000_0000_0000, .notCanonical), (0xffff_7fff_ffff_ffff, .notCanonical),
      (0xffff_8000_0000_0000, .linearMapping), (0xffff_bfff_ffff_ffff, .linearMapping),
      (0xffff_c000_0000_0000, .vmalloc), (0xffff_e000_0000_0000, .frameMetadata),
      (0xffff_e0ff_ffff_ffff, .frameMetadata), (0xffff_e100_0000_0000, .unusedHole),
      (0xffff_ffff_7fff_ffff, .unusedHole), (0xffff_ffff_8000_0000, .kernelCode),
      (0xffff_ffff_c000_0000, .unusedTop), (0xffff_ffff_ffff_0000, .beyondTheEnd),
      (0xffff_ffff_ffff_ffff, .beyondTheEnd),
    ]
    for (address, window) in expected {
      #expect(layout.window(of: VirtualAddress(address)) == window)
    }
  }

  @Test(arguments: addressWidths)
  func linearMappingBothWays(width: AddressWidth) throws {
    let layout = Layout(addressWidth: width)
    for physical in [0, 0x1000, 0xfee0_0000, layout.linearCapacity - 1] {
      let virtual = try layout.linearAddress(of: PhysicalAddress(physical))
      #expect(virtual.rawValue == layout.linearMapping.lowerBound.rawValue + physical)
      #expect(try layout.physicalAddress(ofLinear: virtual) == PhysicalAddress(physical))
    }
    let past = PhysicalAddress(layout.linearCapacity)
    #expect(throws: LinearMappingError.physicalAddressPastWindow(past)) {
      try layout.linearAddress(of: past)
    }
    for outside in [layout.vmalloc.lowerBound, layout.linearMapping.lowerBound - 1] {
      #expect(throws: LinearMappingError.virtualAddressOutsideWindow(outside)) {
        try layout.physicalAddress(ofLinear: outside)
      }
    }
  }
}
