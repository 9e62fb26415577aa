// A virtual machine with Highland in its drive, stopped before its first instruction.

import Foundation

/// What a guest is made of.
struct Hardware: Sendable {
  enum Firmware: String, Sendable { case bios, uefi }

  /// What the image is for the machine.
  enum Medium: String, Sendable {
    case cd, disk
    case usbStick = "USB stick"

    func options(_ image: String) -> [String] {
      switch self {
      case .cd: ["-cdrom", image, "-boot", "d"]
      case .disk: ["-drive", "format=raw,snapshot=on,file=\(image)"]
      case .usbStick:
        [
          "-drive", "if=none,id=stick,format=raw,snapshot=on,file=\(image)",
          "-device", "qemu-xhci", "-device", "usb-storage,drive=stick",
        ]
      }
    }
  }

  var firmware = Firmware.bios
  var machine = "q35"
  var processor = Processor.gigabytePages
  var memory = "128M"
  var medium = Medium.cd
  var hasSerialPort = true
  /// QEMU's options beyond these.
  var more: [String] = []

  var options: [String] {
    ["-machine", machine, "-cpu", processor.model, "-m", memory] + more
      + (firmware == .uefi ? ["-bios", "/usr/share/ovmf/OVMF.fd"] : [])
  }
}

struct GuestError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A running QEMU. A guest that is not needed any more dies with its last reference.
final class Guest {
  /// How a guest came to its end.
  struct Ending {
    /// QEMU's exit status: 33 for the kernel's `exit`, 35 after a fault or panic. A triple fault
    /// or any other reset ends QEMU with 0.
    let status: Int32
    /// All that the kernel wrote to the serial line.
    let lines: [String]
  }

  let monitor: Monitor
  let debugger: Debugger
  private let qemu: Child
  private var lines: [String] = []

  /// - Parameter video: without it, what a machine has that shows no pixels: they take time. By UEFI
  ///   there is nothing else.
  convenience init(
    _ hardware: Hardware = Hardware(), commandLine: String = "exit", video: String? = nil,
    deadline: Int = 600
  ) throws {
    let video = video ?? (hardware.firmware == .bios ? "text" : "")
    let image = try BootImage.image(commandLine: commandLine, video: video)
    try self.init(hardware, image: image, deadline: deadline)
  }

  /// - Parameter deadline: the seconds after which the guest is killed.
  init(_ hardware: Hardware = Hardware(), image: URL, deadline: Int = 600) throws {
    // QEMU names there what it can't imitate of a processor, at length.
    let errors = try BootImage.scratchFile("errors")
    qemu = try Child(socketCount: 2, hasInput: true, deadline: deadline, errors: errors) { ends in
      [
        "qemu-system-x86_64", "-accel", "tcg", "-nic", "none", "-display", "none", "-no-reboot",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-S", "-serial",
        hardware.hasSerialPort ? "stdio" : "none",
        "-chardev", "socket,id=monitor,fd=\(ends[0])", "-mon", "chardev=monitor,mode=control",
        "-chardev", "socket,id=debugger,fd=\(ends[1])", "-gdb", "chardev:debugger",
      ] + hardware.medium.options(image.path) + hardware.options
    }
    do {
      monitor = try Monitor(qemu.sockets[0], dump: BootImage.scratchFile("dump"))
    } catch {
      throw GuestError("\(error): \(try String(contentsOf: errors, encoding: .utf8))")
    }
    debugger = Debugger(qemu.sockets[1])
  }

  /// Both ends of the serial line, for who talks to the kernel.
  var input: Connection { qemu.input! }
  var output: Connection { qemu.output }

  /// The kernel's next line on the serial line; `nil` at the end.
  ///
  /// The pipe holds 64 KiB, more than any boot says, so nobody needs to read while the guest runs.
  func readLine() -> String? {
    while let bytes = qemu.output.readLine() {
      let line = withoutTerminalControl(bytes)
      // Firmware and boot loader may have had their say on the same line before.
      guard lines.isEmpty else {
        lines.append(line)
        return line
      }
      guard
        let start = line.range(of: "Highland, booted by|highland: ", options: .regularExpression)
      else {
        continue
      }
      lines.append(String(line[start.lowerBound...]))
      return lines[0]
    }
    return nil
  }

  /// Reads on until the serial line has brought `text`, from whomever.
  ///
  /// - Returns: all that it brought.
  @discardableResult
  func skip(to text: String) throws -> String {
    var seen: [UInt8] = []
    while !seen.suffix(text.utf8.count).elementsEqual(text.utf8) {
      guard let byte = qemu.output.readByte() else {
        throw GuestError("QEMU ended before it said \(text)")
      }
      seen.append(byte)
    }
    return withoutTerminalControl(seen)
  }

  /// Lets the guest run until it comes to one of some addresses, which is returned.
  func run(to addresses: [UInt64]) throws -> UInt64 {
    try debugger.run(to: addresses)
    return try monitor.registers()["RIP"]
  }

  /// Lets the guest run until it ends by itself.
  func finish() throws -> Ending {
    debugger.release()
    return try end()
  }

  /// Waits for the end of a guest that runs.
  func end() throws -> Ending {
    while readLine() != nil {}
    return Ending(status: try qemu.wait(), lines: lines)
  }
}

/// The text of a line without what steers a terminal: carriage returns and `ESC [ 0 1 ; 3 1 H`.
func withoutTerminalControl(_ bytes: [UInt8]) -> String {
  String(decoding: bytes, as: UTF8.self)
    .replacingOccurrences(
      of: "\u{1b}\\[[0-9;=?]*[A-Za-z]|\r", with: "", options: .regularExpression)
}
