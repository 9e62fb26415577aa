// The image as the media that it can be, and the menu on it.

import Foundation
import Testing

@Suite struct MediaTests {
  /// Boots as a CD, a disk, a USB stick, with pixels where nothing else is asked for, to a prompt that
  /// stands on both consoles.
  @Test(arguments: [Hardware.Firmware.bios, .uefi], [Hardware.Medium.cd, .disk, .usbStick])
  func medium(_ firmware: Hardware.Firmware, _ medium: Hardware.Medium) throws {
    let prompt = try Prompt(Hardware(firmware: firmware, medium: medium), video: "")
    #expect(prompt.boot.contains("highland: ready"))
    // What QEMU's screen says that it likes best, and what OVMF makes of it.
    #expect(prompt.boot.contains { $0.hasSuffix(": 1280 x 800, 32 bits per pixel") })
    try prompt.waitForScreen { $0.contains("highland: ready") && $0.last == "highland>" }
  }

  @Test(arguments: [Hardware.Firmware.bios, .uefi])
  func stickWithoutScreen(_ firmware: Hardware.Firmware) throws {
    let prompt = try Prompt(
      Hardware(firmware: firmware, medium: .usbStick, more: ["-vga", "none"]), video: "")
    #expect(prompt.boot.contains("highland: ready"))
    #expect(!prompt.boot.contains { $0.hasPrefix("device: framebuffer") })
  }

  /// By UEFI, GRUB and the firmware find no port either.
  @Test(arguments: [Hardware.Firmware.bios, .uefi])
  func stickWithoutSerialPort(_ firmware: Hardware.Firmware) throws {
    let prompt = try Prompt(
      Hardware(firmware: firmware, medium: .usbStick, hasSerialPort: false), video: "")
    try prompt.waitForScreen { $0.contains("highland: ready") && $0.last == "highland>" }
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

  /// An entry chosen on the serial line: Ctrl-N is a terminal's arrow down that is no sequence.
  @Test func entryBySerialLine() throws {
    let guest = try Guest.inMenu(Hardware(processor: .all))
    guest.input.send(Array("\u{0e}\r".utf8))
    let ending = try guest.end()
    #expect(ending.status == 33)
    #expect(ending.lines.contains("command line: exit no5lvl"))
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

  /// The image that `make plan` and the tests of memory maps take for the kernel's is no smaller.
  @Test func size() throws {
    let kernel = try KernelFile.current.get()
    #expect(try kernel["link_start", "image_end"].count <= 3 << 19)
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
