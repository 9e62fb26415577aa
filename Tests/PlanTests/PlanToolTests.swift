// The tool as it is used: files in, lines and a status out.

import Addressing
import BootInfo
import Foundation
import KernelSpace
import TestSupport
import Testing

@testable import Plan

/// A directory of its own for each test.
private final class Scratch {
  let directory = FileManager.default.temporaryDirectory
    .appending(path: "highland-plan-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  @discardableResult
  func file(_ name: String, _ text: String) throws -> String {
    let file = directory.appending(path: name)
    try Data(text.utf8).write(to: file)
    return file.path
  }
}

/// A run of the tool, and what it said.
private struct Run {
  let status: Status
  let lines: [String]
  let complaints: [String]

  init(_ arguments: String...) {
    var (lines, complaints): ([String], [String]) = ([], [])
    status = PlanTool(put: { lines.append($0) }, complain: { complaints.append($0) })
      .run(arguments)
    (self.lines, self.complaints) = (lines, complaints)
  }
}

@Suite struct PlanToolTests {
  private let scratch = try! Scratch()

  /// 6 GiB, with a hole and ACPI tables below 4 GiB. The numbers below are worked out by hand: the
  /// image's 2 MiB page is split for its read-only part, and so are the ones at the ends.
  private let pc = """
    0 9fc00 usable
    9fc00 a0000 reserved
    100000 bffe0000 usable
    bffe0000 c0000000 acpi-data
    100000000 1c0000000 usable
    """

  private let promises = [
    "promise  1 kept: only RAM is in the linear mapping, and all of it",
    "promise  2 kept: no page is writable and executable, under any alias",
    "promise  3 kept: the lower half is empty",
    "promise  4 kept: no table is shared, all 256 top-level entries are there",
    "promise  5 kept: the largest pages that fit are used",
    "promise 10 kept: no frame has two memory types",
  ]

  @Test func onePC() throws {
    let file = try scratch.file("pc.txt", pc)
    let run = Run("MAP=\(file)", "LA57=0", "PDPE1GB=1", "PHYSBITS=46")
    #expect(run.status == .success && run.complaints == [])
    #expect(
      run.lines == [
        "plan of \(file): 5 entries",
        "processor: 4 paging levels, 46 physical address bits, 1 GiB pages: yes",
        "memory map normalised: 7 regions, 6291068 KiB of RAM",
        "  0x0000_0000_0000_0000 - 0x0000_0000_0009_f000       636 KiB  usable",
        "  0x0000_0000_0009_f000 - 0x0000_0000_000a_0000         4 KiB  reserved",
        "  0x0000_0000_0010_0000 - 0x0000_0000_0020_0000         1 MiB  usable",
        "  0x0000_0000_0020_0000 - 0x0000_0000_0038_0000      1536 KiB  kernel",
        "  0x0000_0000_0038_0000 - 0x0000_0000_bffe_0000   3142016 KiB  usable",
        "  0x0000_0000_bffe_0000 - 0x0000_0000_c000_0000       128 KiB  ACPI tables",
        "  0x0000_0001_0000_0000 - 0x0000_0001_c000_0000         3 GiB  usable",
        "address space:",
        " | |    beyond the end",
        " +-+ <- 0xffff_ffff_ffff_0000",
        " | |    unused           nothing mapped",
        " +-+ <- 0xffff_ffff_c000_0000",
        " |#|    kernel code      r--      320 KiB:    0 x 1 GiB,    0 x 2 MiB,   80 x 4 KiB",
        " |#|                     rw-      180 KiB:    0 x 1 GiB,    0 x 2 MiB,   45 x 4 KiB",
        " |#|                     r-x      992 KiB:    0 x 1 GiB,    0 x 2 MiB,  248 x 4 KiB",
        " +-+ <- 0xffff_ffff_8000_0000",
        " | |    unused hole      nothing mapped",
        " +-+ <- 0xffff_e100_0000_0000",
        " | |    frame metadata   nothing mapped",
        " +-+ <- 0xffff_e000_0000_0000",
        " | |    vmalloc          nothing mapped",
        " +-+ <- 0xffff_c000_0000_0000",
        " |#|    linear mapping   r--     1312 KiB:    0 x 1 GiB,    0 x 2 MiB,  328 x 4 KiB",
        " |#|                     rw-  6289756 KiB:    5 x 1 GiB,  510 x 2 MiB,  599 x 4 KiB",
        " +-+ <- 0xffff_8000_0000_0000",
        " . .    not canonical",
        " +-+ <- 0x0000_8000_0000_0000",
        " | |    lower half       nothing mapped",
        " +-+ <- 0x0000_0000_0000_0000",
        "table frames: 262 = 1 of level 4 + 256 of level 3 + 2 of level 2 + 3 of level 1; 1048 KiB",
      ] + promises)
  }

  @Test func otherProcessors() throws {
    let file = try scratch.file("pc.txt", pc)
    let whole = Run("MAP=\(file)")
    #expect(
      whole.lines[1] == "processor: 5 paging levels, 52 physical address bits, 1 GiB pages: yes")
    #expect(whole.lines.suffix(6) == promises[...])
    let small = Run("MAP=\(file)", "LA57=0", "PDPE1GB=0", "PHYSBITS=32")
    #expect(small.status == .success && small.lines.suffix(6) == promises[...])
    #expect(
      small.lines[1] == "processor: 4 paging levels, 32 physical address bits, 1 GiB pages: no")
    #expect(
      small.lines.contains(
        "left out: 3 GiB of RAM past what the CPU or the window can address"))
    #expect(
      small.lines.contains(
        " |#|                     rw-  3144028 KiB:    0 x 1 GiB, 1534 x 2 MiB,  599 x 4 KiB"))
  }

  @Test func aLogIsAMapToo() throws {
    let log = """
      [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\r
      [    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved\r
      [    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000bffdffff] usable\r
      [    0.000000] [Firmware Bug]: the BIOS has corrupted hw-PMU resources\r
      [    0.000000] BIOS-e820: [mem 0x00000000bffe0000-0x00000000bfffffff] ACPI data\r
      [    0.000000] BIOS-e820: [mem 0x0000000100000000-0x00000001bfffffff] usable\r
      """
    let fromLog = Run("MAP=\(try scratch.file("boot.log", log))")
    let fromMap = Run("MAP=\(try scratch.file("pc.txt", pc))")
    #expect(fromLog.status == .success)
    #expect(fromLog.lines.dropFirst() == fromMap.lines.dropFirst())
  }

  @Test func aMachineThatCannotBoot() throws {
    let file = try scratch.file("tiny.txt", "0 1000 usable")
    let run = Run("MAP=\(file)")
    #expect(run.status == .success && run.complaints == [])
    #expect(
      run.lines.last
        == "cannot boot: no usable RAM for a kernel of 1536 KiB at a multiple of 2 MiB below 4 GiB")
    let noTables = try scratch.file("cramped.txt", "200000 38d000 usable")
    #expect(
      Run("MAP=\(noTables)").lines.last == "cannot boot: too little RAM for the page tables: "
        + "256 frames needed at once, 12 left below 4 GiB")
    let endless = (0..<1024).map {
      "\(String($0 << 13, radix: 16)) \(String($0 << 13 + 1, radix: 16)) reserved"
    }
    let long = try scratch.file(
      "long.txt", "10000000 20000000 usable\n" + endless.joined(separator: "\n"))
    #expect(
      Run("MAP=\(long)").lines.last == "cannot boot: the memory map has more than 1024 entries")
  }

  @Test func aDirectory() throws {
    try scratch.file("b.txt", pc)
    try scratch.file("a.log", "BIOS-e820: [mem 0x0-0x1fffffff] usable")
    try scratch.file("tiny.txt", "0 1000 usable")
    try scratch.file("README.md", "no map")
    let run = Run("MAP=\(scratch.directory.path)", "LA57=0")
    #expect(run.status == .success && run.complaints == [])
    #expect(
      run.lines == [
        "a.log: 1 entries, 512 MiB of RAM, 261 table frames, "
          + "1400 operations: 0 x 1 GiB, 255 x 2 MiB, 885 x 4 KiB, OK",
        "b.txt: 5 entries, 6291068 KiB of RAM, 262 table frames, "
          + "2076 operations: 5 x 1 GiB, 510 x 2 MiB, 1300 x 4 KiB, OK",
        "tiny.txt: 1 entries, cannot boot: no usable RAM for a kernel of 1536 KiB "
          + "at a multiple of 2 MiB below 4 GiB",
        "2 passed, 0 failed, 1 cannot boot",
      ])
    let bad = try scratch.file("c.txt", "0 1000 usable\n1000 2000 usabel\n")
    let failing = Run("MAP=\(scratch.directory.path)", "LA57=0")
    #expect(failing.status == .badInput)
    #expect(failing.complaints == ["\(bad):2: TYPE is none that is known"])
    #expect(failing.lines.last == "2 passed, 1 failed, 1 cannot boot")
  }

  @Test func badInput() throws {
    let missing = scratch.directory.appending(path: "missing").path
    let alien = try scratch.file("alien", "Hello, world\n")
    let slip = try scratch.file("slip", "# x\n0 9fc00 usable\n9fc00 1000 usable\n")
    for (arguments, complaint) in [
      (["MAP=\(missing)"], "\(missing): No such file or directory"),
      (["MAP=\(alien)"], "\(alien): no line of a memory map"),
      (["MAP=\(slip)"], "\(slip):3: END lies below START"),
      (
        ["MAP=\(scratch.directory.path)"],
        "\(scratch.directory.path): no file with the name *.txt or *.log"
      ),
      (["MAP="], "no map: make plan MAP=file, MAP=directory or MAP=-"),
      (["MAP=\(alien)", "LA57=yes"], "LA57=yes: neither 0 nor 1"),
      (["MAP=\(alien)", "PDPE1GB=2"], "PDPE1GB=2: neither 0 nor 1"),
      (["MAP=\(alien)", "PHYSBITS=31"], "PHYSBITS=31: no number from 32 to 52"),
      (["MAP=\(alien)", "PHYSBITS=53"], "PHYSBITS=53: no number from 32 to 52"),
      (["MAP=\(alien)", "PHYSBITS=x"], "PHYSBITS=x: no number from 32 to 52"),
      (["BITS=3"], "not understood: BITS=3"), (["help"], "not understood: help"),
    ] {
      var (lines, complaints): ([String], [String]) = ([], [])
      let status = PlanTool(put: { lines.append($0) }, complain: { complaints.append($0) })
        .run(arguments)
      #expect(status == .badInput && lines == [] && complaints == [complaint])
    }
  }

  /// Both judges see damage, and it decides the status.
  @Test func aBrokenPromise() throws {
    let map = FirmwareMap([Report(0, 1 << 30, .usable)])
    let machine = FakeMachine(reports: map.reports, image: try #require(map.image))
    let space = try BuiltSpace(machine)
    let whole = Verdict(space, ram: map.ram)
    #expect(whole.isKept && whole.summary == "OK" && whole.report == promises)

    // A device into the linear mapping, as 4 KiB pages that could be one of 2 MiB.
    try space.map(
      0xffff_8000_fee0_0000..<0xffff_8000_ff00_0000, to: 0xfee0_0000, largest: .size4KiB)
    let verdict = Verdict(space, ram: map.ram)
    #expect(!verdict.isKept && verdict.broken == [.onlyRAM, .largestPages])
    #expect(verdict.summary == "promise 1 is broken; promise 5 is broken")
    #expect(
      verdict.report == [
        "promise  1 broken: only RAM is in the linear mapping, and all of it",
        "  linear window maps 0xfee00000..<0xff000000, which is no RAM",
        "  Highland's own audit: at 0xffff_8000_fee0_0000",
        promises[1], promises[2], promises[3],
        "promise  5 broken: the largest pages that fit are used",
        "  0xffff8000fee00000 is mapped by 0 of 1 GiB, 0 of 2 MiB, 512 of 4 KiB pages; "
          + "0 of 1 GiB, 1 of 2 MiB, 0 of 4 KiB would do",
        "  Highland's own audit: at 0xffff_8000_fee0_0000",
        promises[5],
      ])
    let plan = MachinePlan(
      firmwareMap: map, cpu: machine.cpu, physicalAddressWidth: machine.physicalAddressWidth,
      outcome: .built(space, verdict))
    #expect(plan.status == .brokenPromise && plan.status.rawValue == 1)
    #expect(plan.summary(of: "x").hasSuffix(", promise 1 is broken; promise 5 is broken"))

    // One that no promise by number speaks of.
    try space.map(0xffff_c000_0000_0000..<0xffff_c000_0000_1000, to: 0x1000_0000)
    let stray = Verdict(space, ram: map.ram)
    #expect(
      stray.report.last == "broken: Highland's own audit: nothing belongs at 0xffff_c000_0000_0000")
  }
}
