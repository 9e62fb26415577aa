import Machine

/// COM1, a 16550 UART at 115200 baud, 8 data bits, no parity, one stop bit.
///
/// Nothing here waits for ever.
enum SerialPort {
  private static var base: UInt16 { 0x3f8 }

  /// The registers, as offsets from the base. With the divisor latch open (line control bit 7) the
  /// first two hold the divisor of 115200 baud.
  private enum Register {
    static var data: UInt16 { 0 }
    static var interruptEnable: UInt16 { 1 }
    static var fifoControl: UInt16 { 2 }
    static var lineControl: UInt16 { 3 }
    static var modemControl: UInt16 { 4 }
    static var lineStatus: UInt16 { 5 }
  }

  static func setUp() {
    write(0x00, to: Register.interruptEnable)
    write(0x80, to: Register.lineControl)
    write(1, to: Register.data)
    write(0, to: Register.interruptEnable)
    write(0x03, to: Register.lineControl)
    write(0xc7, to: Register.fifoControl)
    write(0x03, to: Register.modemControl)
  }

  private nonisolated(unsafe) static var isStuck = false

  /// Sends one byte. A transmitter that stays busy for many times as long as a byte takes, which is
  /// 87 microseconds at about a microsecond a port read, is given up for good. A missing port reads
  /// as all ones: never busy.
  static func put(_ byte: UInt8) {
    // SAFETY: one CPU, interrupts off; the worst that could happen is a lost byte.
    guard unsafe !isStuck else { return }
    var patience = 100_000
    while in8(base + Register.lineStatus) & 0x20 == 0 {
      patience -= 1
      if patience == 0 {
        unsafe isStuck = true
        return
      }
    }
    write(byte, to: Register.data)
  }

  private static func write(_ value: UInt8, to register: UInt16) { out8(base + register, value) }
}
