import Machine

/// COM1, a 16550 UART at 115200 baud, 8 data bits, no parity, one stop bit.
///
/// Nothing here waits for ever.
enum SerialPort {
  private static var base: UInt16 { 0x3f8 }

  /// The registers, as offsets from the base. With the divisor latch open (line control bit 7) the
  /// first two hold the divisor of 115200 baud.
  enum Register {
    static var data: UInt16 { 0 }
    static var interruptEnable: UInt16 { 1 }
    static var fifoControl: UInt16 { 2 }
    static var lineControl: UInt16 { 3 }
    static var modemControl: UInt16 { 4 }
    static var lineStatus: UInt16 { 5 }
    static var scratch: UInt16 { 7 }
  }

  enum LineStatus {
    static var dataReady: UInt8 { 1 << 0 }
    static var overrun: UInt8 { 1 << 1 }
    static var transmitterEmpty: UInt8 { 1 << 5 }
  }

  /// Data terminal ready, request to send; OUT2 lets the interrupt through.
  enum ModemControl {
    static var all: UInt8 { 0x0b }
    static var withoutRequestToSend: UInt8 { 0x09 }
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
    // SAFETY: one CPU, whose interrupt handlers send nothing.
    guard unsafe !isStuck else { return }
    var patience = 100_000
    while read(Register.lineStatus) & LineStatus.transmitterEmpty == 0 {
      patience -= 1
      if patience == 0 {
        unsafe isStuck = true
        return
      }
    }
    write(byte, to: Register.data)
  }

  /// Waits, not for ever, until the last byte is on the line: turning the machine off would cut it.
  static func drain() {
    var patience = 100_000
    while in8(base + Register.lineStatus) & 0x40 == 0, patience > 0 { patience -= 1 }
  }

  static func read(_ register: UInt16) -> UInt8 { in8(base + register) }

  static func write(_ value: UInt8, to register: UInt16) { out8(base + register, value) }
}
