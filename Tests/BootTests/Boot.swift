// One boot of the real ISO image through GRUB, looked at from outside while it lives.

import Oracle
import Testing

/// A machine and what the kernel should make of it.
struct Boot: Sendable, CustomTestStringConvertible {
  var hardware: Hardware
  var commandLine = "exit"
  /// What the command line makes of the firmware's map.
  var changedMap: @Sendable ([MemoryRegion]) -> [MemoryRegion] = { $0 }

  var levels: Int {
    commandLine.contains("no5lvl") ? 4 : hardware.processor.levels
  }

  var testDescription: String {
    ([hardware.firmware.rawValue, hardware.memory, hardware.machine, hardware.processor.model]
      + [commandLine]).joined(separator: " ")
  }

  /// Boots, stops at the first and at the last instruction of the kernel proper, and compares the
  /// page tables that are active there with the promises and with what the kernel said.
  ///
  /// - Returns: all that it said.
  @discardableResult
  func check() throws -> [String] {
    let kernel = try KernelFile.current.get()
    let width = hardware.processor.physicalWidth
    let guest = try Guest(hardware, commandLine: commandLine)

    try guest.debugger.run(to: kernel["highlandEntry"])
    let bootTable = try guest.snapshot(physicalWidth: width)
    let image = LoadedImage(kernel, movedBy: bootTable.root - (try kernel["root"]))
    try checkBootTable(bootTable, image)

    try guest.debugger.run(to: kernel["highlandEnd"])
    let table = try guest.snapshot(physicalWidth: width)
    try checkProcessor(guest.monitor.registers())
    try checkImage(table, image, guest.monitor)
    if levels == 4 { try checkExtents(table, guest) }

    let ending = try guest.finish()
    #expect(ending.status == 33)
    #expect(ending.lines.last == "highland: ready")
    try checkReport(KernelReport(ending.lines), table, image)
    return ending.lines
  }

  /// The boot table maps the first 4 GiB twice and the image, by 2 MiB pages, and shares nothing.
  private func checkBootTable(_ table: Snapshot, _ image: LoadedImage) throws {
    let first4GiB: UInt64 = 4 << 30
    let linear = Windows(levels: levels).linear.lowerBound
    let all: Grants = [.write, .execute]
    let page: UInt64 = 2 << 20
    let start = try image.kernel["link_start"] + LoadedImage.codeBase
    let end = (try image.kernel["image_end"] + LoadedImage.codeBase + page - 1) & ~(page - 1)
    #expect(table.levels == levels)
    #expect(
      table.runs.map(Mapping.init) == [
        Mapping(0..<first4GiB, to: 0, all),
        Mapping(linear..<linear + first4GiB, to: 0, all),
        Mapping(start..<end, to: image.physical(start), all),
      ])
    #expect(table.pages.of1GiB == 0 && table.pages.of4KiB == 0)
    #expect(table.sharedTableViolations().isEmpty)
    #expect(table.problems.isEmpty)
  }

  /// What page tables say only counts with CR0.WP and EFER.NXE (SDM volume 3, 4.1.3).
  private func checkProcessor(_ registers: Registers) throws {
    #expect(try registers["CR0"] & 1 << 16 != 0, "write protection")
    #expect(try registers["EFER"] & 1 << 11 != 0, "no-execute")
    #expect(try registers["CR4"] & 1 << 7 != 0, "global pages")
  }

  /// The kernel code window holds the image, each part with its rights, and nothing else; behind
  /// the text's addresses lies the text.
  private func checkImage(_ table: Snapshot, _ image: LoadedImage, _ monitor: Monitor) throws {
    let window = Windows(levels: levels).kernelCode
    #expect(
      table.runs.filter { window.contains($0.virtual) }.map(Mapping.init)
        == (try image.mappings))
    #expect(table.runs.allSatisfy { $0.global })
    let text = try image.kernel["text_start", "text_end"]
    let loaded = try monitor.physicalMemory(at: image.physical(text.lowerBound), count: text.count)
    #expect(loaded == (try image.kernel.bytes(in: text)))
  }

  /// QEMU's own walk finds the same addresses mapped and writable as ours. With five levels QEMU 7.2
  /// walks for seconds and finds nothing.
  private func checkExtents(_ table: Snapshot, _ guest: Guest) throws {
    let found = try guest.mappedByQEMU()
    #expect(found.all == RangeSet(table.runs.map(\.virtualRange)))
    #expect(
      found.writable
        == RangeSet(table.runs.filter { $0.grants.contains(.write) }.map(\.virtualRange)))
  }

  /// The kernel said what can be seen from outside, and the promises are kept.
  private func checkReport(
    _ report: KernelReport, _ table: Snapshot, _ image: LoadedImage
  ) throws {
    let processor = hardware.processor
    #expect(
      try #require(report.line("processor: ")).hasSuffix(
        "\(levels) paging levels, \(processor.physicalWidth) physical address bits, "
          + "1 GiB pages: \(processor.hasGigabytePages ? "yes" : "no")"))
    #expect(report.line("left out: ") == nil)

    let ram = ram(of: changedMap(report.received))
    let byteCount = ram.ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
    #expect(
      report.line("memory map normalised: ")
        == "memory map normalised: \(report.normalised.count) regions, \(size(byteCount)) of RAM")
    let physicalImage = image.physical(0x20_0000 + LoadedImage.codeBase)
    #expect(
      report.normalised.contains { $0.kind == "kernel" && $0.range.lowerBound == physicalImage })

    #expect(table.levels == levels)
    #expect(
      report.line("address space, ")
        == "address space, read back from the live tables (root \(digits(table.root))):")
    #expect(report.lines(from: "address space, ", to: "table frames: ") == picture(of: table))
    #expect(report.line("table frames: ") == tableFrames(of: table))
    #expect(
      report.lines.filter { $0.hasPrefix("promise ") }.map { $0.prefix { $0 != ":" } }
        == [1, 2, 3, 4, 5, 10].map { "promise \($0) kept" })

    #expect(
      table.violations(
        on: Machine(
          windows: Windows(levels: levels), gigabytePages: processor.hasGigabytePages,
          ram: Array(ram.ranges), text: try image.kernel["text_start", "text_end"],
          readOnly: [image.physical(try image.kernel["text_start", "rodata_end"])])) == [])
  }
}

/// The kernel image where the boot loader put it.
struct LoadedImage {
  static let codeBase: UInt64 = 0xffff_ffff_8000_0000

  let kernel: KernelFile
  /// How far from where it was linked.
  private let moved: UInt64

  init(_ kernel: KernelFile, movedBy moved: UInt64) {
    self.kernel = kernel
    self.moved = moved
  }

  func physical(_ virtual: UInt64) -> UInt64 { virtual - Self.codeBase + moved }

  func physical(_ range: Range<UInt64>) -> Range<UInt64> {
    physical(range.lowerBound)..<physical(range.upperBound)
  }

  /// What the kernel code window should map. Between the stacks lie guard pages.
  var mappings: [Mapping] {
    get throws {
      var parts: [(Range<UInt64>, Grants)] = [
        (try kernel["text_start", "text_end"], .execute),
        (try kernel["rodata_start", "rodata_end"], []),
        (try kernel["data_start", "data_end"], .write),
      ]
      for stack in ["boot_stack", "double_fault_stack", "nmi_stack", "machine_check_stack"] {
        parts.append((try kernel[stack, stack + ".top"], .write))
      }
      return parts.map { Mapping($0, to: physical($0.lowerBound), $1) }
    }
  }
}
