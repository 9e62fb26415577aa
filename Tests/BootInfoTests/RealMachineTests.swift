// Memory maps of real machines, as their boot logs gave them.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct RealMachineTests {
  /// Lenovo ThinkPad T14 with a BIOS that withholds RAM. Sane already: nothing changes.
  @Test func withheldRAM() throws {
    let reports = [
      Report(0, 0x9f000, .usable), Report(0x9f000, 0x100000, .reserved),
      Report(0x100000, 0x2f60_0000, .usable), Report(0x2f60_0000, 0x3fe0_0000, .unusable),
      Report(0x3fe0_0000, 0x710c_9000, .usable), Report(0x710c_9000, 0x71bf_f000, .unusable),
      Report(0x71bf_f000, 0x7205_4000, .usable), Report(0x7205_4000, 0x7208_3000, .unusable),
      Report(0x7208_3000, 0x735b_4000, .usable), Report(0x735b_4000, 0x735b_6000, .unusable),
      Report(0x735b_6000, 0x944b_7000, .usable), Report(0x944b_7000, 0x9869_5000, .reserved),
      Report(0x9869_5000, 0x99a1_f000, .nvs), Report(0x99a1_f000, 0x99b4_f000, .acpi),
      Report(0x99b4_f000, 0x99b5_0000, .usable), Report(0x99b5_0000, 0x9f80_0000, .reserved),
      Report(0x1_0000_0000, 0x1_0c00_0000, .unusable),
      Report(0x1_0c00_0000, 0x8_5e80_0000, .usable),
    ]
    #expect(try normalised(reports.reversed(), limit: 1 << 39).regions == reports)
    // The same machine, were its CPU to address 32 GiB only.
    let cut = try normalised(reports, limit: 1 << 35)
    #expect(cut.regions.last == Report(0x1_0c00_0000, 0x8_0000_0000, .usable))
    #expect(cut.ramLeftOut == 0x5e80_0000)
  }

  /// A server whose firmware ends regions in the middle of pages.
  @Test func unaligned() throws {
    #expect(
      try normalised([
        Report(0, 0x9e400, .usable), Report(0xf0000, 0x100000, .reserved),
        Report(0x100000, 0xd7df_9c00, .usable), Report(0xd7df_9c00, 0xd7e4_bc00, .nvs),
        Report(0xd7e4_bc00, 0xd7e4_dc00, .acpi), Report(0xd7e4_dc00, 0xd800_0000, .reserved),
        Report(0xf800_0000, 0xfd00_0000, .reserved), Report(0xfe00_0000, 0xfed0_0400, .reserved),
        Report(0xfee0_0000, 0xfef0_0000, .reserved), Report(0xffb0_0000, 0x1_0000_0000, .reserved),
        Report(0x1_0000_0000, 0x6_2800_0000, .usable),
      ]).regions == [
        Report(0, 0x9e000, .usable), Report(0xf0000, 0x100000, .reserved),
        Report(0x100000, 0xd7df_9000, .usable), Report(0xd7df_9000, 0xd7e4_c000, .nvs),
        Report(0xd7e4_c000, 0xd7e4_d000, .acpi), Report(0xd7e4_d000, 0xd800_0000, .reserved),
        Report(0xf800_0000, 0xfd00_0000, .reserved), Report(0xfe00_0000, 0xfed0_1000, .reserved),
        Report(0xfee0_0000, 0xfef0_0000, .reserved), Report(0xffb0_0000, 0x1_0000_0000, .reserved),
        Report(0x1_0000_0000, 0x6_2800_0000, .usable),
      ])
  }

  /// Dell PowerEdge R630: RAM in pieces that meet inside pages, where not a page may be lost.
  @Test func piecesThatMeetInsidePages() throws {
    let cuts: [UInt64] = [
      0x100000, 0x7178_4018, 0x7178_ea58, 0x7178_f018, 0x7179_9a58, 0x7179_a018, 0x717b_3858,
      0x717b_4018, 0x717e_4a58, 0x717e_5018, 0x7181_5a58, 0x7181_6018, 0x7184_6a58, 0x7184_7018,
      0x7187_7a58, 0x7187_8018, 0x7189_c658, 0x71ab_9018, 0x71ad_1458, 0x720d_4018, 0x720d_ea58,
      0x720d_f018, 0x720e_9a58, 0x7357_1018, 0x7357_9058, 0x7a08_9000,
    ]
    let pieces = zip(cuts, cuts.dropFirst()).map { Report($0, $1, .usable) }
    #expect(
      try normalised(pieces + [Report(0x7a08_9000, 0x7af0_b000, .reserved)]).regions == [
        Report(0x100000, 0x7a08_9000, .usable), Report(0x7a08_9000, 0x7af0_b000, .reserved),
      ])
  }

  /// QEMU with 127 MiB and the hole below 1 TiB that AMD's IOMMU takes.
  @Test func holeBelowOneTebibyte() throws {
    var map = MemoryMap()
    try map.add([
      Report(0, 0x9fc00, .usable), Report(0x9fc00, 0xa0000, .reserved),
      Report(0xf0000, 0x100000, .reserved), Report(0x100000, 0x7fc_d000, .usable),
      Report(0x7fc_d000, 0x800_0000, .reserved), Report(0xfffc_0000, 0x1_0000_0000, .reserved),
      Report(0xfd_0000_0000, 0x100_0000_0000, .reserved),
      Report(0x20_0000, 0x27_3123, .kernel), Report(0x1_0000, 0x1_0840, .bootInformation),
    ])
    try map.normalise(limit: 1 << 36)
    #expect(map.count == 11 && map.ramLeftOut == 0)
    #expect(map.byteCount(of: .kernel) == 0x7_4000)
    #expect(map.byteCount(of: .usable) == 0x9_f000 + 0x7ec_d000 - 0x7_4000 - 0x1000)
    #expect(map.ramByteCount == 0x9_f000 + 0x7ec_d000)
  }
}
