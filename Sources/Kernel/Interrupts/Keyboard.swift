import Input
import Machine

/// The PS/2 keyboard.
enum Keyboard {
  struct MachinePorts: Ports {
    func read(_ port: UInt16) -> UInt8 { in8(port) }
    func write(_ value: UInt8, to port: UInt16) { out8(port, value) }
  }

  private static var controller: KeyboardController<MachinePorts> {
    KeyboardController(MachinePorts())
  }

  // SAFETY: written before interrupts are on, and never again.
  private nonisolated(unsafe) static var received: ByteQueue?

  /// Sets the keyboard up. What it sends from now on waits in `queue`.
  static func begin(_ queue: consuming ByteQueue) -> KeyboardController<MachinePorts>.Finding {
    unsafe received = consume queue
    return controller.setUp()
  }

  /// The handler of the keyboard's interrupt. What there is no room for is lost: nobody types so much
  /// during a command.
  static func receive() { controller.receive { byte in _ = unsafe received?.add(byte) } }

  static var hasReceived: Bool { (unsafe received?.count ?? 0) > 0 }

  /// The oldest scan code that nobody has had yet.
  static func take() -> UInt8? { unsafe received?.take() }
}
