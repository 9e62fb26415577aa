import BootInfo

/// Which consoles may be used: `console=serial,fb`. Without the word, all may.
struct ConsoleChoice {
  /// COM1.
  private(set) var serial = false
  /// A VGA in text mode.
  private(set) var vga = false
  /// A linear framebuffer.
  private(set) var framebuffer = false

  static var all: ConsoleChoice { ConsoleChoice(serial: true, vga: true, framebuffer: true) }

  private init(serial: Bool, vga: Bool, framebuffer: Bool) {
    (self.serial, self.vga, self.framebuffer) = (serial, vga, framebuffer)
  }

  /// What the words `console=` on the command line name, together.
  init(_ commandLine: CommandLine) {
    self = ConsoleChoice(serial: false, vga: false, framebuffer: false)
    var choice = self
    var isThere = false
    var words = commandLine.words
    while let word = words.next() {
      guard let names = word.value(ofKey: "console") else { continue }
      isThere = true
      names.forEachPart { name in _ = choice.add(name) }
    }
    self = isThere ? choice : .all
  }

  /// Names the parts of a list that are no console's name.
  static func printUnknown(in names: borrowing Word) {
    var choice = ConsoleChoice.all
    names.forEachPart { name in
      if !choice.add(name) { print("highland: there is no console=\(name)") }
    }
  }

  func allows(_ screen: Screen) -> Bool { screen.isText ? vga : framebuffer }

  private mutating func add(_ name: borrowing Word) -> Bool {
    if name == "serial" {
      serial = true
    } else if name == "vga" {
      vga = true
    } else if name == "fb" {
      framebuffer = true
    } else {
      return false
    }
    return true
  }
}
