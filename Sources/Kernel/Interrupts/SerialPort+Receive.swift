import Input
import Machine
import Synchronization

// What the serial port receives waits in a queue. When that is nearly full the sender is asked to stop
// by the RTS line; should it go on, or not listen to that line, then the queue fills up, the rest stays
// in the port, and what the port has no room for is lost. That is noted. QEMU sends nothing that the
// port has no room for.
//
//     queue   |##################################:.........|
//             0   1/4: send again         3/4: stop        full: the port keeps it

extension SerialPort {
  // SAFETY: written before interrupts are on, and never again.
  private nonisolated(unsafe) static var received: ByteQueue?
  private static let isHeldOff = Atomic(false)
  private static let hasLost = Atomic(false)

  /// Whether there is a port: its scratch register keeps what is written to it.
  static var isThere: Bool { scratchKeeps(0x5a) && scratchKeeps(0xa5) }

  private static func scratchKeeps(_ byte: UInt8) -> Bool {
    write(byte, to: Register.scratch)
    return read(Register.scratch) == byte
  }

  /// Puts what is received into `queue` from now on.
  static func beginReceiving(_ queue: consuming ByteQueue) {
    unsafe received = consume queue
    // An interrupt when 8 of the FIFO's 16 bytes are there, or when no more come.
    write(0x81, to: Register.fifoControl)
    letSend()
  }

  /// The handler of the port's interrupt. Takes in all that is there: only then can the next come.
  static func receive() {
    while true {
      let status = read(Register.lineStatus)
      if status & LineStatus.overrun != 0 { hasLost.store(true, ordering: .relaxed) }
      guard status & LineStatus.dataReady != 0, let count = unsafe received?.count,
        let capacity = unsafe received?.capacity
      else { return }
      if count >= capacity / 4 * 3 {
        isHeldOff.store(true, ordering: .relaxed)
        write(ModemControl.withoutRequestToSend, to: Register.modemControl)
      }
      guard count < capacity else { return write(0, to: Register.interruptEnable) }
      _ = unsafe received?.add(read(Register.data))
    }
  }

  /// The oldest byte that nobody has had yet.
  static func take() -> UInt8? {
    let byte = unsafe received?.take()
    if isHeldOff.load(ordering: .relaxed), let count = unsafe received?.count,
      let capacity = unsafe received?.capacity, count <= capacity / 4
    {
      let wereOn = CPU.interruptsAreOn
      disableInterrupts()
      letSend()
      if wereOn { enableInterrupts() }
    }
    return byte
  }

  static var hasReceived: Bool { (unsafe received?.count ?? 0) > 0 }

  /// Whether something was lost since this was asked last.
  static func takeLoss() -> Bool { hasLost.exchange(false, ordering: .relaxed) }

  private static func letSend() {
    isHeldOff.store(false, ordering: .relaxed)
    write(ModemControl.all, to: Register.modemControl)
    // Bit 0: data has come. If some has come already, the interrupt comes at once.
    write(0x01, to: Register.interruptEnable)
  }
}
