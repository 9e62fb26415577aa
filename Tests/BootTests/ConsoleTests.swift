// What the consoles show, seen from outside: pictures of the screen, and the memory of the VGA's text
// screen. What the serial line got is what has to be there.

import Testing

@Suite struct ConsoleTests {
  /// Screens of pixels. By UEFI the mode is the firmware's.
  @Test(arguments: [
    ("640x480x32", 640), ("640x480x24", 640), ("640x480x16", 640), ("640x480x15", 640),
    ("1024x768x32", 1024), ("1024x768x24", 1024), ("1920x1080x32", 1920),
  ])
  func linearFramebuffer(_ video: String, _ width: Int) throws {
    let (screenshot, lines) = try boot(Hardware(), video: video)
    #expect(screenshot.width == width)
    let bitsPerPixel = try #require(video.split(separator: "x").last)
    #expect(
      lines.contains {
        $0.hasPrefix("device: framebuffer at") && $0.hasSuffix(" \(bitsPerPixel) bits per pixel")
      })
    try expect(screenshot, shows: lines)
  }

  @Test(arguments: ["pc", "q35"])
  func byUEFI(_ machine: String) throws {
    let (screenshot, lines) = try boot(Hardware(firmware: .uefi, machine: machine))
    try expect(screenshot, shows: lines)
  }

  /// A screen high enough for all that is said, with characters that the font has and has not.
  @Test func allCharacters() throws {
    let ascii = String(String.UnicodeScalarView((0x21...0x7e).map { Unicode.Scalar($0) }))
    let quoted = ascii.map { "\\\($0)" }.joined()
    let (screenshot, lines) = try boot(
      Hardware(), commandLine: "'run=screen text; exit' " + quoted + " ─│┌┐└┘├┤┬┴┼… é€😀",
      video: "1600x1200x32")
    let notUnderstood = "highland: not understood on the command line: "
    #expect(lines.contains(notUnderstood + ascii))
    #expect(lines.contains(notUnderstood + "é€😀"))
    let text = try screenshot.text()
    #expect(text.contains(notUnderstood + ascii))
    #expect(text.contains(notUnderstood + "─│┌┐└┘├┤┬┴┼…"))
    #expect(text.contains(notUnderstood + "\u{fffd}\u{fffd}\u{fffd}"))
    try expect(screenshot, shows: lines, below: 0)
  }

  /// A VGA in text mode.
  @Test func vgaText() throws {
    let guest = try Guest(commandLine: "selftest=page-0 exit", video: "text")
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let cells = try guest.vgaText()
    let ending = try guest.finish()
    #expect(ending.status == 33)
    #expect(ending.lines.contains("test page-0 … ok"))
    let stand = Dictionary(
      uniqueKeysWithValues: try FontFile.current.get().glyphs.map { ($0.scalar, $0.vgaCharacter) })
    let expected = try screen(of: ending.lines, columns: 80, rows: 25).map { line in
      line.unicodeScalars.map { stand[$0] ?? 0 }
    }
    #expect(cells.characters == expected)
    #expect(cells.colours == [0x07])
  }

  /// Without a screen, and where GRUB finds no mode.
  @Test(arguments: [
    (Hardware.Firmware.bios, ""), (.bios, "1024x768x32"), (.uefi, ""), (.uefi, "text"),
  ])
  func withoutScreen(_ firmware: Hardware.Firmware, _ video: String) throws {
    let hardware = Hardware(firmware: firmware, more: ["-vga", "none"])
    let ending = try Guest(hardware, video: video).finish()
    #expect(ending.status == 33)
    #expect(ending.lines.last == "highland: ready")
  }

  /// The screen alone tells.
  @Test func withoutSerialPort() throws {
    let guest = try Guest(Hardware(hasSerialPort: false), video: "1024x768x32")
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let text = try guest.monitor.screenshot().textBelowPicture()
    #expect(try guest.finish().status == 33)
    #expect(text.suffix(2) == ["highland: ready", ""])
  }

  /// A fault report stands out, to the ends of its lines.
  @Test(arguments: [Hardware.Firmware.bios, .uefi])
  func fault(_ firmware: Hardware.Firmware) throws {
    let (screenshot, lines) = try boot(
      Hardware(firmware: firmware), commandLine: "fault=null", video: "1024x768", status: 35)
    try expect(screenshot, shows: lines, below: 0)
    let report = try #require(lines.firstIndex { $0.hasPrefix("highland: fault: #PF") })
    let count = lines.count - report
    let lastRow = screenshot.height / 16 - 1
    for row in 0...lastRow {
      let isReport = (lastRow - count..<lastRow).contains(row)
      #expect(screenshot.pixel(x: 0, y: 16 * row).isRed == isReport)
      #expect(screenshot.pixel(x: screenshot.width - 1, y: 16 * row).isRed == isReport)
    }
  }

  /// A panic, on the VGA.
  @Test func panic() throws {
    let guest = try Guest(commandLine: "fault=lock-twice")
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let cells = try guest.vgaText()
    #expect(try guest.finish().status == 35)
    let words = "highland: panic: CPU 0 takes the frame lock, which it holds"
    let panic = try #require(cells.characters.firstIndex(of: Array(words.utf8)))
    // Behind it the backtrace, down to the stub.
    let last = cells.characters.last { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
    #expect(last?.contains("  higher_half + ") == true)
    #expect(cells.characters[panic + 1].starts(with: Array("  #0  panic(_:) + ".utf8)))
    #expect(cells.colours == [0x07, 0x4f])
  }

  /// What is not named stays silent; what is not there is named, or replaced by the serial port.
  @Test(arguments: [
    ("console=serial", "640x480x32", true, false), ("console=fb", "640x480x32", false, true),
    ("console=serial,fb", "640x480x32", true, true),
    ("console=fb console=serial", "640x480x32", true, true),
    ("console=vga", "640x480x32", true, false), ("console=vga,fb", "640x480x32", false, true),
    ("console=fb", "text", true, false), ("console=vga", "text", false, true),
    ("console=serial,vga", "text", true, true), ("console=lpt", "640x480x32", true, false),
    ("console=", "640x480x32", true, false),
  ])
  func choice(
    _ words: String, _ video: String, _ serial: Bool, _ screen: Bool
  ) throws {
    let guest = try Guest(commandLine: "exit " + words, video: video)
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let isOnScreen: Bool
    if video == "text" {
      isOnScreen = try guest.vgaText().characters.contains(Array("highland: ready".utf8))
    } else {
      isOnScreen =
        (try? guest.monitor.screenshot().textBelowPicture().contains("highland: ready")) == true
    }
    let ending = try guest.finish()
    #expect(ending.status == 33)
    #expect(isOnScreen == screen)
    #expect(ending.lines.isEmpty != serial)
    if serial {
      #expect(ending.lines.first?.hasPrefix("Highland, booted by ") == true)
      #expect(ending.lines.last == "highland: ready")
    }
  }

  @Test func unknownConsoles() throws {
    let ending = try Guest(commandLine: "exit console=lpt,serial,net").finish()
    #expect(ending.status == 33)
    #expect(
      ending.lines.filter { $0.hasPrefix("highland: there is no console") } == [
        "highland: there is no console=lpt", "highland: there is no console=net",
      ])
  }

  /// Boots up to the kernel's end, and looks at the screen there.
  private func boot(
    _ hardware: Hardware, commandLine: String = "exit", video: String = "", status: Int32 = 33
  ) throws -> (Screenshot, [String]) {
    let guest = try Guest(hardware, commandLine: commandLine, video: video)
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let screenshot = try guest.monitor.screenshot()
    let ending = try guest.finish()
    #expect(ending.status == status)
    #expect(ending.lines.count > 40)
    return (screenshot, ending.lines)
  }

  /// - Parameter firstRow: where the text begins, if not below the picture.
  private func expect(
    _ screenshot: Screenshot, shows lines: [String], below firstRow: Int? = nil
  ) throws {
    let rows = firstRow.map { $0..<screenshot.height / 16 } ?? screenshot.rowsBelowPicture
    #expect(
      try screenshot.text(rows: rows)
        == screen(of: lines, columns: screenshot.width / 8, rows: rows.count))
  }
}

/// What stands on a VGA's text screen.
struct VGAText {
  /// A line each, without the blanks at its end.
  let characters: [[UInt8]]
  /// All the attributes that there are.
  let colours: Set<UInt8>
}

extension Guest {
  func vgaText() throws -> VGAText {
    let memory = try monitor.physicalMemory(at: 0xb8000, count: 2 * 80 * 25)
    let lines = (0..<25).map { row in
      let line = (0..<80).map { memory[2 * (80 * row + $0)] }
      return Array(line.prefix((line.lastIndex { $0 != 0x20 } ?? -1) + 1))
    }
    return VGAText(
      characters: lines,
      colours: Set(stride(from: 1, to: memory.count, by: 2).map { memory[$0] }))
  }
}
