// Files with memory maps: both formats, what may stand around the entries, and every slip by line.

import BootInfo
import TestSupport
import Testing

@Suite struct FirmwareMapTests {
  private let entries = [Report(0, 0x9_fc00, .usable), Report(0x9_fc00, 0xa_0000, .reserved)]

  @Test func plainFormat() throws {
    let text = "# a PC\n0 9fc00 usable\n\n  9FC00\t0xa0000   reserved  \n# the end"
    #expect(try FirmwareMap(parsing: text).reports == entries)
  }

  @Test func everyPlainType() throws {
    let text = """
      0 1 usable
      1 2 reserved
      2 3 acpi-data
      3 4 acpi-nvs
      4 5 unusable
      5 6 persistent
      6 7 soft-reserved
      7 8 other
      """
    #expect(
      try FirmwareMap(parsing: text).reports.map(\.kind) == [
        .usable, .reserved, .acpi, .nvs, .unusable, .persistent, .reserved, .reserved,
      ])
  }

  @Test func bootLog() throws {
    let text = """
      [    0.000000] Linux version 6.12.0 (build@host)
      [    0.000000] BIOS-provided physical RAM map:
      [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
      [    0.000000] [Firmware Bug]: TSC ADJUST: CPU0: 0 1000 usable
      BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved
      [    0.000000] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
      [    0.000000] user: [mem 0x0000000000000000-0x0000000000000fff] reserved
      """
    #expect(try FirmwareMap(parsing: text).reports == entries)
    let windows = text.split(separator: "\n").joined(separator: "\r\n") + "\r\n"
    #expect(try FirmwareMap(parsing: windows).reports == entries)
  }

  @Test(arguments: [
    "BIOS-e820: ", " BIOS-e820:  ", "[    0.000000] BIOS-e820: ", "[T0] <6>[ 0.0] BIOS-e820: ",
    "Nov 22 21:38:45 host kernel: BIOS-e820: ", "[Firmware Bug]: BIOS-e820: ", "\u{fffd}BIOS-e820:",
  ])
  func whatStandsBefore(_ prefix: String) throws {
    let line = prefix + "[mem 0x0000000000001000-0x0000000000001fff] usable"
    #expect(try FirmwareMap(parsing: line).reports == [Report(0x1000, 0x2000, .usable)])
  }

  @Test(
    arguments: [
      ("usable", .usable), ("reserved", .reserved), ("ACPI data", .acpi), ("ACPI NVS", .nvs),
      ("unusable", .unusable), ("persistent (type 7)", .persistent),
      ("persistent (type 12)", .persistent), ("soft reserved", .reserved), ("type 20", .reserved),
      ("usable  ", .usable),
    ] as [(String, RegionKind)])
  func everyLoggedType(_ words: String, _ kind: RegionKind) throws {
    let text = "BIOS-e820: [mem 0x0-0xfff] \(words)\r\n"
    #expect(try FirmwareMap(parsing: text).reports == [Report(0, 0x1000, kind)])
  }

  @Test func extremes() throws {
    let text = "BIOS-e820: [mem 0x0-0xffffffffffffffff] usable\nBIOS-e820: [mem 0x5-0x4] reserved"
    #expect(
      try FirmwareMap(parsing: text).reports
        == [Report(0, .max, .usable), Report(5, 5, .reserved)])
    #expect(try FirmwareMap(parsing: "5 5 usable").reports == [Report(5, 5, .usable)])
  }

  /// The line and what its message is about.
  @Test(
    arguments: [
      ("0 1000 usable\n1000 zz usable", 2, "END is no"), ("x 1000 usable", 1, "START is no"),
      ("0 1000 usable\r\n\r\n-1 5 reserved", 3, "START is no"),
      ("0 10000000000000000 usable", 1, "END is no"), ("# map\n0 1000 free", 2, "TYPE"),
      ("0 1000 usable\n2000 1fff usable", 2, "END lies below"),
      ("0 1000 usable\n0 1000", 2, "form"),
      ("0 1000 usable\n0 1000 acpi data", 2, "form"),
      ("0 1000 usable\nand so it goes on", 2, "form"),
      ("BIOS-e820: [mem 0x0-0xzz] usable", 1, "END is no"),
      ("BIOS-e820: [mem -0x0] usable", 1, "START is no"),
      ("x\nBIOS-e820: [mem 0x2000-0xfff] usable", 2, "END lies below"),
      ("BIOS-e820: [mem 0x0-0xfff]", 1, "form"), ("BIOS-e820: [mem 0x0-0xfff usable", 1, "form"),
      ("BIOS-e820: 0000000000000000 - 000000000009fc00", 1, "form"),
      ("BIOS-e820:", 1, "form"), ("BIOS-e820: [mem 0x0-0xfff] free", 1, "TYPE"),
      ("BIOS-e820: [mem 0x0-0xfff] usable\nx\nBIOS-e820: [mem 0x0000", 3, "form"),
    ] as [(String, Int, String)])
  func slips(_ text: String, _ line: Int, _ words: String) {
    let error = #expect(throws: FirmwareMapError.self) { try FirmwareMap(parsing: text) }
    guard case .badLine(line, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains(words))
  }

  @Test(arguments: [
    "", "\n\n", "# nothing\n", "root:x:0:0::/root:/bin/sh\n", "[    0.000000] Linux version 6.12\n",
    "Some prose, a line of\nthree plain words\n", "\u{0}\u{1}\u{ff}",
  ])
  func noMapAtAll(_ text: String) {
    #expect(throws: FirmwareMapError.noEntry) { try FirmwareMap(parsing: text) }
  }

  @Test func theImageNeedsRoom() {
    let size = FakeImage().byteCount
    func start(_ reports: Report...) -> UInt64? { FirmwareMap(reports).image?.start }
    #expect(start(Report(0, 1 << 30, .usable)) == 0x20_0000)
    #expect(start(Report(0, 0x20_0000 + size, .usable)) == 0x20_0000)
    #expect(start(Report(0, 0x20_0000 + size - 1, .usable)) == nil)
    #expect(start(Report(0x20_0001, 1 << 30, .usable)) == 0x40_0000)
    #expect(
      start(Report(0, 1 << 30, .usable), Report(0x20_1800, 0x20_1801, .acpi)) == 0x40_0000)
    #expect(start(Report(1 << 32, 1 << 33, .usable)) == nil)
    #expect(start(Report(0, .max, .reserved)) == nil)
  }
}
