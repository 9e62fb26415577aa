// From information to memory map: which tag adds what, and that EFI only takes away.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct CollectMemoryTests {
  private func collected(
    _ builder: InformationBuilder, at address: UInt64 = 0x1_0000
  ) throws -> Outcome {
    try parse(builder.finished(), at: address) { information in
      var map = MemoryMap()
      try information.collectMemory(into: &map)
      try map.normalise(limit: 1 << 46)
      return Outcome(of: map)
    }
  }

  @Test func everything() throws {
    #expect(
      try collected(.complete).regions == [
        Report(0, 0x1_0000, .usable),
        Report(0x1_0000, 0x1_1000, .bootInformation),
        Report(0x1_1000, 0x9_f000, .usable),
        Report(0x9_f000, 0xa_0000, .reserved),
        Report(0xf_0000, 0x10_0000, .reserved),
        Report(0x10_0000, 0x40_0000, .usable),
        Report(0x40_0000, 0x40_2000, .module),
        Report(0x40_2000, 0x60_0000, .usable),
        Report(0x60_0000, 0x61_0000, .reserved),
        Report(0x61_0000, 0x7fe_0000, .usable),
        Report(0x7fe_0000, 0x7ff_0000, .acpi),
        Report(0x7ff_0000, 0x800_0000, .nvs),
        Report(0x8000_0000, 0x8030_0000, .framebuffer),
        Report(0xfffc_0000, 0x1_0000_0000, .reserved),
      ])
  }

  @Test func entryTypes() throws {
    for (type, kind) in [
      (0, .reserved), (1, .usable), (2, .reserved), (3, .acpi), (4, .nvs), (5, .unusable),
      (6, .reserved), (7, .persistent), (12, .reserved), (20, .reserved), (.max, .reserved),
    ] as [(UInt32, RegionKind)] {
      var builder = InformationBuilder()
      builder.memoryMap([(0x20_0000, 0x1000, type)])
      #expect(try parse(builder.finished()) { $0.memoryMap[0].kind } == kind)
    }
  }

  @Test func efiTypes() throws {
    let kinds: [RegionKind?] = [
      .reserved, nil, nil, nil, nil, .reserved, .reserved, nil, .unusable, .acpi, .nvs, .reserved,
      .reserved, .reserved, .persistent, .reserved,
    ]
    for (type, kind) in kinds.enumerated() {
      var builder = InformationBuilder()
      builder.memoryMap([])
      builder.efiMemoryMap([(UInt32(type), 0, 1, 0xf), (UInt32(type), 0, 1, 0x4_000f)])
      try parse(builder.finished()) { information in
        #expect(information.efiMemoryMap?[0].restriction == kind, "type \(type)")
        #expect(information.efiMemoryMap?[1].restriction == kind ?? .reserved, "type \(type)")
      }
    }
  }

  /// No EFI descriptor makes RAM where the memory map has none; runtime services take some away.
  @Test func efiOnlyRestricts() throws {
    var builder = InformationBuilder()
    builder.memoryMap([(0x10_0000, 0x10_0000, 1)])
    builder.efiMemoryMap([
      (7, 0x100_0000, 0x1000, 0xf), (6, 0x18_0000, 1, 0xf), (7, 0x19_0000, 1, 0x4_000f),
      (4, 0x1a_0000, .max, 0xf),
    ])
    #expect(
      try collected(builder).regions == [
        Report(0x10_0000, 0x18_0000, .usable), Report(0x18_0000, 0x18_1000, .reserved),
        Report(0x18_1000, 0x19_0000, .usable), Report(0x19_0000, 0x19_1000, .reserved),
        Report(0x19_1000, 0x20_0000, .usable),
      ])
  }

  @Test func hugeDescriptorDoesNotWrap() throws {
    var builder = InformationBuilder()
    builder.memoryMap([(0x10_0000, 0x10_0000, 1)])
    builder.efiMemoryMap([(0, 0x18_0000, .max, 0)])
    #expect(
      try collected(builder).regions == [
        Report(0x10_0000, 0x18_0000, .usable), Report(0x18_0000, 1 << 52, .reserved),
      ])
  }

  @Test func textScreenIsCarvedOut() throws {
    var builder = InformationBuilder()
    builder.memoryMap([(0, 0x10_0000, 1)])
    builder.framebuffer(0xb_8000, pitch: 160, width: 80, height: 25, bitsPerPixel: 16, type: 2)
    #expect(
      try collected(builder, at: 0x100_0000).regions == [
        Report(0, 0xb_8000, .usable), Report(0xb_8000, 0xb_9000, .framebuffer),
        Report(0xb_9000, 0x10_0000, .usable),
      ])
  }

  @Test func moduleOutsideRAM() throws {
    var builder = InformationBuilder()
    builder.memoryMap([(0x10_0000, 0x10_0000, 1)])
    builder.module(0x1f_f000, 0x20_0001, "")
    #expect(
      throws: MemoryMapError.notInRAM(.module, at: PhysicalAddress(0x20_0000), over: nil)
    ) { try collected(builder) }
  }
}
