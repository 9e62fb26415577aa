// `mem` and `memmap` on the command line: what they change in the booted kernel, from outside.

import Testing

@Suite struct MemoryMapChangeTests {
  private static let changed = "memory map changed by the command line: "

  private func boot(
    _ commandLine: String, _ change: @escaping @Sendable ([MemoryRegion]) -> [MemoryRegion]
  ) throws -> KernelReport {
    let hardware = Hardware(processor: .all, memory: "512M")
    return KernelReport(
      try Boot(hardware: hardware, commandLine: commandLine, changedMap: change).check())
  }

  private func changes(in report: KernelReport) -> [String] {
    report.lines.filter { $0.hasPrefix(Self.changed) }.map {
      String($0.dropFirst(Self.changed.count))
    }
  }

  @Test func usableRAMEnds() throws {
    let report = try boot("exit mem=64M") { $0.map { $0.usable(below: 64 << 20) } }
    #expect(changes(in: report) == ["usable RAM ends at 0x0000_0000_0400_0000"])
    let usable = report.normalised.filter { $0.kind == "usable" }
    #expect(usable.map(\.range.upperBound).max() == 64 << 20)
  }

  /// The dollar sign comes through make-iso.sh and GRUB.
  @Test func reserved() throws {
    let hole = MemoryRegion(64 << 20..<80 << 20, "reserved")
    let page = MemoryRegion(96 << 20..<96 << 20 + 4096, "ACPI tables")
    let report = try boot("exit memmap=16M$64M,4K#0x6000000") { $0 + [hole, page] }
    #expect(
      changes(in: report) == [
        "0x0000_0000_0400_0000 - 0x0000_0000_0500_0000 reserved",
        "0x0000_0000_0600_0000 - 0x0000_0000_0600_1000 ACPI tables",
      ])
    #expect(report.normalised.contains(hole) && report.normalised.contains(page))
  }

  /// In their order: what is added after an end, is; and a bad value is named and does nothing.
  @Test func badValuesAreNamed() throws {
    let back = MemoryRegion(96 << 20..<112 << 20, "usable")
    let report = try boot("exit memmap=,12Q$1M mem=64M mem=0 memmap=16M@96M,1M@ mem=4g,1") {
      $0.map { $0.usable(below: 64 << 20) } + [back]
    }
    #expect(
      changes(in: report) == [
        "usable RAM ends at 0x0000_0000_0400_0000",
        "0x0000_0000_0600_0000 - 0x0000_0000_0700_0000 usable",
      ])
    let notUnderstood = "highland: not understood on the command line: "
    #expect(
      report.lines.filter { $0.hasPrefix(notUnderstood) }.map { $0.dropFirst(notUnderstood.count) }
        == ["memmap=", "memmap=12Q$1M", "mem=0", "memmap=1M@", "mem=4g,1"])
    #expect(report.normalised.contains(back))
  }

  /// A kernel in memory that it is told not to use.
  @Test func noRAMForTheKernel() throws {
    let ending = try Guest(commandLine: "exit mem=1M").finish()
    #expect(ending.status == 35)
    #expect(
      ending.lines.last
        == "highland: cannot boot: the kernel at 0x0000_0000_0020_0000 lies in a hole, "
        + "not in usable RAM")
  }
}

extension MemoryRegion {
  /// The region as it is if usable RAM ends at `end`; an empty one may be left.
  fileprivate func usable(below end: UInt64) -> MemoryRegion {
    guard kind == "usable" else { return self }
    return MemoryRegion(min(range.lowerBound, end)..<min(range.upperBound, end), kind)
  }
}
