import Addressing
import PageTables

/// Where the kernel image lies, in virtual and in physical memory.
///
///     stub, boot tables | text | rodata | data, bss | guard | stack | guard | stack | ... | guard
///      thrown away        r-x    r--       rw-         -       rw-     -       rw-           -
///
/// All of it is one physically contiguous piece; what comes after the boot part is also mapped in
/// the kernel code window, `kernelLoadedOffset` above its physical address.
public struct KernelImage: Sendable {
  /// Virtual minus physical address, modulo 2^64.
  public let kernelLoadedOffset: UInt64
  /// The whole image, the boot part included.
  public let physical: Range<PhysicalAddress>
  /// The boot part: of no use once the kernel page table is active.
  public var bootPart: Range<PhysicalAddress> {
    physical.lowerBound..<physicalAddress(of: text.lowerBound)
  }
  public let text: Range<VirtualAddress>
  public let readOnlyData: Range<VirtualAddress>
  public let data: Range<VirtualAddress>
  /// The stacks, lowest first, without their guard pages.
  public let stacks: InlineArray<4, Range<VirtualAddress>>

  public init(
    kernelLoadedOffset: UInt64, physical: Range<PhysicalAddress>, text: Range<VirtualAddress>,
    readOnlyData: Range<VirtualAddress>, data: Range<VirtualAddress>,
    stacks: InlineArray<4, Range<VirtualAddress>>
  ) {
    self.kernelLoadedOffset = kernelLoadedOffset
    self.physical = physical
    self.text = text
    self.readOnlyData = readOnlyData
    self.data = data
    self.stacks = stacks
  }

  /// The physical address behind an address of the image.
  public func physicalAddress(of virtual: VirtualAddress) -> PhysicalAddress {
    PhysicalAddress(virtual.rawValue &- kernelLoadedOffset)
  }

  public func physicalRange(of virtual: Range<VirtualAddress>) -> Range<PhysicalAddress> {
    physicalAddress(of: virtual.lowerBound)..<physicalAddress(of: virtual.upperBound)
  }

  /// The physical memory that nothing may be able to write: text and read-only data.
  public var readOnlyPhysical: Range<PhysicalAddress> {
    physicalRange(of: text.lowerBound..<readOnlyData.upperBound)
  }
}
