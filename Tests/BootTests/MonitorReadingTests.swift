// What the monitor's commands say about the address space, held against what is found in the guest's
// memory from outside.

import Oracle
import Testing

@Suite struct MonitorReadingTests {
  private static let processors: [Processor] = [.plain, .all]

  /// The windows' ends, the image's parts and what lies between them.
  private static func places(_ kernel: KernelFile, _ windows: Windows) throws -> [UInt64] {
    let text = try kernel["text_start"]
    return [
      0, 0x40_0000, windows.linear.lowerBound + 0x10_0123,
      text - LoadedImage.codeBase + windows.linear.lowerBound, windows.vmalloc.lowerBound,
      windows.frameMetadata.lowerBound + 0x10, windows.frameMetadata.upperBound,
      windows.linear.lowerBound + 0x60_0000, windows.linear.lowerBound + 0xfee0_0000, text + 7,
      try kernel["rodata_start"], try kernel["data_start"], try kernel["boot_stack"] - 1,
      0xffff_ffff_ffff_ffff,
    ]
  }

  @Test(arguments: processors)
  func walk(_ processor: Processor) throws {
    let kernel = try KernelFile.current.get()
    let windows = Windows(levels: processor.levels)
    let places = try Self.places(kernel, windows)
    var walks: [[String]] = []
    let run = try CommandRun(
      places.map { "walk \(hex($0))" }, on: Hardware(processor: processor, memory: "512M")
    ) { guest, _ in
      walks = try places.map {
        try walkSeen(to: $0, levels: processor.levels, guest.monitor)
      }
    }
    #expect(run.status == 33)
    for (index, place) in places.enumerated() {
      let output = try #require(run.outputs.indices.contains(index) ? run.outputs[index] : nil)
      #expect(output.first?.hasPrefix("\(digits(place)), in ") == true)
      #expect(output.filter { $0.hasPrefix("level ") } == walks[index])
      let flags = output.indices.dropFirst().filter { output[$0 - 1].hasPrefix("level ") }
      #expect(flags.map { output[$0] } == walks[index].map { Self.flags($0) })
      if let leaf = run.table.translate(place) {
        let physical = leaf.physical + place % leaf.size
        #expect(
          output.suffix(3).dropLast() == [
            "physical \(digits(physical)), \(size(leaf.size)) page",
            "rights \(word(for: leaf.grants)), by all entries together",
          ])
        #expect(
          output.last
            == "type \(memoryTypes[Int(leaf.patIndex)]) by the page table, write-back by the MTRRs")
      } else {
        #expect(output.last == "nothing is mapped there: the last entry is not present")
      }
    }
  }

  /// What stands below a line `level 1 entry 2 of TABLE: ENTRY page`, from the entry alone.
  private static func flags(_ line: String) -> String {
    let words = line.split(separator: " ")
    let entry = address(words[6])!
    guard entry & 1 != 0 else { return "no flags: not present" }
    let level = Int(words[1])!
    let isLeaf = level == 1 || level < 4 && entry >> 7 & 1 != 0
    var flags = ["present", "writable", "user", "write-through", "cache-disable", "accessed"]
      .enumerated().filter { entry >> UInt64($0.offset) & 1 != 0 }.map(\.element)
    if isLeaf {
      if entry >> 6 & 1 != 0 { flags.append("dirty") }
      if entry >> 8 & 1 != 0 { flags.append("global") }
      if level > 1 { flags.append("page-size") }
      if entry >> (level == 1 ? 7 : 12) & 1 != 0 { flags.append("PAT") }
    }
    if entry >> 63 != 0 { flags.append("execute-disable") }
    return flags.joined(separator: " ")
  }

  @Test(arguments: processors)
  func translate(_ processor: Processor) throws {
    let kernel = try KernelFile.current.get()
    let places = try Self.places(kernel, Windows(levels: processor.levels))
    let run = try CommandRun(
      places.map { "translate \(hex($0))" }, on: Hardware(processor: processor, memory: "512M"))
    for (output, place) in zip(run.outputs, places) {
      if let leaf = run.table.translate(place) {
        #expect(
          output == [
            "\(digits(place)) is physical \(digits(leaf.physical + place % leaf.size)), "
              + "\(size(leaf.size)) page \(word(for: leaf.grants)) \(memoryTypes[Int(leaf.patIndex)])"
          ])
      } else {
        #expect(output.count == 1)
        #expect(output[0].hasPrefix("\(digits(place)) is not mapped, in "))
      }
    }
    #expect(run.outputs.count == places.count)
  }

  /// An address that the CPU would refuse is an answer, too.
  @Test func notCanonical() throws {
    let run = try CommandRun([
      "walk 0x8000_0000_0000", "translate 0x8000_0000_0000", "peek 0x8000_0000_0000",
    ])
    #expect(
      run.outputs == [
        [
          "0x0000_8000_0000_0000, in the non-canonical addresses",
          "the CPU refuses it before it looks at a table",
        ],
        ["0x0000_8000_0000_0000 is not mapped, in the non-canonical addresses"],
        ["peek: nothing is mapped at 0x0000_8000_0000_0000, in the non-canonical addresses"],
      ])
  }

  /// All of it, window by window, and by a range.
  @Test(arguments: processors)
  func mappings(_ processor: Processor) throws {
    let windows = Windows(levels: processor.levels)
    let text = try KernelFile.current.get()["text_start", "text_end"]
    let run = try CommandRun(
      [
        "mappings", "mappings linear-mapping", "mappings vmalloc", "mappings frame-metadata",
        "mappings kernel-code", "mappings \(hex(text.lowerBound + 0x2000))+1",
        "mappings \(hex(text.lowerBound - 1))-\(hex(text.upperBound + 1))",
        "mappings \(hex(windows.frameMetadata.upperBound))+1G",
      ], on: Hardware(processor: processor))
    func lines(_ windows: [(String, Range<UInt64>)]) -> [String] {
      windows.flatMap { name, window in
        let runs = run.table.runs.filter { $0.virtualRange.overlaps(window) }
        return (runs.isEmpty ? [] : [name])
          + runs.map { run in
            "\(digits(run.virtual)) - \(digits(run.virtualRange.upperBound)) "
              + "\(size(run.byteCount)) \(word(for: run.grants)) "
              + "\(memoryTypes[Int(run.patIndex)]) to \(digits(run.physical)): "
              + contents(run.pages)
          }
      }
    }
    let all = [
      ("linear mapping", windows.linear), ("vmalloc", windows.vmalloc),
      ("frame metadata", windows.frameMetadata), ("kernel code", windows.kernelCode),
    ]
    #expect(run.status == 33)
    #expect(run.outputs.first == lines(all))
    #expect(Array(run.outputs[1...4]) == all.map { lines([$0]) })
    #expect(run.outputs[5] == lines([("kernel code", text)]))
    #expect(run.outputs[6] == lines([("kernel code", text.lowerBound..<text.upperBound + 1)]))
    #expect(run.outputs[7] == ["nothing is mapped there"])
  }

  /// The report can be had again, and the promises are checked again.
  @Test func layout() throws {
    let run = try CommandRun(["layout"])
    let said = try #require(KernelReport(run.outputs[0]).addressSpaces.first)
    #expect(said.picture == picture(of: run.table))
    #expect(said.tables == tableFrames(of: run.table))
    #expect(said.keptPromises.count == 6)
    #expect(run.status == 33)
  }

  /// The map is the one of the boot report, and the frames add up with those in the table of slots.
  @Test func memory() throws {
    let kernel = try KernelFile.current.get()
    var slots: SlotTable?
    let run = try CommandRun(["memory"]) { guest, table in
      slots = try SlotTable(
        table, in: Windows(levels: 4).frameMetadata, readTables: guest.monitor.readTables)
    }
    let output = run.outputs[0]
    let map = KernelReport(run.lines.prefix { $0 != "highland: ready" }).normalised
    #expect(output.dropFirst().compactMap { MemoryRegion($0) } == map)
    // Usable RAM but for frame 0, and what only booting needed.
    let usable = map.filter { ["usable", "boot information"].contains($0.kind) }
      .reduce(0) { $0 + ($1.range.upperBound - $1.range.lowerBound) / 4096 }
    let bootPart = try kernel["text_start"] - LoadedImage.codeBase - kernel["link_start"]
    let kinds: [Slot.Kind] = [.trampoline, .pageTable, .metadata, .bookkeeping, .data]
    let used = try #require(slots).runs.filter { kinds.contains($0.slot.kind) }
      .reduce(0) { $0 + UInt64($1.frames.count) }
    let free = usable - 1 + bootPart / 4096 - used
    #expect(
      output.first { $0.hasPrefix("frames: ") }?.hasPrefix(
        "frames: \(free) free (\(size(free * 4096))), \(used) used (\(size(used * 4096))), ")
        == true)
  }

  @Test func frame() throws {
    let kernel = try KernelFile.current.get()
    let text = try kernel["text_start"] - LoadedImage.codeBase
    let linear = Windows(levels: 4).linear.lowerBound
    let run = try CommandRun([
      "frame 0x10_0000", "frame \(hex(text + 0x123))", "frame 0xfee0_0000", "frame 0x0",
      "frame 0x8_0000_0000_0000", "map a 4K", "frame 0xfee0_0fff",
    ])
    #expect(run.status == 33)
    let slots = Windows(levels: 4).frameMetadata.lowerBound
    #expect(
      run.outputs[0] == [
        "frame \(digits(0x10_0000)), number 256: usable", "slot \(digits(slots + 0x1000))",
        "state reserved: nobody else ever gets it", "use page table",
        "mapped \(digits(linear + 0x10_0000)) rw- linear mapping",
      ])
    #expect(
      run.outputs[1] == [
        "frame \(digits(text)), number \(text / 4096): kernel",
        "slot \(digits(slots + text / 256))", "state reserved: nobody else ever gets it",
        "use kernel image", "mapped \(digits(linear + text)) r-- linear mapping",
        "mapped \(digits(text + LoadedImage.codeBase)) r-x kernel code",
      ])
    let apic = try #require(run.table.leaves.first { $0.physical == 0xfee0_0000 })
    let device = [
      "frame \(digits(0xfee0_0000)), number \(0xfee00): a hole",
      "mapped \(digits(apic.virtual)) rw- local APIC",
    ]
    #expect(run.outputs[2] == device)
    #expect(run.outputs[3].prefix(4).last == "use firmware")
    #expect(run.outputs[4] == ["frame \(digits(0x8_0000_0000_0000)), number 549755813888: a hole"])
    #expect(run.outputs[6] == device)
  }

  @Test(arguments: processors)
  func cpu(_ processor: Processor) throws {
    let run = try CommandRun(["cpu"], on: Hardware(processor: processor))
    let output = run.outputs[0]
    let registers = try ["CR0", "CR3", "CR4", "EFER"].map { (name) throws in
      "\(name.lowercased()) \(digits(try run.registers[name]))"
    }
    #expect(output.contains(registers[0...1].joined(separator: " ")))
    #expect(output.contains(registers[2...3].joined(separator: " ")))
    #expect(output.contains("pat 0x0007_0105_0007_0406"))
    #expect(output[0].contains("\(processor.levels) paging levels"))
    #expect(output.contains { $0.hasPrefix("brand: QEMU ") })
    // SeaBIOS has the PCI hole below 4 GiB uncacheable.
    #expect(
      output.last { $0.hasSuffix("uncacheable") }?.contains("- 0x0000_0001_0000_0000") == true)
  }
}
