import Machine

// Interrupts come from the serial port and from the keyboard, and all that their handlers do is to put
// bytes into queues (ByteQueue): the one thing that a handler shares with what it interrupts. It takes
// no lock, prints nothing, and spends no flush token.
//
//     keyboard -- line 1 --.
//                          8259A ---- pin 0 of the local APIC ---- CPU, vectors 32 to 47
//     COM1 ------ line 4 --'

enum Interrupts {
  private static var keyboardLine: UInt8 { 1 }
  private static var serialLine: UInt8 { 4 }

  /// SAFETY: written before interrupts are on, and never again.
  private nonisolated(unsafe) static var localAPIC: LocalAPIC?

  /// Lets interrupts come, from what there is.
  ///
  /// - Precondition: interrupts are off; both devices are set up.
  static func begin(keyboard: Bool, serial: Bool) {
    unsafe localAPIC = LocalAPIC()
    unsafe localAPIC?.passThrough()
    InterruptController.setUp(
      lines: (keyboard ? 1 << keyboardLine : 0) | (serial ? 1 << serialLine : 0))
    enableInterrupts()
  }

  /// Called by the trap handler, with interrupts off.
  ///
  /// - Parameter vector: one of the 8259s', or a higher one for all others.
  static func handle(_ vector: UInt64) {
    let first = UInt64(InterruptController.firstVector)
    guard vector < first + UInt64(InterruptController.lineCount) else {
      // Nobody asked for it. If it was a phantom of the APIC, that waits for no answer.
      unsafe localAPIC?.end()
      return
    }
    let line = UInt8(vector - first)
    let isSpurious = InterruptController.isSpurious(line)
    if line == keyboardLine { Keyboard.receive() }
    if line == serialLine { SerialPort.receive() }
    InterruptController.end(line, isSpurious: isSpurious)
  }
}
