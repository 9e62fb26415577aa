// Who called whom: compared with the stack as it lies in the guest's memory and the ELF file's own
// symbols, and on stacks that somebody has written over.

import Testing

@Suite struct BacktraceTests {
  /// The frames from a frame pointer on, by the monitor's eyes: where each returns to.
  private static func returnAddresses(from frame: UInt64, _ monitor: Monitor) throws -> [UInt64] {
    var frame = frame
    var addresses: [UInt64] = []
    while frame != 0 {
      let words = try monitor.words(at: frame, count: 2)
      addresses.append(words[1])
      frame = words[0]
    }
    return addresses
  }

  /// The lines that should be there: `first` and then the places that are returned to.
  private static func lines(_ first: String, _ callers: [UInt64]) throws -> [String] {
    let names = try FunctionNames.current.get()
    return try ([first] + callers.map { try names.caller($0) }).enumerated()
      .map { "#\($0.offset) \($0.element)" }
  }

  /// Faults of several kinds, on the boot stack and on the double fault's own.
  @Test(arguments: ["null", "write-text", "ud", "swift-trap", "hole", "double-fault"])
  func fault(_ name: String) throws {
    let names = try FunctionNames.current.get()
    var expected: [String] = []
    let report = try FaultReport(
      of: name, on: .all,
      first: { guest in
        let trap = try guest.monitor.trapFrame()
        let callers = try Self.returnAddresses(from: trap.rbp, guest.monitor)
        expected = try Self.lines(names.place(of: trap.rip), callers)
      })
    #expect(report.backtrace == expected)
    #expect(expected.contains { $0.contains(" DeliberateFault.commit() + ") })
    #expect(expected.last?.contains(" higher_half + ") == true)
  }

  /// A call through a bad pointer: the caller is told by what the call pushed.
  @Test func badCall() throws {
    let kernel = try KernelFile.current.get()
    var expected: [String] = []
    let report = try FaultReport(
      of: "exec-data", on: .plain,
      first: { guest in
        let trap = try guest.monitor.trapFrame()
        let caller = try guest.monitor.words(at: trap.rsp, count: 1)
        let others = try Self.returnAddresses(from: trap.rbp, guest.monitor)
        expected = try Self.lines(digits(kernel["data_start"]), caller + others)
      })
    #expect(report.backtrace == expected)
    #expect(report.backtrace.count > 4)
  }

  /// A fault in a routine that makes no frame: its caller is not lost.
  @Test func withoutFrame() throws {
    let kernel = try KernelFile.current.get()
    let names = try FunctionNames.current.get()
    let guest = try Guest()
    try guest.debugger.run(to: names.address(of: "MemoryMap.normalise(limit:)"))
    try guest.debugger.run(to: kernel["memcpy"])
    let registers = try guest.monitor.registers()
    // Neither memory nor canonical.
    try guest.debugger.setRegister(.rdi, to: 0x8000_0000_0000_0000)
    try guest.debugger.run(to: kernel["highlandTrap"])
    let trap = try guest.monitor.trapFrame()
    let caller = try guest.monitor.words(at: registers["RSP"], count: 1)
    let others = try Self.returnAddresses(from: registers["RBP"], guest.monitor)
    let expected = try Self.lines(names.place(of: trap.rip), caller + others)
    let ending = try guest.finish()
    #expect(ending.status == 35)
    #expect(expected[0].hasPrefix("#0 memcpy + "))
    #expect(backtrace(of: ending.lines) == expected)
  }

  /// The first instruction of a function has no room on the stack: its caller is not lost either.
  @Test func stackOverflowOnEntry() throws {
    let kernel = try KernelFile.current.get()
    let names = try FunctionNames.current.get()
    let guest = try Guest(commandLine: "fault=null")
    try guest.debugger.run(to: names.address(of: "DeliberateFault.commit()"))
    let registers = try guest.monitor.registers()
    let caller = try guest.monitor.words(at: registers["RSP"], count: 1)
    let others = try Self.returnAddresses(from: registers["RBP"], guest.monitor)
    let bottom = try kernel["boot_stack"]
    try guest.debugger.write(caller[0], at: bottom)
    try guest.debugger.setRegister(.rsp, to: bottom)
    let ending = try guest.finish()
    #expect(ending.status == 35)
    #expect(ending.lines.contains { $0.hasPrefix("highland: fault: #DF double fault at rip ") })
    #expect(
      backtrace(of: ending.lines)
        == (try Self.lines("DeliberateFault.commit() + 0x0", caller + others)))
  }

  /// A frame pointer that is written over where the function that will fault begins, and how the
  /// backtrace should end. Two functions have their frames below it.
  struct Smash: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The frame pointer, from the stack's bottom and top and the stack pointer.
    let frame: @Sendable (_ bottom: UInt64, _ top: UInt64, _ stackPointer: UInt64) -> UInt64
    /// What is said of it.
    let words: String
    /// What to write where the frame pointer points, and above.
    var planted: [UInt64] = []
  }

  @Test(arguments: [
    Smash(
      testDescription: "text", frame: { _, _, _ in 0x6261_6564_6164_6564 },
      words: "is not aligned"),
    Smash(
      testDescription: "lower half", frame: { _, _, _ in 0x1000 }, words: "is in no stack"),
    Smash(
      testDescription: "not canonical", frame: { _, _, _ in 0x8000_0000_0000_0000 },
      words: "is in no stack"),
    Smash(
      testDescription: "highest", frame: { _, _, _ in 0xffff_ffff_ffff_fff0 },
      words: "is in no stack"),
    Smash(
      testDescription: "guard page", frame: { bottom, _, _ in bottom - 16 },
      words: "is in no stack"),
    Smash(testDescription: "top", frame: { _, top, _ in top }, words: "is in no stack"),
    // The frame that the function will make.
    Smash(
      testDescription: "itself", frame: { _, _, stackPointer in stackPointer - 8 },
      words: "does not lie above the one before"),
    Smash(
      testDescription: "downward", frame: { bottom, _, _ in bottom },
      words: "does not lie above the one before"),
  ])
  func smashedStack(_ smash: Smash) throws {
    let (lines, frame) = try backtrace(smash)
    #expect(lines.contains { $0.contains(" DeliberateFault.commit() + ") })
    #expect(lines.dropLast().last?.contains(" boot(_:) + ") == true)
    #expect(lines.last == "backtrace ends: frame pointer \(digits(frame)) \(smash.words)")
  }

  /// A frame that is where one may be, with no return address in it.
  @Test func smashedReturnAddress() throws {
    let kernel = try KernelFile.current.get()
    for address in [0, 0x4141_4141_4141_4141, try kernel["text_end"]] {
      let (lines, _) = try backtrace(
        Smash(
          testDescription: "", frame: { _, top, _ in top - 16 }, words: "", planted: [0, address]))
      #expect(
        lines.last == "backtrace ends: return address \(digits(address)) is not in kernel text")
    }
  }

  /// A chain that goes on for longer than anybody would read.
  @Test func endlessChain() throws {
    let kernel = try KernelFile.current.get()
    let names = try FunctionNames.current.get()
    let guest = try Guest(commandLine: "fault=null")
    try guest.debugger.run(to: names.address(of: "DeliberateFault.commit()"))
    // Upward through the stack, a frame in each sixteen bytes.
    let start = (try guest.monitor.registers()["RSP"] + 15) & ~15
    let end = try kernel["boot_stack.top"]
    for frame in stride(from: start, to: min(end, start + 32 * 16), by: 16) {
      try guest.debugger.write(frame + 16, at: frame)
      try guest.debugger.write(kernel["highlandEntry"] + 8, at: frame + 8)
    }
    try guest.debugger.setRegister(.rbp, to: start)
    let lines = backtrace(of: try guest.finish().lines)
    #expect(lines.count == 17)
    #expect(lines[10].hasSuffix(" highlandEntry + 0x8"))
    #expect(lines.last == "backtrace ends: there are more than 16 frames")
  }

  private func backtrace(_ smash: Smash) throws -> (lines: [String], frame: UInt64) {
    let kernel = try KernelFile.current.get()
    let names = try FunctionNames.current.get()
    let guest = try Guest(commandLine: "fault=null")
    try guest.debugger.run(to: names.address(of: "DeliberateFault.commit()"))
    let frame = smash.frame(
      try kernel["boot_stack"], try kernel["boot_stack.top"], try guest.monitor.registers()["RSP"])
    for (index, word) in smash.planted.enumerated() {
      try guest.debugger.write(word, at: frame + 8 * UInt64(index))
    }
    try guest.debugger.setRegister(.rbp, to: frame)
    let ending = try guest.finish()
    #expect(ending.status == 35)
    return (backtrace(of: ending.lines), frame)
  }

  /// The backtrace in what the kernel said, blanks reduced to one.
  private func backtrace(of lines: [String]) -> [String] {
    lines.map { $0.split(separator: " ").joined(separator: " ") }
      .filter { $0.hasPrefix("#") || $0.hasPrefix("backtrace ends") }
  }
}

extension Monitor {
  /// What the CPU and boot/traps.asm pushed (struct TrapFrame of Machine.h), seen from the first
  /// instruction of highlandTrap.
  func trapFrame() throws -> (rip: UInt64, rsp: UInt64, rbp: UInt64) {
    let words = try words(at: registers()["RDI"], count: 22)
    return (rip: words[17], rsp: words[20], rbp: words[8])
  }
}
