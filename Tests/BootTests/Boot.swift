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

  /// Boots, stops at the first instruction of the kernel proper, after every report of its address
  /// space, and at the end, and compares the page tables that are active there with the promises and
  /// with what the kernel said.
  ///
  /// - Returns: all that it said.
  @discardableResult
  func check() throws -> [String] {
    let kernel = try KernelFile.current.get()
    let width = hardware.processor.physicalWidth
    let guest = try Guest(hardware, commandLine: commandLine)
    let monitor = guest.monitor

    try guest.debugger.run(to: kernel["highlandEntry"])
    let bootTable = try guest.snapshot(physicalWidth: width)
    let image = LoadedImage(kernel, movedBy: bootTable.root - (try kernel["root"]))
    try checkBootTable(bootTable, image)

    func look() throws -> Sight {
      try Sight(monitor.registers(), monitor, physicalWidth: width, image)
    }
    let (reported, end) = (try kernel["highlandReported"], try kernel["highlandEnd"])
    var sights: [Sight] = []
    while try guest.run(to: [reported, end]) == reported { sights.append(try look()) }
    // Once more, unless a report was the last thing that it did.
    if sights.count == 1 { sights.append(try look()) }
    if levels == 4 { try checkExtents(sights.last, guest) }

    let ending = try guest.finish()
    #expect(ending.status == 33)
    try check(sights, against: ending.lines, image)
    return ending.lines
  }

  /// Compares what was seen after each report, and perhaps once more after the only one, with what was
  /// said.
  func check(_ sights: [Sight], against lines: [String], _ image: LoadedImage) throws {
    let report = KernelReport(lines)
    try checkReport(report, image)
    let said = report.addressSpaces
    try #require(said.count == sights.count || said.count == 1 && sights.count == 2)
    for (index, sight) in sights.enumerated() {
      try checkProcessor(sight.registers)
      try checkImage(sight, image)
      try checkAddressSpace(sight.table, said[min(index, said.count - 1)], report, image)
      #expect(sight.slots.violations(of: sight.table, on: try machine(report, image)) == [])
      #expect(sight.table.topLevelChanges(since: sights[0].table) == [])
    }
  }

  /// The boot table maps the first 4 GiB twice and the image, by 2 MiB pages, and shares nothing.
  func checkBootTable(_ table: Snapshot, _ image: LoadedImage) throws {
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

  /// What page tables say only counts with CR0.WP and EFER.NXE (SDM volume 3, 4.1.3). What the
  /// processor has beyond that is switched on, and nothing else.
  private func checkProcessor(_ registers: Registers) throws {
    #expect(try registers["CR0"] & 1 << 16 != 0, "write protection")
    #expect(try registers["EFER"] & 1 << 11 != 0, "no-execute")
    #expect(try registers["CR4"] & 1 << 7 != 0, "global pages")
    for (word, bit) in Processor.protections {
      let isOn = try registers["CR4"] & 1 << bit != 0
      #expect(isOn == hardware.processor.protections.contains(word), "\(word)")
    }
  }

  /// The kernel code window holds the image, each part with its rights, and nothing else; behind
  /// the text's addresses lies the text.
  private func checkImage(_ sight: Sight, _ image: LoadedImage) throws {
    let window = Windows(levels: levels).kernelCode
    #expect(
      sight.table.runs.filter { window.contains($0.virtual) }.map(Mapping.init)
        == (try image.mappings))
    #expect(
      sight.text == (try image.kernel.bytes(in: image.kernel["text_start", "text_end"])))
  }

  /// QEMU's own walk finds the same addresses mapped and writable as ours. With five levels QEMU 7.2
  /// walks for seconds and finds nothing.
  private func checkExtents(_ sight: Sight?, _ guest: Guest) throws {
    let table = try #require(sight).table
    let found = try guest.mappedByQEMU()
    #expect(found.all == RangeSet(table.runs.map(\.virtualRange)))
    #expect(
      found.writable
        == RangeSet(table.runs.filter { $0.grants.contains(.write) }.map(\.virtualRange)))
  }

  /// The kernel said what can be known of the machine from outside.
  private func checkReport(_ report: KernelReport, _ image: LoadedImage) throws {
    let processor = hardware.processor
    #expect(
      try #require(report.line("processor: ")).hasSuffix(
        "\(levels) paging levels, \(processor.physicalWidth) physical address bits, "
          + "1 GiB pages: \(processor.hasGigabytePages ? "yes" : "no")"))
    let protections = ["NX", "WP"] + processor.protections
    #expect(
      report.line("protections on: ")
        == "protections on: \(protections.joined(separator: " ")); global pages: on")
    #expect(report.line("left out: ") == nil)

    let ram = ram(of: changedMap(report.received))
    let byteCount = ram.ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
    #expect(
      report.line("memory map normalised: ")
        == "memory map normalised: \(report.normalised.count) regions, \(size(byteCount)) of RAM")
    let physicalImage = image.physical(0x20_0000 + LoadedImage.codeBase)
    #expect(
      report.normalised.contains { $0.kind == "kernel" && $0.range.lowerBound == physicalImage })
  }

  /// What a correct address space depends on here.
  private func machine(_ report: KernelReport, _ image: LoadedImage) throws -> Machine {
    Machine(
      windows: Windows(levels: levels), gigabytePages: hardware.processor.hasGigabytePages,
      ram: Array(ram(of: changedMap(report.received)).ranges),
      text: try image.kernel["text_start", "text_end"],
      readOnly: [image.physical(try image.kernel["text_start", "rodata_end"])])
  }

  /// The kernel said of its address space what can be seen from outside, and the promises are kept.
  private func checkAddressSpace(
    _ table: Snapshot, _ said: AddressSpaceReport, _ report: KernelReport, _ image: LoadedImage
  ) throws {
    #expect(table.levels == levels)
    #expect(
      said.heading
        == "address space, read back from the live tables (root \(digits(table.root))):")
    #expect(said.picture == picture(of: table))
    #expect(said.tables == tableFrames(of: table))
    #expect(said.keptPromises == [1, 2, 3, 4, 5, 10].map { "promise \($0) kept" })
    if let lines = said.mappings { #expect(lines == mappings(of: table)) }

    let machine = try machine(report, image)
    #expect(table.violations(on: machine) == [])
    #expect(table.globalViolations() == [])
    #expect(table.areaViolations(try areas(table, said, report), on: machine) == [])
  }

  /// The areas of the devices that the kernel found, and those that it lists, of which those of the
  /// devices must be a part.
  private func areas(
    _ table: Snapshot, _ said: AddressSpaceReport, _ report: KernelReport
  ) throws -> [Area] {
    let devices = try report.lines.compactMap(MappedDevice.init).map { device in
      (name: device.name, area: try #require(device.area, "\(device)"))
    }
    guard let listed = said.areas else { return devices.map(\.area) }
    let leaves = table.leaves.filter { Windows(levels: levels).vmalloc.contains($0.virtual) }
    var areas: [Area] = []
    for area in listed {
      let area = try #require(area)
      let mapped = leaves.reduce(0) { $0 + (area.pages.contains($1.virtual) ? $1.size : 0) }
      #expect(area.mapped == size(mapped))
      let device = devices.first { $0.name == area.owner }?.area
      if let device { #expect(device.pages == area.pages) }
      areas.append(device ?? Area(pages: area.pages))
    }
    #expect(devices.allSatisfy { device in listed.contains { $0?.owner == device.name } })
    return areas
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
