// The prompt, from the serial line and from the keyboard: what is typed, corrected, recalled and
// completed, and what cannot hurt it.

import Foundation
import Oracle
import Testing

import struct TestSupport.SeededGenerator

@Suite struct PromptTests {
  /// What `help exit` says begins like this.
  private static let helpOnExit = "exit: leave"

  private func expectHelp(_ answer: [String]) {
    #expect(answer.count == 2 && answer.first == "help exit")
    #expect(answer.last?.hasPrefix(Self.helpOnExit) == true)
  }

  @Test func serialLine() throws {
    let prompt = try Prompt()
    #expect(prompt.boot.dropLast().last == "highland: ready")
    #expect(prompt.boot.last?.hasSuffix("; input from the serial port and the keyboard") == true)
    expectHelp(try prompt.enter("help exit"))
    // Editing: the typing errors are gone on the terminal, too.
    let left = "\u{1b}[D"
    expectHelp(try prompt.enter("hexlp exit" + String(repeating: left, count: 7) + "\u{8}"))
    expectHelp(try prompt.enter("xhelp exi\u{1b}[H\u{1b}[3~\u{1b}[Ft"))
    expectHelp(try prompt.enter("layout\u{15}help\u{17}help exit"))
    // History.
    #expect(try prompt.enter("") == [""])
    expectHelp(try prompt.enter("\u{1b}[A"))
    expectHelp(try prompt.enter("\u{1b}OA\u{1b}OA\u{1b}[B\u{1b}[B\u{1b}[A"))
    // Completion.
    expectHelp(try prompt.enter("hel\tex\t"))
    prompt.type("help \t")
    let listed = try prompt.answer()
    #expect(listed.first == "help")
    let names = listed.dropFirst().flatMap { $0.split(separator: " ") }
    #expect(names.contains("layout") && names.contains("exit"))
    expectHelp(try prompt.enter("exit"))
    // What is given up is not done.
    prompt.type("exit\u{3}")
    #expect(try prompt.answer() == ["exit^C"])
    // Not ASCII, and too long.
    #expect(try prompt.enter("hélp")[0] == "h?lp")
    let long = try prompt.enter("exit " + String(repeating: "x", count: 400))
    #expect(long.last?.hasPrefix("highland: nothing done: more than 256 characters") == true)
    prompt.type("exit\r")
    #expect(try prompt.guest.end().status == 35, "some commands were none")
  }

  /// By the keys of a keyboard, seen on screens and on the serial line.
  @Test(arguments: ["text", "640x480x32", "1024x768x16"])
  func keyboard(_ video: String) throws {
    let prompt = try Prompt(video: video)
    try prompt.strike("h", "x", "backspace", "e", "p", "left", "l", "end", "spc", "e", "x", "i")
    try prompt.strike("tab", "ret")
    expectHelp(try prompt.answer())
    try prompt.strike("shift-h", "minus", "shift-minus")
    try prompt.waitForScreen { $0.last == "highland> H-_" }
    let shown = try prompt.screen()
    #expect(shown.contains("highland> help exit"))
    #expect(shown.contains { $0.hasPrefix(Self.helpOnExit) })
    try prompt.strike("ctrl-c")
    #expect(try prompt.answer() == ["H-_^C"])
    try prompt.strike("up", "home", "delete")
    try prompt.waitForScreen { $0.last == "highland> elp exit" }
    // The cursor stands on the first letter.
    if video == "text" {
      #expect(try prompt.guest.vgaText().colours == [0x07, 0x70])
    } else {
      let screenshot = try prompt.guest.monitor.screenshot()
      let text = try screenshot.textBelowPicture()
      let row =
        try #require(text.lastIndex { $0 == "highland> elp exit" })
        + screenshot.rowsBelowPicture.lowerBound
      for column in 0..<20 {
        let isBright = screenshot.pixel(x: 8 * column, y: 16 * row).brightness > 3 * 128
        #expect(isBright == (column == 10))
      }
    }
  }

  /// The screen and the keyboard are all there is.
  @Test func withoutSerialPort() throws {
    let prompt = try Prompt(Hardware(hasSerialPort: false), video: "1024x768x32")
    try prompt.waitForScreen { lines in
      lines.last == "highland>"
        && lines.dropLast().last?.hasSuffix("; input from the keyboard") == true
    }
    for key in ["h", "e", "l", "p", "spc", "e", "x", "i", "t"] {
      _ = try prompt.guest.monitor.tell("sendkey \(key) 1")
    }
    try prompt.waitForScreen { $0.last == "highland> help exit" }
    _ = try prompt.guest.monitor.tell("sendkey ret 1")
    try prompt.waitForScreen { lines in
      lines.last == "highland>" && lines.contains { $0.hasPrefix(Self.helpOnExit) }
    }
  }

  /// Other firmware, other machines, and a CPU without a local APIC.
  @Test(arguments: [
    Hardware(firmware: .uefi, processor: .all), Hardware(firmware: .uefi, machine: "pc"),
    Hardware(machine: "pc", processor: .plain),
    Hardware(machine: "pc", processor: Processor(model: "qemu64,apic=off")),
  ])
  func machines(_ hardware: Hardware) throws {
    let prompt = try Prompt(hardware)
    expectHelp(try prompt.enter("help exit"))
    try prompt.strike("up", "ret")
    expectHelp(try prompt.answer())
    try prompt.waitForHalt()
    // What has been set up once serves the kernel's own tests, too.
    #expect(try prompt.enter("selftest lock-interrupts").last == "self tests: 1 passed, 0 failed")
    prompt.type("exit\r")
    #expect(try prompt.guest.end().status == 33)
  }

  /// Waiting, the CPU is halted, and listens: every time that somebody looks.
  @Test(arguments: ["text", "640x480x32"])
  func idle(_ video: String) throws {
    let prompt = try Prompt(video: video)
    expectHelp(try prompt.enter("help exit"))
    try prompt.waitForHalt()
    for _ in 0..<100 {
      let registers = try prompt.guest.monitor.registers()
      #expect(try registers["HLT"] == 1)
      #expect(try registers["RFL"] & 1 << 9 != 0, "interrupts")
    }
  }

  /// 64 KiB at once, of commands: every one is answered, in order.
  @Test func pasteOfCommands() throws {
    let prompt = try Prompt()
    let lines = (0..<4096).map { "nothing\(10_000 + $0)" }
    let paste = lines.joined(separator: "\n") + "\n"
    #expect(paste.utf8.count >= 52 << 10)
    prompt.type(paste + "help exit\r")
    for line in lines {
      let answer = try prompt.answer()
      try #require(answer == [line, "no command is called \(line); help lists them all"])
    }
    expectHelp(try prompt.answer())
  }

  /// 64 KiB without an end.
  @Test func pasteOfOneLine() throws {
    let prompt = try Prompt()
    prompt.type(String(repeating: "exit;", count: (64 << 10) / 5) + "\r")
    #expect(try prompt.answer().last?.hasPrefix("highland: nothing done") == true)
    expectHelp(try prompt.enter("help exit"))
  }

  /// Bytes of all kinds; then the kernel still answers, and its tables are what they were.
  @Test func randomLines() throws {
    let hardware = Hardware()
    let prompt = try Prompt(hardware)
    let before = try prompt.guest.snapshot(physicalWidth: hardware.processor.physicalWidth)
    var generator = SeededGenerator(seed: 4)
    var bytes: [UInt8] = []
    for _ in 0..<10_000 { bytes += Self.randomLine(using: &generator) }
    // What no random line says.
    bytes += Array("\r\rEND\rhelp exit\r".utf8)
    prompt.type(bytes)
    _ = try prompt.answer(until: "no command is called END; help lists them all")
    _ = try prompt.answer()
    expectHelp(try prompt.answer())
    try prompt.waitForHalt()
    let after = try prompt.guest.snapshot(physicalWidth: hardware.processor.physicalWidth)
    #expect(after.runs.map(Mapping.init) == before.runs.map(Mapping.init))
    let kernel = try KernelFile.current.get()
    let text = try kernel["text_start", "text_end"]
    let physicalText = try #require(after.runs.first { $0.virtual == text.lowerBound }).physical
    let readOnly = try kernel["text_start", "rodata_end"].count
    #expect(
      after.violations(
        on: Machine(
          windows: Windows(levels: after.levels),
          gigabytePages: hardware.processor.hasGigabytePages,
          ram: Array(ram(of: KernelReport(prompt.boot).received).ranges), text: text,
          readOnly: [physicalText..<physicalText + UInt64(readOnly)])) == [])
  }

  /// Random keys and sequences, whole and broken, words and other bytes. No letter is among them that
  /// begins the name of a command that ends something or takes long, whatever the tab key makes of it.
  private static func randomLine(using generator: inout SeededGenerator) -> [UInt8] {
    let letters = Array("acdghijkmnoqtuvwxyz0123456789 ;\"'\\".utf8)
    let pieces = [
      "\u{1b}[A", "\u{1b}[B", "\u{1b}[C", "\u{1b}[D", "\u{1b}[3~", "\u{1b}OH", "\u{1b}[F", "\t",
      "\u{8}", "\u{1b}", "\u{1b}[", "\u{1b}[12;", "\u{1b}O", "é", "😀", "cut 0x1000 ", "; ",
    ]
    var line: [UInt8] = []
    for _ in 0..<Int.random(in: 0..<24, using: &generator) {
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: line += Array(pieces.randomElement(using: &generator)!.utf8)
      case 1:
        let byte = UInt8.random(in: 0...255, using: &generator)
        // No other letters, and not what makes two lines of one.
        let isOther = byte < 0x20 ? byte != 0x0a && byte != 0x0d : byte >= 0x7f
        line.append(isOther ? byte : 0x20)
      default: line.append(letters.randomElement(using: &generator)!)
      }
    }
    return line + [0x0d]
  }
}

extension Prompt {
  /// What the screen shows down to the last row that is not blank.
  fileprivate func screen() throws -> [String] {
    let lines: [String]
    if try isTextMode {
      lines = try guest.vgaText().characters.map { String(decoding: $0, as: UTF8.self) }
    } else {
      lines = try guest.monitor.screenshot().textBelowPicture()
    }
    return Array(lines.prefix((lines.lastIndex { !$0.isEmpty } ?? -1) + 1))
  }

  private var isTextMode: Bool {
    get throws { boot.contains { $0.hasPrefix("device: framebuffer") && $0.hasSuffix("80 x 25") } }
  }

  /// Looks at the screen until it shows what is waited for. QEMU ends by its deadline.
  func waitForScreen(_ isThere: ([String]) -> Bool) throws {
    while true {
      // A screen that is being drawn may not be readable.
      if let lines = try? screen(), isThere(lines) { return }
      _ = try guest.monitor.registers()
    }
  }

  /// The processor halts a few instructions after the prompt is out.
  fileprivate func waitForHalt() throws {
    while try guest.monitor.registers()["HLT"] == 0 {}
  }
}
