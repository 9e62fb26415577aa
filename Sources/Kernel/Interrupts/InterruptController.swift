import Machine

/// The two 8259A interrupt controllers of a PC: sixteen lines, the second controller behind line 2 of
/// the first.
///
/// Their interrupts have the vectors 32 to 47. The firmware leaves them at 8 to 15, among exceptions.
enum InterruptController {
  static var firstVector: UInt8 { 32 }
  static var lineCount: UInt8 { 16 }

  private enum Port {
    static var firstCommand: UInt16 { 0x20 }
    static var firstData: UInt16 { 0x21 }
    static var secondCommand: UInt16 { 0xa0 }
    static var secondData: UInt16 { 0xa1 }
  }

  /// Gives the lines their vectors, and masks all that are not among `lines`.
  ///
  /// - Parameter lines: a bit each; of the first controller.
  static func setUp(lines: UInt8) {
    // Initialisation command words 1 to 4 (8259A data sheet): edge-triggered, vectors, which line the
    // second is at, 8086 mode.
    out8(Port.firstCommand, 0x11)
    out8(Port.secondCommand, 0x11)
    out8(Port.firstData, firstVector)
    out8(Port.secondData, firstVector + 8)
    out8(Port.firstData, 1 << 2)
    out8(Port.secondData, 2)
    out8(Port.firstData, 0x01)
    out8(Port.secondData, 0x01)
    out8(Port.firstData, ~lines)
    out8(Port.secondData, 0xff)
  }

  /// Whether an interrupt of a line is none: it was withdrawn before the CPU asked which it was, and
  /// the controller then names its last line.
  static func isSpurious(_ line: UInt8) -> Bool {
    switch line {
    case 7: return readInService(Port.firstCommand) & 1 << 7 == 0
    case 15: return readInService(Port.secondCommand) & 1 << 7 == 0
    default: return false
    }
  }

  /// Lets the next interrupt of a line come.
  static func end(_ line: UInt8, isSpurious: Bool) {
    let endOfInterrupt: UInt8 = 0x20
    if line >= 8 {
      if !isSpurious { out8(Port.secondCommand, endOfInterrupt) }
      // For the first controller line 2 was no phantom.
      out8(Port.firstCommand, endOfInterrupt)
    } else if !isSpurious {
      out8(Port.firstCommand, endOfInterrupt)
    }
  }

  /// Operation command word 3: the next read is of the in-service register.
  private static func readInService(_ command: UInt16) -> UInt8 {
    out8(command, 0x0b)
    return in8(command)
  }
}
