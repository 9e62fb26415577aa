// The monitor's commands that do something: what they did is looked for in the guest's page tables and
// memory from outside.

import Oracle
import Testing

@Suite struct MonitorChangingTests {
  private static let processors: [Processor] = [.plain, .all]

  /// Scratch areas in the tables: rights, page sizes, memory types, guard pages.
  @Test(arguments: processors)
  func scratchAreas(_ processor: Processor) throws {
    let run = try CommandRun(
      [
        "map a 16K", "protect a r 4K-8K", "map b 2M r", "map c 0xd000_0000+4K r write-through",
        "map h 20K rw", "unmap h 0x1000+8K", "map d 64K", "unmap d", "areas",
      ], on: Hardware(processor: processor))
    #expect(run.status == 33)
    let (a, b) = (try range(in: run.outputs[0]), try range(in: run.outputs[2]))
    let (c, h) = (try range(in: run.outputs[3]), try range(in: run.outputs[4]))
    let d = try range(in: run.outputs[6])
    let vmalloc = Windows(levels: processor.levels).vmalloc
    func runs(_ range: Range<UInt64>) -> [Run] {
      run.table.runs.filter { $0.virtualRange.overlaps(range) }
    }
    func grants(_ range: Range<UInt64>) -> [Grants] { runs(range).map(\.grants) }

    #expect(a.count == 16 << 10 && b.count == 2 << 20 && c.count == 4096 && h.count == 20 << 10)
    #expect(grants(a) == [.write, [], .write])
    #expect(runs(a).map(\.byteCount) == [4096, 4096, 8192])
    #expect(runs(b).map(\.pages) == [PageCounts(of2MiB: 1)])
    #expect(grants(b) == [[]])
    #expect(runs(c).map(\.physical) == [0xd000_0000])
    #expect(runs(c).map(\.patIndex) == [1])
    #expect(grants(c) == [[]])
    #expect(runs(h).map(\.virtual) == [h.lowerBound, h.lowerBound + 0x3000])
    #expect(runs(d) == [])
    #expect(run.outputs[7] == ["scratch area d has ended"])
    for area in [a, b, c, h] {
      #expect(vmalloc.contains(area.lowerBound))
      #expect(run.table.translate(area.lowerBound - 1) == nil)
      #expect(run.table.translate(area.upperBound) == nil)
    }
    // What the kernel says of an area is what the tables say.
    #expect(
      Array(run.outputs[1].dropFirst())
        == runs(a).map { run in
          let first = run.virtual - a.lowerBound
          return "\(hex(first)) - \(hex(first + run.byteCount)) \(word(for: run.grants)) "
            + "write-back to \(digits(run.physical))"
        })
    let expected = [
      (a, "scratch area a: 16 KiB mapped"), (b, "scratch area b: 2 MiB mapped"),
      (c, "scratch area c: 4 KiB mapped"), (h, "scratch area h: 12 KiB mapped"),
    ]
    for (area, words) in expected {
      let line =
        "\(digits(area.lowerBound)) - \(digits(area.upperBound)) \(size(UInt64(area.count))) "
        + words
      #expect(run.outputs[8].contains(line), "\(line)")
    }
    #expect(run.outputs[8].filter { $0.hasSuffix("waits for a flush") } == [])
    #expect(run.outputs[8].count == 4 + 3)
  }

  /// The first line that is said of a scratch area: `scratch area a: START - END, SIZE`.
  private func range(in output: [String]) throws -> Range<UInt64> {
    let words = try #require(output.first).split { " ,".contains($0) }
    return try #require(address(words[3]))..<#require(address(words[5]))
  }

  /// What is poked is in the frame behind the address, and nothing beside it.
  @Test func poke() throws {
    // The same commands lead to the same area.
    let place = try range(in: CommandRun(["map a 8K"]).outputs[0]).lowerBound
    var bytes: [UInt8] = []
    let run = try CommandRun([
      "map a 8K", "poke \(hex(place + 0x11)) 0xab", "poke \(hex(place + 0x20)) 0x1234 word",
      "poke \(hex(place + 0x30)) 3_000_000_000 dword",
      "poke \(hex(place + 0xffc)) 0x0123_4567_89ab_cdef qword", "poke \(hex(place + 0x11)) 7",
      "peek \(hex(place + 0x10)) 16", "peek \(hex(place + 0x10)) 40 qword",
      "peek \(hex(place + 0xff8)) 16 dword",
    ]) { guest, table in
      let leaf = try #require(table.translate(place))
      bytes = try guest.monitor.physicalMemory(at: leaf.physical, count: 8192)
    }
    var expected = [UInt8](repeating: 0, count: 8192)
    expected[0x11] = 7
    expected.replaceSubrange(0x20..<0x22, with: [0x34, 0x12])
    expected.replaceSubrange(0x30..<0x34, with: [0x00, 0x5e, 0xd0, 0xb2])
    expected.replaceSubrange(
      0xffc..<0x1004, with: [0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01])
    #expect(bytes == expected)
    #expect(run.outputs[1] == ["\(digits(place + 0x11)): 0x00 is now 0xab"])
    #expect(run.outputs[5] == ["\(digits(place + 0x11)): 0xab is now 0x07"])
    #expect(
      run.outputs[6] == [
        "\(digits(place + 0x10)) 00 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ................"
      ])
    #expect(
      run.outputs[7] == [
        "\(digits(place + 0x10)) 0000000000000700 0000000000000000 ................",
        "\(digits(place + 0x20)) 0000000000001234 0000000000000000 4...............",
        "\(digits(place + 0x30)) 00000000b2d05e00 .^......",
      ])
    #expect(
      run.outputs[8] == [
        "\(digits(place + 0xff8)) 00000000 89abcdef 01234567 00000000 ........gE#....."
      ])
    #expect(run.status == 33)
  }

  /// The kernel's text reads as it stands in the file, and no poke changes it, nor its alias.
  @Test func textIsReadOnly() throws {
    let kernel = try KernelFile.current.get()
    let text = try kernel["text_start"]
    let alias = text - LoadedImage.codeBase + Windows(levels: 4).linear.lowerBound
    let stack = try kernel["boot_stack"]
    var loaded: [UInt8] = []
    let run = try CommandRun([
      "peek \(hex(text)) 64", "peek \(hex(alias)) 64", "poke \(hex(text)) 0",
      "poke \(hex(alias)) 0",
      "poke \(hex(stack - 1)) 0", "peek \(hex(stack - 16)) 32",
    ]) { guest, _ in
      loaded = try guest.monitor.physicalMemory(at: text - LoadedImage.codeBase, count: 64)
    }
    let inFile = try kernel.bytes(in: text..<text + 64)
    #expect(loaded == inFile)
    for (index, place) in [text, alias].enumerated() {
      let shown = run.outputs[index].map { $0.split(separator: " ") }
      #expect(shown.map { address($0[0]) } == (0..<4).map { place + 16 * $0 })
      #expect(shown.flatMap { $0[1...16] }.map { UInt8($0, radix: 16) } == inFile)
    }
    #expect(
      Array(run.outputs[2...4]) == [
        ["poke: \(digits(text)), in the kernel code window, is r-x: it can't be written to"],
        ["poke: \(digits(alias)), in the linear mapping, is r--: it can't be written to"],
        ["poke: nothing is mapped at \(digits(stack - 1)), in the kernel code window"],
      ])
    #expect(
      run.outputs[5] == [
        "peek: nothing is mapped at \(digits(stack - 16)), in the kernel code window"
      ])
    #expect(run.status == 35)
  }

  /// What stays of the stress is a correct address space, and as large as it says.
  @Test(arguments: processors)
  func stress(_ processor: Processor) throws {
    let run = try CommandRun(
      ["stress 5000 3", "layout", "areas"], on: Hardware(processor: processor))
    #expect(run.status == 33)
    let words = try #require(run.outputs[0].first)
    let found = try #require(
      words.wholeMatch(
        of: /stress: 5000 rounds of seed 3 leave (\d+) areas, (\d+ KiB) mapped/))
    let vmalloc = Windows(levels: processor.levels).vmalloc
    let ram = run.table.runs.filter { vmalloc.contains($0.virtual) && $0.patIndex == 0 }
    #expect(size(ram.reduce(0) { $0 + $1.byteCount }) == found.2)
    #expect(Int(found.1)! > 20)
    #expect(run.table.sharedTableViolations() == [] && run.table.problems == [])
    #expect(ram.allSatisfy { !$0.grants.contains(.execute) })
    // No frame is in two areas.
    let frames = ram.flatMap { stride(from: $0.physical, to: $0.physical + $0.byteCount, by: 4096) }
    #expect(Set(frames).count == frames.count)
    #expect(run.outputs[1].filter { $0.contains(" kept: ") }.count == 6)
  }

  @Test func stressEnds() throws {
    let run = try CommandRun([
      "memory", "stress 1000", "stress 1000 99", "stress 0", "memory", "areas",
    ])
    #expect(run.outputs[3].first?.hasSuffix(" areas have ended") == true)
    #expect(run.outputs[5].count == 3, "the devices are left")
    // Only what keeps account of all that has grown.
    let frames = [run.outputs[0], run.outputs[4]].map { output in
      output.first { $0.hasPrefix("frames: ") }?.split(separator: " ")[5]
    }
    let used = frames.compactMap { $0.flatMap { Int($0) } }
    #expect(used.count == 2 && used[0] <= used[1] && used[1] < used[0] + 20)
  }

  @Test func selfTests() throws {
    let run = try CommandRun(["selftest page-0", "selftest"])
    #expect(run.outputs[0] == ["test page-0 … ok", "self tests: 1 passed, 0 failed"])
    #expect(run.outputs[1].last == "self tests: \(run.outputs[1].count - 1) passed, 0 failed")
    #expect(run.outputs[1].count > 30)
    #expect(run.status == 33)
  }

  /// A self test that fails does not end the kernel, but `exit` remembers it. It fails by a lie about
  /// the error code of its fault: bit 2, user mode.
  @Test func failedSelfTest() throws {
    let guest = try Guest(commandLine: "run=\"selftest page-0; translate 0\" exit")
    try guest.debugger.run(to: KernelFile.current.get()["highlandTrap"])
    try guest.debugger.write(1 << 2, at: guest.monitor.registers()["RDI"] + 16 * 8)
    let ending = try guest.finish()
    #expect(ending.status == 35)
    #expect(ending.lines.contains("self tests: 0 passed, 1 failed"))
    #expect(ending.lines.last == "0x0000_0000_0000_0000 is not mapped, in the lower half")
  }

  @Test func bench() throws {
    let run = try CommandRun(["bench"])
    #expect(run.outputs[0].count > 8)
    #expect(run.outputs[0].allSatisfy { $0.wholeMatch(of: /bench: .+ \d+\.\d\d ticks/) != nil })
    #expect(run.status == 33)
  }

  /// The report of the fault is the last that is heard.
  @Test func fault() throws {
    let ending = try Guest(commandLine: "run=\"fault null; layout\" exit").finish()
    #expect(ending.status == 35)
    let afterReady = ending.lines.drop { $0 != "highland: ready" }
    #expect(afterReady.dropFirst().first == "highland> fault null")
    #expect(
      afterReady.contains("  cause     read through a null pointer: page 0 is never mapped"))
    #expect(!afterReady.contains("highland> layout"))
  }
}
