import Addressing
import Testing

// The kernel's enums are not CaseIterable: `allCases` is an array, and the kernel has no heap.
let pageSizes: [PageSize] = [.size4KiB, .size2MiB, .size1GiB]
let addressWidths: [AddressWidth] = [.bits39, .bits48, .bits57]
let pagingModes: [PagingMode] = [.fourLevel, .fiveLevel]

@Suite struct AddressTests {
  @Test func alignment() {
    let address = PhysicalAddress(0x4020_1234)
    #expect(address.alignedDown(to: .size4KiB) == PhysicalAddress(0x4020_1000))
    #expect(address.alignedUp(to: .size4KiB) == PhysicalAddress(0x4020_2000))
    #expect(address.alignedDown(to: .size2MiB) == PhysicalAddress(0x4020_0000))
    #expect(address.alignedUp(to: .size1GiB) == PhysicalAddress(0x8000_0000))
    #expect(!address.isAligned(to: .size4KiB))
    #expect(PhysicalAddress(0x4000_0000).isAligned(to: .size1GiB))
    #expect(PhysicalAddress(0x4000_0000).alignedUp(to: .size1GiB) == PhysicalAddress(0x4000_0000))
    #expect(VirtualAddress(0xffff_ffff_ffff_f001).alignedUp(to: .size4KiB) == nil)
  }

  @Test func canonicalAddresses() {
    for (address, in48, in57) in [
      (0x0000_7fff_ffff_ffff, true, true), (0x0000_8000_0000_0000, false, true),
      (0x00ff_ffff_ffff_ffff, false, true), (0x0100_0000_0000_0000, false, false),
      (0xff00_0000_0000_0000, false, true), (0xffff_8000_0000_0000, true, true),
      (0xffff_7fff_ffff_ffff, false, true), (0xfeff_ffff_ffff_ffff, false, false),
    ] as [(UInt64, Bool, Bool)] {
      #expect(VirtualAddress(address).isCanonical(in: .bits48) == in48)
      #expect(VirtualAddress(address).isCanonical(in: .bits57) == in57)
    }
  }

  @Test func pageSizesAndModes() {
    #expect(pageSizes.map(\.byteCount) == [1 << 12, 1 << 21, 1 << 30])
    #expect(pageSizes.map(\.level) == [1, 2, 3])
    #expect(addressWidths.map(\.levels) == [3, 4, 5])
    #expect(addressWidths.map(\.topLevelEntrySpan) == [1 << 30, 1 << 39, 1 << 48])
    #expect(pagingModes.map(\.addressWidth) == [.bits48, .bits57])
    #expect(pagingModes.map(\.levels) == [4, 5])
  }
}
