// The kernel's address space, highest address on top. The literals are those of a 39-bit space;
// wider spaces shift them left. Kernel code and the end stand still in every width.
//
//     +-+ <- 2^64
//     | |    beyond the end, never used
//     +-+ <- 0xffff_ffff_ffff_0000   end
//     | |    unused
//     +-+ <- 0xffff_ffff_c000_0000
//     | |    kernel code: the kernel image, each segment with its own rights
//     +-+ <- 0xffff_ffff_8000_0000
//     | |    unused hole                  48 bits                   57 bits
//     +-+ <- 0xffff_fff0_8000_0000 << s   0xffff_e100_0000_0000     0xffc2_0000_0000_0000
//     | |    frame metadata
//     +-+ <- 0xffff_fff0_0000_0000 << s   0xffff_e000_0000_0000     0xffc0_0000_0000_0000
//     | |    vmalloc: kernel virtual areas
//     +-+ <- 0xffff_ffe0_0000_0000 << s   0xffff_c000_0000_0000     0xff80_0000_0000_0000
//     | |    linear mapping: all RAM at base + physical address
//     +-+ <- 0xffff_ffc0_0000_0000 << s   0xffff_8000_0000_0000     0xff00_0000_0000_0000

/// Where each window of the kernel's address space lies. No code knows a window's literal; all
/// addresses come from one value of this type.
public struct Layout: Equatable, Sendable {
  public let addressWidth: AddressWidth
  public let linearMapping: Range<VirtualAddress>
  public let vmalloc: Range<VirtualAddress>
  public let frameMetadata: Range<VirtualAddress>
  public let kernelCode: Range<VirtualAddress>

  /// The first address that is never used: a pointer one past an object must not wrap.
  public static let end = VirtualAddress(0xffff_ffff_ffff_0000)

  /// The default layout of an address width.
  public init(addressWidth: AddressWidth) {
    let shift = UInt64(addressWidth.rawValue) - 39
    func window(_ from: UInt64, _ to: UInt64) -> Range<VirtualAddress> {
      VirtualAddress(from << shift)..<VirtualAddress(to << shift)
    }
    self.addressWidth = addressWidth
    linearMapping = window(0xffff_ffc0_0000_0000, 0xffff_ffe0_0000_0000)
    vmalloc = window(0xffff_ffe0_0000_0000, 0xffff_fff0_0000_0000)
    frameMetadata = window(0xffff_fff0_0000_0000, 0xffff_fff0_8000_0000)
    kernelCode = VirtualAddress(0xffff_ffff_8000_0000)..<VirtualAddress(0xffff_ffff_c000_0000)
  }

  /// A layout with windows of the caller's choice.
  ///
  /// - Throws: `LayoutError` unless the windows are disjoint, lie in the kernel half below `end`,
  ///   and start and end on a top-level entry. Kernel code alone may share its top-level entry,
  ///   with unused addresses only; it starts and ends on a page.
  public init(
    addressWidth: AddressWidth, linearMapping: Range<VirtualAddress>,
    vmalloc: Range<VirtualAddress>, frameMetadata: Range<VirtualAddress>,
    kernelCode: Range<VirtualAddress>
  ) throws(LayoutError) {
    self.addressWidth = addressWidth
    self.linearMapping = linearMapping
    self.vmalloc = vmalloc
    self.frameMetadata = frameMetadata
    self.kernelCode = kernelCode
    try validate()
  }
}

/// Why explicit windows do not make a layout. Each case names the offending window.
public enum LayoutError: Error, Equatable {
  case empty(Window)
  case outsideKernelHalf(Window)
  case misaligned(Window)
  case overlap(Window, Window)
}
