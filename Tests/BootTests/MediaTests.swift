// The image as the media that it can be, and the menu on it.

import Foundation
import Testing

@Suite struct MediaTests {
  /// Boots as a CD, a disk, a USB stick, with pixels where nothing else is asked for, and shows all that
  /// it says on both consoles.
  @Test(arguments: [Hardware.Firmware.bios, .uefi], [Hardware.Medium.cd, .disk, .usbStick])
  func medium(_ firmware: Hardware.Firmware, _ medium: Hardware.Medium) throws {
    let guest = try Guest(Hardware(firmware: firmware, medium: medium), video: "")
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let screenshot = try guest.monitor.screenshot()
    let ending = try guest.finish()
    #expect(ending.status == 33)
    #expect(ending.lines.last == "highland: ready")
    // What QEMU's screen says that it likes best, and what OVMF makes of it.
    #expect(screenshot.width == 1280 && screenshot.height == 800)
    let rows = screenshot.rowsBelowPicture
    #expect(
      try screenshot.text(rows: rows)
        == screen(of: ending.lines, columns: 160, rows: rows.count))
  }

  @Test(arguments: [Hardware.Firmware.bios, .uefi])
  func stickWithoutScreen(_ firmware: Hardware.Firmware) throws {
    let hardware = Hardware(firmware: firmware, medium: .usbStick, more: ["-vga", "none"])
    let ending = try Guest(hardware, video: "").finish()
    #expect(ending.status == 33)
    #expect(ending.lines.last == "highland: ready")
  }

  @Test(arguments: [Hardware.Firmware.bios, .uefi])
  func stickWithoutSerialPort(_ firmware: Hardware.Firmware) throws {
    let hardware = Hardware(firmware: firmware, medium: .usbStick, hasSerialPort: false)
    let guest = try Guest(hardware, video: "")
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let text = try guest.monitor.screenshot().textBelowPicture()
    #expect(try guest.finish().status == 33)
    #expect(text.contains("highland: ready"))
  }

  /// Each entry, chosen by the keyboard, does what it says.
  @Test(arguments: [Hardware.Firmware.bios, .uefi], MenuEntry.allCases)
  func entry(_ firmware: Hardware.Firmware, _ entry: MenuEntry) throws {
    let guest = try Guest.inMenu(Hardware(firmware: firmware, processor: .all))
    try guest.choose(entry)
    let ending = try guest.end()
    #expect(ending.status == 33)
    #expect(ending.lines.last == "highland: ready")
    let words = [MenuEntry.fourLevels: " no5lvl", .selfTests: " selftest"][entry] ?? ""
    #expect(ending.lines.contains("command line: exit" + words))
    let levels = entry == .fourLevels ? 4 : 5
    #expect(ending.lines.contains { $0.contains(", \(levels) paging levels, ") })
    #expect(
      ending.lines.contains { $0.hasPrefix("self tests: ") } == (entry == .selfTests))
    let screen = ending.lines.first { $0.hasPrefix("device: framebuffer") }
    switch (entry, firmware) {
    case (.plain, .bios): #expect(screen?.hasSuffix(": 80 x 25") == true)
    case (.plain, .uefi): #expect(screen == nil)
    default: #expect(screen?.hasSuffix(": 1280 x 800, 32 bits per pixel") == true)
    }
  }

  /// A word added to the first entry in GRUB's editor, as the README tells.
  @Test(arguments: [Hardware.Firmware.bios, .uefi])
  func wordAddedByHand(_ firmware: Hardware.Firmware) throws {
    let guest = try Guest.inMenu(Hardware(firmware: firmware, processor: .all))
    try guest.press("e")
    try guest.skip(to: "multiboot2 /boot/highland.elf")
    try guest.press("down", "down", "ctrl-e")
    try guest.enter(" no5lvl")
    try guest.press("ctrl-x")
    let ending = try guest.end()
    #expect(ending.status == 33)
    #expect(ending.lines.contains("command line: exit no5lvl"))
  }

  /// With nobody there the first entry boots in the end, with a serial port or without.
  @Test(arguments: [Hardware.Firmware.bios, .uefi], [true, false])
  func nobodyThere(_ firmware: Hardware.Firmware, _ hasSerialPort: Bool) throws {
    let image = try BootImage.image(commandLine: "exit", menu: "1")
    let hardware = Hardware(firmware: firmware, hasSerialPort: hasSerialPort)
    let ending = try Guest(hardware, image: image).finish()
    #expect(ending.status == 33)
    #expect(ending.lines.last == (hasSerialPort ? "highland: ready" : nil))
  }

  /// What GRUB has loaded when it boots the kernel is what the image holds, and nothing else.
  @Test(arguments: [(Hardware.Firmware.bios, "i386-pc"), (.uefi, "x86_64-efi")])
  func noModuleForNothing(_ firmware: Hardware.Firmware, _ platform: String) throws {
    let image = try BootImage.image(commandLine: "exit", menu: "1")
    let modules = "/boot/grub/\(platform)/"
    let listing = try Child.run([
      "xorriso", "-indev", image.path, "-find", modules, "-name", "*.[mo]*",
    ])
    let present = listing.output.matches(of: /\/([^\/]+)\.mod'/).map { String($0.1) }
    #expect(present.contains("normal"))
    #expect(!listing.output.contains(".o'"))

    // GRUB lists its modules by one that is not on the image: it goes onto a copy, with a command at the
    // end of the entry that boots.
    let copy = try BootImage.scratchFile("iso")
    try FileManager.default.copyItem(at: image, to: copy)
    let menu = try BootImage.scratchFile("cfg")
    try BootImage.run(
      "xorriso",
      ["-osirrox", "on", "-indev", copy.path, "-extract", "/boot/grub/grub.cfg", menu.path])
    let text = try String(contentsOf: menu, encoding: .utf8)
    try Data(text.replacing("set gfxpayload=$screen", with: "lsmod").utf8).write(to: menu)
    try BootImage.run(
      "xorriso",
      [
        "-dev", copy.path, "-boot_image", "any", "keep",
        "-update", menu.path, "/boot/grub/grub.cfg",
        "-map", "/usr/lib/grub/\(platform)/minicmd.mod", modules + "minicmd.mod",
      ])
    let guest = try Guest(Hardware(firmware: firmware), image: copy)
    guest.debugger.release()
    try guest.skip(to: "Ref Count")
    let list = try guest.skip(to: "Highland, booted by")
    let loaded = Set(list.matches(of: /(?:^|\n)([a-z0-9_]+)\s+[0-9]/).map { String($0.1) })
    #expect(loaded.contains("minicmd"))
    #expect(Set(present).subtracting(loaded) == [])
  }
}
