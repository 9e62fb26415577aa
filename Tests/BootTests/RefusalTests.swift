// Machines and boot loaders that the kernel must refuse: one clear line on the serial port and on
// the screen, then the end, and never a reset.

import Testing

@Suite struct RefusalTests {
  /// Entered by something else than a multiboot2 loader: with multiboot 1's magic number.
  @Test func wrongMagic() throws {
    let guest = try Guest()
    try guest.debugger.run(to: KernelFile.current.get()["boot_entry"])
    try guest.debugger.setRegister(.eax, to: 0x2bad_b002)
    try expectRefusalByStub(guest, #"the loader is not multiboot2 \(wrong magic in EAX\)"#)
  }

  @Test(arguments: [
    ("qemu64,nx=off", #"this CPU has no NX \(no-execute pages\), or the firmware turned it off"#),
    ("qemu64,lm=off", #"this CPU has no long mode \(64 bits\)"#),
    ("qemu32", #"this CPU has no long mode \(64 bits\)"#),
  ])
  func processor(_ model: String, _ reason: String) throws {
    let hardware = Hardware(processor: Processor(model: model))
    try expectRefusalByStub(Guest(hardware), reason)
  }

  /// No RAM but the first MiB, what the kernel lies in, and what is between.
  @Test(arguments: [Processor.plain, .all])
  func tooLittleRAM(_ processor: Processor) throws {
    let guest = try Guest(Hardware(processor: processor))
    let kernel = try KernelFile.current.get()
    try guest.debugger.run(to: kernel["boot_entry"])
    let start: UInt64 = 1 << 20
    let entry = try BootInformation(guest.monitor).memoryMapEntry(at: start)
    try guest.debugger.write(kernel["image_end"] - start, at: entry + 8)
    try expectRefusalBySwift(
      guest,
      "too little RAM for the page tables: [0-9]+ frames needed at once, [0-9]+ left below 4 GiB")
  }

  /// Frames for the page tables and for nothing more: the kernel page table is active then, and the
  /// screen not mapped.
  @Test(arguments: ["640x480x32", "1024x768x24", "text"])
  func betweenActivationAndScreen(_ video: String) throws {
    let guest = try Guest(commandLine: "failframe=8,100", video: video)
    let reason =
      "too little RAM for the frame metadata: [0-9]+ frames needed at once, [0-9]+ left in a row"
    if video == "text" {
      try expectRefusalBySwift(guest, reason)
    } else {
      let lines = try expectRefusalInPixels(guest, reason, at: "highlandEnd")
      #expect(lines.contains { $0.hasPrefix("protections on: ") })
    }
  }

  /// The kernel in memory that the firmware keeps for itself.
  @Test func kernelInReservedMemory() throws {
    try expectRefusalBySwift(Self.guestWithReservedKernel(), Self.reserved)
  }

  /// Where the screen shows pixels the line has to be drawn.
  @Test(arguments: ["640x480x32", "640x480x16", "1024x768x24"])
  func onLinearFramebuffer(_ video: String) throws {
    let guest = try Self.guestWithReservedKernel(video: video)
    try expectRefusalInPixels(guest, Self.reserved, at: "highlandEnd")
  }

  /// The stub draws, too: lines of one row and of two.
  @Test(arguments: [
    ("640x480x32", "qemu64,nx=off"), ("640x480x16", "qemu64,nx=off"),
    ("640x480x15", "qemu64,lm=off"), ("1024x768x24", "qemu64,nx=off"), ("1024x768x32", "qemu32"),
  ])
  func byStubOnLinearFramebuffer(_ video: String, _ model: String) throws {
    let guest = try Guest(Hardware(processor: Processor(model: model)), video: video)
    let reason =
      model.hasSuffix("nx=off")
      ? #"this CPU has no NX \(no-execute pages\), or the firmware turned it off"#
      : #"this CPU has no long mode \(64 bits\)"#
    let lines = try expectRefusalInPixels(guest, reason, at: "fail.halt")
    #expect(lines.count == 1)
  }

  /// Where the screen shows pixels: the line on top, marked to the end of its last row and no
  /// further.
  @discardableResult
  private func expectRefusalInPixels(
    _ guest: Guest, _ reason: String, at symbol: String
  ) throws -> [String] {
    try guest.debugger.run(to: KernelFile.current.get()[symbol])
    let screenshot = try guest.monitor.screenshot()
    let ending = try guest.finish()
    #expect(ending.status == 35)
    let line = try #require(ending.lines.last)
    #expect(try Regex("highland: cannot boot: " + reason).wholeMatch(in: line) != nil, "\(line)")
    let columns = screenshot.width / 8
    let rowCount = (line.count + columns - 1) / columns
    #expect(try screenshot.text(rows: 0..<rowCount).joined() == line)
    #expect(screenshot.pixel(x: 0, y: 0).isRed)
    #expect(screenshot.pixel(x: screenshot.width - 1, y: 16 * rowCount - 1).isRed)
    #expect(!screenshot.pixel(x: 0, y: 16 * rowCount).isRed)
    return ending.lines
  }

  private static let reserved =
    "the kernel at 0x0000_0000_0020_0000 lies in reserved, not in usable RAM"

  private static func guestWithReservedKernel(video: String = "text") throws -> Guest {
    let guest = try Guest(video: video)
    try guest.debugger.run(to: KernelFile.current.get()["boot_entry"])
    let entry = try BootInformation(guest.monitor).memoryMapEntry(at: 1 << 20)
    try guest.debugger.write(2, at: entry + 16)
    return guest
  }

  @Test func misplacedBootInformation() throws {
    let guest = try Guest()
    try guest.debugger.run(to: KernelFile.current.get()["boot_entry"])
    let address = try guest.monitor.registers()["EBX"] + 4
    try guest.debugger.setRegister(.ebx, to: UInt64(UInt32(address)))
    try expectRefusalBySwift(
      guest,
      "the multiboot2 information at \(digits(address)) is bad: its address is not a multiple "
        + "of 8, offset 0")
  }

  @Test func bootInformationPast4GiB() throws {
    let guest = try Guest()
    try guest.debugger.run(to: KernelFile.current.get()["boot_entry"])
    try guest.debugger.setRegister(.ebx, to: 0xffff_fff9)
    try expectRefusalBySwift(
      guest, "the multiboot2 information, at 0x0000_0000_ffff_fff9, runs past 4 GiB")
  }

  /// Before there is a page table worth the name: not a word but the reason.
  private func expectRefusalByStub(_ guest: Guest, _ reason: String) throws {
    try guest.debugger.run(to: KernelFile.current.get()["fail.halt"])
    let lines = try expectRefusal(guest, reason)
    #expect(lines.count == 1)
  }

  /// Once Swift runs, it tells what it knows until it comes to the reason.
  private func expectRefusalBySwift(_ guest: Guest, _ reason: String) throws {
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let lines = try expectRefusal(guest, reason)
    #expect(!lines.dropLast().contains { $0.hasPrefix("highland: ") })
  }

  /// Expects the last line, on the serial port and on the screen, to give the reason, and the end
  /// with status 35.
  private func expectRefusal(_ guest: Guest, _ reason: String) throws -> [String] {
    // A cell of the screen is a character and its colours, here white on red.
    let screen = try guest.monitor.physicalMemory(at: 0xb8000, count: 2 * 80 * 25)
    let text = String(
      decoding: stride(from: 0, to: screen.count, by: 2).map { screen[$0] }, as: UTF8.self)
    let ending = try guest.finish()
    #expect(ending.status == 35)
    let line = try #require(ending.lines.last)
    let words = try Regex("highland: cannot boot: " + reason)
    #expect(try words.wholeMatch(in: line) != nil, "\(line)")
    #expect(text.hasPrefix(line))
    #expect((0..<line.count).allSatisfy { screen[2 * $0 + 1] == 0x4f })
    return ending.lines
  }
}

/// The multiboot2 information of a guest that stands at the kernel's first instruction.
private struct BootInformation {
  private let address: UInt64
  private let bytes: [UInt8]

  init(_ monitor: Monitor) throws {
    address = try monitor.registers()["EBX"]
    bytes = try monitor.physicalMemory(at: address, count: 1 << 12)
  }

  /// The address of the memory map's entry for the region that starts at `start` (multiboot2
  /// specification, 3.6.8): 8 bytes start, 8 bytes length, 4 bytes type.
  func memoryMapEntry(at start: UInt64) throws -> UInt64 {
    var tag = 8
    while word(tag) != 6 {
      guard word(tag) != 0 else { throw GuestError("no memory map") }
      tag += (word(tag + 4) + 7) & ~7
    }
    for entry in stride(from: tag + 16, to: tag + word(tag + 4), by: word(tag + 8))
    where word(entry) == start && word(entry + 4) == 0 { return address + UInt64(entry) }
    throw GuestError("no region at \(hex(start))")
  }

  private func word(_ offset: Int) -> Int {
    bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}
