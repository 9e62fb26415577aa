// Faults while a fault is reported: one short line, where it can be had, and the end. The debug stub
// makes them by sending the kernel to an address where nothing is.

import Testing

@Suite struct NestedFaultTests {
  private static let words = "highland: fault while reporting a fault: #PF page fault"

  /// Stops in the function `name` once a fault is being reported.
  private func stop(in name: String, after fault: String) throws -> Guest {
    let names = try FunctionNames.current.get()
    let guest = try Guest(commandLine: "fault=\(fault)")
    try guest.debugger.run(to: names.address(of: "FaultReport.print()"))
    try guest.debugger.run(to: names.address(of: name))
    return guest
  }

  /// In what prints, in the backtrace; on the boot stack and on the double fault's own.
  @Test(
    arguments: ["Console.put(_:)", "Backtrace.printCallers(_:from:)"], ["null", "double-fault"])
  func once(_ name: String, _ fault: String) throws {
    let guest = try stop(in: name, after: fault)
    try guest.debugger.setRegister(.rip, to: 0x1000)
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let screen = try guest.vgaText().characters
    let ending = try guest.finish()
    #expect(ending.status == 35)
    #expect(ending.lines.last == Self.words)
    #expect(ending.lines.count { $0 == Self.words } == 1)
    #expect(screen.last { !$0.isEmpty } == Array(Self.words.utf8))
  }

  /// The screen is what faults, again and again: the serial port has the line, and it ends there.
  @Test func screenThatFaults() throws {
    let names = try FunctionNames.current.get()
    let place = try names.address(of: "ScreenConsole.put(_:)")
    let guest = try stop(in: "ScreenConsole.put(_:)", after: "null")
    try guest.debugger.setRegister(.rip, to: 0x1000)
    try guest.debugger.run(to: place)
    try guest.debugger.setRegister(.rip, to: 0x1000)
    let ending = try guest.finish()
    #expect(ending.status == 35)
    #expect(ending.lines.last == Self.words)
    #expect(ending.lines.count { $0 == Self.words } == 1)
  }

  /// A report on a stack that runs over: a double fault while one fault is reported, on its own stack.
  @Test(arguments: ["null", "double-fault"])
  func stackGone(_ fault: String) throws {
    let guest = try stop(in: "Console.put(_:)", after: fault)
    try guest.debugger.setRegister(.rsp, to: 0x1000)
    let ending = try guest.finish()
    #expect(ending.status == 35)
    #expect(ending.lines.last == "highland: fault while reporting a fault: #DF double fault")
  }
}
