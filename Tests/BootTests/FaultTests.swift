// Forbidden things done on purpose, one boot each: the CPU stops them, and the report names cause
// and address. What the report tells of the page table is compared with the table itself.

import Oracle
import Testing

/// A fault that the command line can ask for, and what the report should say of it.
struct Fault: Sendable, CustomTestStringConvertible {
  let name: String
  /// The error code in hexadecimal and in words; nothing for an exception without one.
  var error: String?
  /// The address that the access went to, for a page fault.
  var address: @Sendable (KernelFile, Windows) throws -> UInt64 = { _, _ in 0 }
  let cause: String
  var place = ""

  var testDescription: String { name }

  static let pageFaults = [
    Fault(
      name: "write-text", error: writeToReadOnly,
      address: { kernel, _ in try kernel["text_start"] },
      cause: "write to kernel text, which is read-only", place: "the kernel code window"),
    Fault(
      name: "write-rodata", error: writeToReadOnly,
      address: { kernel, _ in try kernel["rodata_start"] },
      cause: "write to kernel read-only data, which is read-only",
      place: "the kernel code window"),
    Fault(
      name: "write-text-alias", error: writeToReadOnly,
      address: { kernel, windows in alias(of: try kernel["text_start"], windows) },
      cause: "write to the linear alias of kernel text, which is read-only",
      place: "the linear mapping"),
    Fault(
      name: "exec-data", error: fetch, address: { kernel, _ in try kernel["data_start"] },
      cause: "instruction fetch from kernel data, which is not executable",
      place: "the kernel code window"),
    Fault(
      name: "exec-linear", error: fetch,
      address: { kernel, windows in alias(of: try kernel["data_start"], windows) },
      cause: "instruction fetch from the linear mapping, which is not executable",
      place: "the linear mapping"),
    Fault(
      name: "null", error: readOfNothing, address: { _, _ in 0 },
      cause: "read through a null pointer: page 0 is never mapped", place: "the lower half"),
    Fault(
      name: "lower-half", error: readOfNothing, address: { _, _ in 0x40_0000 },
      cause: "read in the lower half, where nothing is mapped", place: "the lower half"),
    Fault(
      name: "hole", error: readOfNothing,
      address: { _, windows in windows.frameMetadata.upperBound },
      cause: "read in the unused hole, where nothing is mapped", place: "the unused hole"),
    Fault(
      name: "stack-guard", error: "0x2: write, supervisor mode, page not present",
      address: { kernel, _ in try kernel["boot_stack"] - 1 },
      cause: "write in the guard page below the stack of the boot CPU",
      place: "the kernel code window"),
    // The local APIC's registers.
    Fault(
      name: "device-in-linear", error: readOfNothing,
      address: { _, windows in windows.linear.lowerBound + 0xfee0_0000 },
      cause: "read in the linear mapping of physical 0x0000_0000_fee0_0000, which is not RAM "
        + "but a hole", place: "the linear mapping"),
    Fault(
      name: "no-area", error: readOfNothing,
      address: { _, windows in windows.vmalloc.upperBound - 1 },
      cause: "read in the vmalloc window, in no area", place: "the vmalloc window"),
    Fault(
      name: "slot-hole", error: readOfNothing,
      address: { _, windows in windows.frameMetadata.lowerBound + 0xfee00 * 16 },
      cause: "read of the slot of frame 0x0000_0000_fee0_0000, which is not RAM but a hole",
      place: "the frame metadata window"),
    Fault(
      name: "boot-stub", error: readOfNothing,
      address: { kernel, _ in try kernel["text_start"] - 1 },
      cause: "read in the kernel code window, where the boot stub was: it is thrown away",
      place: "the kernel code window"),
    Fault(
      name: "outside-image", error: readOfNothing,
      address: { _, windows in windows.kernelCode.upperBound - 1 },
      cause: "read in the kernel code window, outside the kernel image",
      place: "the kernel code window"),
  ]

  private static let writeToReadOnly = "0x3: write, supervisor mode, protection violation"
  private static let readOfNothing = "0x0: read, supervisor mode, page not present"
  private static let fetch = "0x11: instruction fetch, supervisor mode, protection violation"

  /// By BIOS the image lies where it was linked.
  private static func alias(of address: UInt64, _ windows: Windows) -> UInt64 {
    address - LoadedImage.codeBase + windows.linear.lowerBound
  }
}

@Suite struct FaultTests {
  /// Four levels and five.
  private static let processors: [Processor] = [.plain, .all]

  @Test(arguments: Fault.pageFaults, processors)
  func pageFault(_ fault: Fault, _ processor: Processor) throws {
    let kernel = try KernelFile.current.get()
    let address = try fault.address(kernel, Windows(levels: processor.levels))
    let report = try FaultReport(of: fault.name, on: processor) { guest in
      try walkSeen(to: address, levels: processor.levels, guest.monitor)
    }
    let rip = try #require(try report.rip(after: "#PF page fault"))
    if fault.name.hasPrefix("exec") {
      #expect(rip == address)
    } else {
      #expect(try kernel["text_start", "text_end"].contains(rip))
    }
    #expect(
      report.explanation == [
        "error \(try #require(fault.error))", "cause \(fault.cause)",
        "address \(digits(address)), in \(fault.place)",
      ] + report.seen)
    #expect(report.register("cr2") == address)
  }

  /// The stack runs into its guard page, so the page fault has nowhere to go: a double fault.
  @Test(arguments: processors)
  func doubleFault(_ processor: Processor) throws {
    let kernel = try KernelFile.current.get()
    let report = try FaultReport(of: "double-fault", on: processor)
    let rip = try #require(try report.rip(after: "#DF double fault"))
    #expect(try kernel["text_start", "text_end"].contains(rip))
    #expect(
      report.explanation == [
        "cause stack overflow: rsp lies in the guard page below the stack of the boot CPU"
      ])
    let bottom = try kernel["boot_stack"]
    #expect(report.register("rsp") == bottom)
    #expect(report.register("cr2") == bottom - 8)
  }

  @Test(arguments: processors)
  func undefinedOpcode(_ processor: Processor) throws {
    let report = try FaultReport(of: "ud", on: processor)
    let rip = try #require(try report.rip(after: "#UD invalid opcode"))
    // UD1 (SDM volume 2): an opcode that is undefined for good.
    #expect(try KernelFile.current.get().bytes(in: rip..<rip + 2) == [0x0f, 0xb9])
    #expect(report.explanation == ["cause not an instruction of this CPU"])
  }

  /// A failed check is a bare UD2; the report says so, and names the function.
  @Test(arguments: processors)
  func swiftTrap(_ processor: Processor) throws {
    let kernel = try KernelFile.current.get()
    let report = try FaultReport(of: "swift-trap", on: processor)
    let rip = try #require(try report.rip(after: "#UD invalid opcode"))
    #expect(try kernel.bytes(in: rip..<rip + 2) == [0x0f, 0x0b])
    #expect(
      report.explanation == [
        "cause a Swift check failed in \(try FunctionNames.current.get().place(of: rip)): "
          + "a precondition, an overflow or a bound"
      ])
  }

  /// Waiting for a lock that never comes free ends before it begins.
  @Test(arguments: [
    ("lock-twice", "CPU 0 takes the frame lock, which it holds"),
    ("lock-order", "CPU 0 takes the area lock after one that comes later"),
  ])
  func lock(_ name: String, _ words: String) throws {
    let ending = try Guest(commandLine: "fault=\(name)").finish()
    #expect(ending.status == 35)
    let report = ending.lines.drop { $0 != "highland: panic: \(words)" }
    #expect(report.first != nil)
    // From `panic` down to the stub, each a known function.
    let backtrace = report.dropFirst().map { $0.split(separator: " ").joined(separator: " ") }
    #expect(backtrace.first?.hasPrefix("#0 panic(_:) + ") == true)
    #expect(backtrace.contains { $0.contains(" DeliberateFault.commit() + ") })
    #expect(backtrace.last?.contains(" higher_half + ") == true)
    #expect(!backtrace.contains { $0.contains("backtrace ends") })
  }
}

/// What the kernel says from `highland: fault:` on, blanks reduced to one.
struct FaultReport {
  /// What was found outside when the kernel had said all.
  let seen: [String]
  /// The first line.
  private let headline: String
  /// The lines from there to the registers.
  let explanation: [String]
  private let registers: [String]
  /// The lines behind the registers.
  let backtrace: [String]

  /// Boots into the fault `name`, lets `first` have a look when it comes to the trap handler and
  /// `look` once the report is out, and expects the kernel to end there: registers, a backtrace, and
  /// not a line more.
  init(
    of name: String, on processor: Processor, look: (Guest) throws -> [String] = { _ in [] },
    first: (Guest) throws -> Void = { _ in }
  ) throws {
    let guest = try Guest(Hardware(processor: processor), commandLine: "fault=\(name)")
    try guest.debugger.run(to: KernelFile.current.get()["highlandTrap"])
    try first(guest)
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    seen = try look(guest)
    let control = try guest.monitor.registers()
    let ending = try guest.finish()
    #expect(ending.status == 35)

    let lines = ending.lines.map { $0.split(separator: " ").joined(separator: " ") }
      .drop { !$0.hasPrefix("highland: fault: ") }
    headline = lines.first ?? ""
    explanation = Array(lines.dropFirst().prefix { !$0.hasPrefix("rax ") })
    let rest = lines.dropFirst(1 + explanation.count)
    registers = rest.prefix { !$0.hasPrefix("#") }.flatMap { $0.split(separator: " ") }
      .map(String.init)
    backtrace = Array(rest.drop { !$0.hasPrefix("#") })
    #expect(
      registers.suffix(6) == [
        "cr0", digits(try control["CR0"]), "cr3", digits(try control["CR3"]), "cr4",
        digits(try control["CR4"]),
      ])
    // Sixteen general registers, rflags and four control registers, each a name and a value.
    #expect(registers.count == 2 * (16 + 1 + 4))
  }

  /// Where it happened, if the headline names `exception`, and the function where that is.
  func rip(after exception: String) throws -> UInt64? {
    let start = "highland: fault: \(exception) at rip "
    guard headline.hasPrefix(start) else { return nil }
    let parts = headline.dropFirst(start.count).split(separator: ",", maxSplits: 1)
    guard let rip = address(parts[0]) else { return nil }
    let kernel = try KernelFile.current.get()
    let isInText = try kernel["text_start", "text_end"].contains(rip)
    let place = isInText ? " in \(try FunctionNames.current.get().place(of: rip))" : nil
    #expect(parts.dropFirst().first.map(String.init) == place)
    return rip
  }

  func register(_ name: String) -> UInt64? {
    guard let index = registers.firstIndex(of: name) else { return nil }
    return address(registers[index + 1][...])
  }
}

/// The entries on the way to `address`, read from the guest's memory, in the report's words.
func walkSeen(to address: UInt64, levels: Int, _ monitor: Monitor) throws -> [String] {
  let addressBits: UInt64 = 0x000f_ffff_ffff_f000
  var lines: [String] = []
  var table = try monitor.registers()["CR3"] & addressBits
  for level in stride(from: levels, to: 0, by: -1) {
    let shift = UInt64(3 + 9 * level)
    let index = address >> shift & 511
    let bytes = try monitor.physicalMemory(at: table + index * 8, count: 8)
    let entry = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    let line = "level \(level) entry \(index) of \(digits(table)): \(digits(entry)) "
    if entry & 1 == 0 { return lines + [line + "not present"] }
    if level == 1 || entry & 1 << 7 != 0 {
      let rights = "r" + (entry & 2 != 0 ? "w" : "-") + (entry >> 63 == 0 ? "x" : "-")
      return lines + [line + "\(size(1 << shift)) page \(rights)"]
    }
    lines.append(line + "table")
    table = entry & addressBits
  }
  return lines
}
