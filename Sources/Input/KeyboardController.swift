// The 8042 keyboard controller of a PC, or what imitates one. It passes on what the keyboard sends,
// translated to scan code set 1. Nothing here waits for ever: a controller or a keyboard that does not
// answer counts as not there.
//
//     port 60   data: from the keyboard and the controller, and to them
//     port 64   read: status, bit 0: data waits to be read, bit 1: the last byte is not yet taken in,
//                     bit 5: the data is the mouse's
//               written: commands to the controller

/// Input and output ports.
public protocol Ports {
  func read(_ port: UInt16) -> UInt8
  func write(_ value: UInt8, to port: UInt16)
}

public struct KeyboardController<IO: Ports> {
  public enum Finding: Sendable { case noController, noKeyboard, keyboard }

  private enum Port {
    static var data: UInt16 { 0x60 }
    static var command: UInt16 { 0x64 }
    static var status: UInt16 { 0x64 }
  }

  private enum Command {
    static var readConfiguration: UInt8 { 0x20 }
    static var writeConfiguration: UInt8 { 0x60 }
    static var disableMouse: UInt8 { 0xa7 }
    static var disableKeyboard: UInt8 { 0xad }
    static var enableKeyboard: UInt8 { 0xae }
  }

  /// Status reads that a controller may take for anything: at about a microsecond each, ten times as
  /// long as the slowest takes.
  private static var patience: Int { 200_000 }

  private let io: IO

  public init(_ io: IO) { self.io = io }

  /// Has the controller and the keyboard send scan codes, each with an interrupt, and throws away what
  /// was sent before.
  ///
  /// - Precondition: the interrupt is masked.
  public func setUp() -> Finding {
    // Without a controller all ports read as ones.
    guard io.read(Port.status) != 0xff, command(Command.disableKeyboard),
      command(Command.disableMouse)
    else { return .noController }
    discard()
    guard command(Command.readConfiguration), let old = answer() else { return .noController }
    // Keyboard clock on (bit 4 clear), mouse clock off (5), translation on (6), no interrupts (0, 1).
    let configuration = old & ~0x13 | 0x60
    guard configure(configuration), command(Command.enableKeyboard) else { return .noController }
    // Scan code set 2, which is what the controller translates; a keyboard that knows no other may
    // refuse. Then: scan the keys.
    _ = tellKeyboard(0xf0) && tellKeyboard(0x02)
    let isThere = tellKeyboard(0xf4)
    discard()
    // Whether or not there is one: it may be plugged in later.
    guard configure(configuration | 0x01) else { return .noController }
    return isThere ? .keyboard : .noKeyboard
  }

  /// Calls `body` with what the keyboard has sent. The mouse's bytes are left out.
  public func receive(_ body: (UInt8) -> Void) {
    // As many as a controller might have stored; a broken one could go on for ever.
    for _ in 0..<16 {
      let status = io.read(Port.status)
      guard status & 0x01 != 0 else { return }
      let byte = io.read(Port.data)
      if status & 0x20 == 0 { body(byte) }
    }
  }

  private func discard() { receive { _ in } }

  private func configure(_ configuration: UInt8) -> Bool {
    command(Command.writeConfiguration) && send(configuration, to: Port.data)
  }

  private func command(_ command: UInt8) -> Bool { send(command, to: Port.command) }

  /// Sends once the last byte is taken in; says whether that was so in time.
  private func send(_ byte: UInt8, to port: UInt16) -> Bool {
    for _ in 0..<Self.patience where io.read(Port.status) & 0x02 == 0 {
      io.write(byte, to: port)
      return true
    }
    return false
  }

  /// The next byte that the controller or the keyboard sends.
  private func answer() -> UInt8? {
    for _ in 0..<Self.patience where io.read(Port.status) & 0x01 != 0 {
      return io.read(Port.data)
    }
    return nil
  }

  /// Sends the keyboard a byte; says whether it has acknowledged it.
  private func tellKeyboard(_ byte: UInt8) -> Bool {
    guard send(byte, to: Port.data) else { return false }
    // A key may be struck in between.
    for _ in 0..<4 {
      switch answer() {
      case 0xfa: return true
      case 0xfe, nil: return false
      default: break
      }
    }
    return false
  }
}
