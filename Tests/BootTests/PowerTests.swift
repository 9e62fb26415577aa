// Turning the machine off and starting it anew, as QEMU sees it: it ends by itself either way, and says
// why.

import Testing

@Suite struct PowerTests {
  private static let machines: [Hardware] = [
    Hardware(machine: "pc"), Hardware(machine: "q35"), Hardware(firmware: .uefi, machine: "pc"),
    Hardware(firmware: .uefi, machine: "q35"),
  ]

  /// `-no-reboot` turns a reset into an end, too: QEMU's last event tells them apart.
  @Test(arguments: machines.indices, ["poweroff", "reboot"])
  func ends(_ machine: Int, _ command: String) throws {
    let guest = try Guest(Self.machines[machine], commandLine: "run=\(command)")
    guest.debugger.release()
    let reason = try guest.monitor.shutdownReason()
    let ending = try guest.finish()
    #expect(reason == (command == "poweroff" ? "guest-shutdown" : "guest-reset"))
    #expect(ending.status == 0)
    #expect(ending.lines.last == "highland> \(command)")
  }

  /// Tables that are given back were read before.
  @Test func afterReclaim() throws {
    let guest = try Guest(commandLine: "acpi=reclaim run=\"acpi; poweroff\"")
    guest.debugger.release()
    #expect(try guest.monitor.shutdownReason() == "guest-shutdown")
    let ending = try guest.finish()
    #expect(ending.lines.contains { $0.hasPrefix("no ACPI tables: ") })
  }

  /// What keeps the machine on, put into the firmware's tables before the kernel reads them.
  enum Damage: CaseIterable {
    case checksum, reducedHardware, noSoftOff

    var words: String {
      switch self {
      case .checksum: "ACPI has no FADT that can be read"
      case .reducedHardware: "this is reduced ACPI hardware, without the registers for it"
      case .noSoftOff: "no ACPI table has a package \\_S5"
      }
    }

    /// Changes some bytes, and with them the table's checksum, its tenth byte, where it is to hold.
    func apply(to memory: inout [UInt8]) throws {
      guard let fadt = memory.firstRange(of: Array("FACP".utf8))?.lowerBound,
        let dsdt = memory.firstRange(of: Array("DSDT".utf8))?.lowerBound,
        let softOff = memory.firstRange(of: Array("_S5_".utf8))?.lowerBound
      else { throw GuestError("no ACPI tables where QEMU has them") }
      switch self {
      case .checksum: memory[fadt + 9] &+= 1
      case .reducedHardware:
        memory[fadt + 114] |= 0x10
        memory[fadt + 9] &-= 0x10
      case .noSoftOff:
        memory[softOff + 2] &+= 1
        memory[dsdt + 9] &-= 1
      }
    }
  }

  @Test(arguments: Damage.allCases)
  func refusal(_ damage: Damage) throws {
    let guest = try Guest(commandLine: "run=\"poweroff; exit\"")
    try guest.debugger.run(to: KernelFile.current.get()["boot_entry"])
    // The last 128 KiB of the guest's memory.
    let start: UInt64 = 0x7fe_0000
    let before = try guest.monitor.physicalMemory(at: start, count: 0x2_0000)
    var after = before
    try damage.apply(to: &after)
    for offset in stride(from: 0, to: before.count, by: 8)
    where before[offset..<offset + 8] != after[offset..<offset + 8] {
      let word = after[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      try guest.debugger.write(word, at: start + UInt64(offset))
    }
    let ending = try guest.finish()
    #expect(ending.status == 35)
    #expect(
      ending.lines.suffix(3) == [
        "highland> poweroff", "highland: cannot power off: \(damage.words)", "highland> exit",
      ])
  }

  /// The list, against the tables as they lie in the guest's memory.
  @Test(arguments: machines.indices)
  func tables(_ machine: Int) throws {
    let guest = try Guest(Self.machines[machine], commandLine: "run=\"acpi; exit\"")
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    var lines: [String] = []
    while let line = guest.readLine() {
      lines.append(line)
      if line.hasPrefix("reset: ") { break }
    }
    let tables = lines.compactMap {
      $0.wholeMatch(
        of: #/  ([A-Z]{4})  (0x[0-9a-f_]+)  revision (\d+), (\d+) bytes: checksum holds/#)
    }
    #expect(Set(tables.map { String($0.1) }).isSuperset(of: ["FACP", "APIC", "DSDT"]))
    var control: UInt32?
    for table in tables {
      let place = try #require(address(table.2))
      let count = try #require(Int(table.4))
      let bytes = try guest.monitor.physicalMemory(at: place, count: count)
      #expect(bytes.starts(with: Array(table.1.utf8)))
      #expect(bytes[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) } == count)
      #expect(String(bytes[8]) == table.3)
      #expect(bytes.reduce(0, &+) == 0)
      // PM1a_CNT_BLK (ACPI 5.2.9); OVMF has it elsewhere than SeaBIOS on `pc`.
      if table.1 == "FACP" {
        control = bytes[64..<68].reversed().reduce(0) { $0 << 8 | UInt32($1) }
      }
    }
    let port = String(try #require(control), radix: 16)
    #expect(lines.contains("power off: sleep type 0 to PM1a control, port 0x\(port)"))
    #expect(try guest.finish().status == 33)
  }
}
