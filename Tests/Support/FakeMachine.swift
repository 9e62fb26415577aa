// Made-up machines: a CPU by its CPUID leaves and MSRs, the firmware's memory map, and a kernel
// image somewhere in it.

import Addressing
import BootInfo
import KernelSpace
import Machine
import Oracle
import PageTables

/// What a CPU can do that decides what a page table looks like.
public struct FakeCPU: CustomStringConvertible, Sendable {
  public let mode: PagingMode
  public let gigabytePages: Bool

  public init(mode: PagingMode, gigabytePages: Bool) {
    (self.mode, self.gigabytePages) = (mode, gigabytePages)
  }

  public static let all = [PagingMode.fourLevel, .fiveLevel].flatMap { mode in
    [true, false].map { FakeCPU(mode: mode, gigabytePages: $0) }
  }

  public var description: String {
    "\(mode.levels) levels, \(gigabytePages ? "with" : "without") 1 GiB pages"
  }
}

public struct FakeMachine: Sendable {
  public var cpu: FakeCPU
  public var physicalAddressWidth: Int
  /// The firmware's memory map. The kernel image is added to it.
  public var reports: [Report]
  public var image: FakeImage
  /// `nil` for a CPU without MTRRs.
  public var registers: Registers?
  /// Whether it has AMD's TOM2 beside its MTRRs.
  public var hasTopOfMemory2 = false

  public init(
    cpu: FakeCPU = FakeCPU(mode: .fourLevel, gigabytePages: true), physicalAddressWidth: Int = 46,
    reports: [Report], image: FakeImage = FakeImage(), registers: Registers? = nil
  ) {
    self.cpu = cpu
    self.physicalAddressWidth = physicalAddressWidth
    self.reports = reports
    self.image = image
    self.registers = registers
  }

  public var features: ProcessorFeatures {
    ProcessorFeatures { leaf, _ in
      switch leaf {
      case 0: CPUIDResult(eax: 1, ebx: 0, ecx: 0, edx: 0)
      case 1: CPUIDResult(eax: 0, ebx: 0, ecx: 0, edx: registers == nil ? 0 : 1 << 12)
      case 0x8000_0000: CPUIDResult(eax: 0x8000_0008, ebx: 0, ecx: 0, edx: 0)
      case 0x8000_0001: CPUIDResult(eax: 0, ebx: 0, ecx: 0, edx: cpu.gigabytePages ? 1 << 26 : 0)
      default: CPUIDResult(eax: UInt32(physicalAddressWidth), ebx: 0, ecx: 0, edx: 0)
      }
    }
  }

  /// Where RAM must end: past it, the CPU has no addresses or the linear window has none.
  public var limit: UInt64 {
    min(1 << physicalAddressWidth, cpu.mode == .fourLevel ? 64 << 40 : 1 << 52)
  }

  public func map() throws(MemoryMapError) -> MemoryMap {
    try MemoryMap(reports + [image.report], limit: limit)
  }

  public func plan() throws -> KernelSpacePlan {
    let none = Registers(values: [:], width: physicalAddressWidth)
    return KernelSpacePlan(
      layout: Layout(addressWidth: cpu.mode.addressWidth), image: image.kernelImage,
      memoryTypes: try (registers ?? none).decoded(
        areSupported: features.mtrr, hasTopOfMemory2: hasTopOfMemory2))
  }

  /// What the oracle has to know.
  ///
  /// - Parameter ram: what must be in the linear mapping.
  public func oracle(ram: [Range<UInt64>]) -> Oracle.Machine {
    Oracle.Machine(
      windows: Windows(levels: cpu.mode.levels), gigabytePages: cpu.gigabytePages, ram: ram,
      text: image.virtual(0), readOnly: [image.readOnly])
  }
}

extension FakeMachine {
  /// A PC with this much RAM: a hole below 1 MiB, one below 4 GiB where the devices are, and above
  /// it the RAM that they displace. The last RAM below the hole holds ACPI tables and NVS; the rest
  /// ends, like PCs do, off a large page's boundary.
  public static func pc(
    ramByteCount: UInt64, cpu: FakeCPU = FakeCPU(mode: .fourLevel, gigabytePages: true),
    physicalAddressWidth: Int = 46
  ) -> FakeMachine {
    let low = min(ramByteCount, 3 << 30)
    var reports = [
      Report(0, 0x9_fc00, .usable), Report(0x9_fc00, 0xa_0000, .reserved),
      Report(0xf_0000, 0x10_0000, .reserved), Report(0x10_0000, low - 0x2_1000, .usable),
      Report(low - 0x2_1000, low - 0x1_1000, .acpi), Report(low - 0x1_1000, low - 0x1000, .nvs),
      Report(low - 0x1000, low, .reserved), Report(0xfec0_0000, 0x1_0000_0000, .reserved),
    ]
    if ramByteCount > low {
      reports.append(Report(1 << 32, ramByteCount + 1 << 30 - 0x5000, .usable))
    }
    return FakeMachine(
      cpu: cpu, physicalAddressWidth: physicalAddressWidth, reports: reports)
  }

  /// What such a PC's linear mapping must hold, were there no limit.
  public static func pcRAM(ramByteCount: UInt64) -> [Range<UInt64>] {
    let low = min(ramByteCount, 3 << 30)
    let lower: [Range<UInt64>] = [0..<0x9_f000, 0x10_0000..<low - 0x1000]
    return ramByteCount > low ? lower + [1 << 32..<ramByteCount + 1 << 30 - 0x5000] : lower
  }
}

/// A kernel image, linked to be loaded at 2 MiB; without other word it takes 1.5 MiB, no less than
/// the real one.
///
///     0x6000  text  rodata  0x1d000 of data  guard  stack  guard  stack  ... guard
public struct FakeImage: Sendable {
  /// Where it is loaded: a multiple of 2 MiB.
  public var start: UInt64
  public var textByteCount: UInt64
  public var readOnlyDataByteCount: UInt64

  public init(
    start: UInt64 = 0x20_0000, textByteCount: UInt64 = 0xf_8000,
    readOnlyDataByteCount: UInt64 = 0x5_0000
  ) {
    self.start = start
    self.textByteCount = textByteCount
    self.readOnlyDataByteCount = readOnlyDataByteCount
  }

  public static let linkedAt: UInt64 = 0xffff_ffff_8020_0000

  /// What is mapped, as distances from the start: text, read-only data, data, four stacks.
  public var segments: [Range<UInt64>] {
    let text = 0x6000..<0x6000 + textByteCount
    let readOnlyData = text.upperBound..<text.upperBound + readOnlyDataByteCount
    let data = readOnlyData.upperBound..<readOnlyData.upperBound + 0x1_d000
    let stacks = (0..<4 as Range<UInt64>).map { index -> Range<UInt64> in
      let guardPage = data.upperBound + index * 0x5000
      return guardPage + 0x1000..<guardPage + 0x5000
    }
    return [text, readOnlyData, data] + stacks
  }

  public var byteCount: UInt64 { segments[6].upperBound + 0x1000 }
  public var report: Report { Report(start, start + byteCount, .kernel) }

  public func virtual(_ segment: Int) -> Range<UInt64> {
    segments[segment].shifted(by: Self.linkedAt)
  }
  public func physical(_ segment: Int) -> Range<UInt64> { segments[segment].shifted(by: start) }

  /// What nothing may write, physical.
  public var readOnly: Range<UInt64> { physical(0).lowerBound..<physical(1).upperBound }

  public var kernelImage: KernelImage {
    func addresses(_ segment: Int) -> Range<VirtualAddress> { .init(virtual(segment)) }
    return KernelImage(
      kernelLoadedOffset: Self.linkedAt - start, physical: .init(report.range), text: addresses(0),
      readOnlyData: addresses(1), data: addresses(2), stacks: InlineArray { addresses(3 + $0) })
  }
}

extension Range<UInt64> {
  public func shifted(by distance: UInt64) -> Range {
    lowerBound + distance..<upperBound + distance
  }
}

extension Range where Bound: Address {
  public init(_ numbers: Range<UInt64>) {
    self = Bound(numbers.lowerBound)..<Bound(numbers.upperBound)
  }
}
