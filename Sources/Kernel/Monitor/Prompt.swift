import BootInfo
import Input
import Machine

// The prompt: where the kernel waits for commands when it has nothing else to do, at the serial port
// and the keyboard alike. While it waits the CPU sleeps.

enum Prompt {
  private struct ConsoleTerminal: Terminal {
    func put(_ byte: UInt8) { Console.put(byte) }
  }

  /// Asks for commands and runs them, for ever.
  ///
  /// - Parameter entered: the time stamp counter when the kernel was entered, for the first line.
  static func run(entered: UInt64) -> Never {
    var memory = Memory()
    let hasSerialPort = SerialPort.isThere
    let keyboard = Keyboard.begin(memory.queue(256))
    if hasSerialPort { SerialPort.beginReceiving(memory.queue(4096)) }
    Interrupts.begin(keyboard: keyboard != .noController, serial: hasSerialPort)
    printPart("prompt: \(readTimeStampCounter() &- entered) ticks after entry; input from ")
    print("\(Self.names(hasSerialPort: hasSerialPort, hasKeyboard: keyboard == .keyboard))")

    var terminal = TerminalDecoder()
    var scanCodes = ScanCodeDecoder()
    let longestLine = 256
    var editor = LineEditor(
      prompt: "highland> ", columns: Console.columns, on: ConsoleTerminal(),
      line: memory.array(longestLine), draft: memory.array(longestLine),
      history: memory.array(4096))
    editor.begin()
    while true {
      if SerialPort.takeLoss() { editor.markIncomplete() }
      guard let key = nextKey(&terminal, &scanCodes) else {
        sleep()
        continue
      }
      let outcome = editor.press(key) { line, body in Monitor.forEachName(atEndOf: line, body) }
      switch outcome {
      case .editing: continue
      case .line: Monitor.run(editor.text)
      case .incomplete:
        print(
          "highland: nothing done: more than \(longestLine) characters, or some lost on their way")
      case .cancelled: break
      }
      editor.begin()
    }
  }

  /// The next key of those that wait; `nil` if no more come.
  private static func nextKey(
    _ terminal: inout TerminalDecoder, _ scanCodes: inout ScanCodeDecoder
  ) -> Key? {
    while let byte = SerialPort.take() {
      if let key = terminal.decode(byte) { return key }
    }
    while let code = Keyboard.take() {
      if let key = scanCodes.decode(code) { return key }
    }
    return nil
  }

  /// Waits for an interrupt, unless one has just brought something.
  private static func sleep() {
    Console.showCursor()
    disableInterrupts()
    if SerialPort.hasReceived || Keyboard.hasReceived {
      enableInterrupts()
    } else {
      waitForInterrupt()
    }
  }

  private static func names(hasSerialPort: Bool, hasKeyboard: Bool) -> StaticString {
    switch (hasSerialPort, hasKeyboard) {
    case (true, true): "the serial port and the keyboard"
    case (true, false): "the serial port"
    case (false, true): "the keyboard"
    case (false, false): "nobody: there is no serial port, and no PS/2 keyboard answers"
    }
  }
}

/// The memory that boot/image.asm sets aside for input, in pieces.
private struct Memory {
  private var start = KernelState.bootRecord.inputStorage
  private let end =
    KernelState.bootRecord.inputStorage + KernelState.bootRecord.inputStorageSize

  mutating func queue(_ byteCount: Int) -> ByteQueue {
    // SAFETY: each piece is handed out once, and stays as long as the image does.
    unsafe ByteQueue(unsafeStorage: next(byteCount))
  }

  mutating func array(_ byteCount: Int) -> FixedArray<UInt8> {
    // SAFETY: as above.
    unsafe FixedArray(unsafeStorage: next(byteCount))
  }

  private mutating func next(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    precondition(UInt64(byteCount) <= end - start)
    defer { start += UInt64(byteCount) }
    // SAFETY: inside what was set aside.
    return unsafe storage(start, UInt64(byteCount))
  }
}
