// GRUB's menu, by the keys of the keyboard.

/// An entry of the menu that iso/make-iso.sh writes, by its place.
enum MenuEntry: Int, CaseIterable {
  case normal, fourLevels, selfTests, plain
}

extension Guest {
  /// A guest whose menu is on the screen and waits for a key. By UEFI the firmware sees to it that the
  /// serial line shows it too, by BIOS GRUB does.
  static func inMenu(_ hardware: Hardware, commandLine: String = "exit") throws -> Guest {
    let image = try BootImage.image(commandLine: commandLine, menu: "9999")
    let guest = try Guest(hardware, image: image)
    guest.debugger.release()
    try guest.skip(to: "The highlighted entry will be executed automatically")
    return guest
  }

  func choose(_ entry: MenuEntry) throws {
    for _ in 0..<entry.rawValue { try press("down") }
    try press("ret")
  }

  /// Presses keys one after the other, each by the name that QEMU has for it.
  func press(_ keys: String...) throws {
    for key in keys { _ = try monitor.tell("sendkey \(key)") }
  }

  /// Types what takes no shift key.
  func enter(_ text: String) throws {
    for character in text { try press(character == " " ? "spc" : String(character)) }
  }
}
