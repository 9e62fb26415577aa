import Addressing
import Machine
import PageTables

// Where exceptions and interrupts arrive. Of the exceptions, two kinds have a way back: page faults
// that the page table gives no reason for, and faults that a probe expects. Any other is reported, then
// the kernel ends.

/// How far the report of a fault has come. A fault on the way goes one step further, so it ends.
private enum Reporting {
  case nothing, fault
  /// The short line about a fault while one was reported, on the serial port and on the screen.
  case serialLine, screenLine
}

private nonisolated(unsafe) var reporting = Reporting.nothing

/// Called by boot/traps.asm, on the stack of the fault or on the exception's own. Returning goes on
/// with the frame as it is then.
@c(highlandTrap)
public func highlandTrap(_ frame: UnsafeMutablePointer<TrapFrame>) {
  // SAFETY: the entry stub has just built the frame, and leaves it alone until this returns.
  let fault = unsafe frame.pointee
  if fault.vector >= Exception.count { return Interrupts.handle(fault.vector) }
  // Read at once: another page fault would change it.
  let address = VirtualAddress(readCR2())
  // SAFETY: one CPU, and gates that keep interrupts off; likewise below.
  guard case .nothing = unsafe reporting else { reportAnother(fault) }
  if StaleTranslation.explains(fault, at: address) {
    if StaleTranslation.isForgotten(fault, at: address) { return }
  } else {
    StaleTranslation.endStreak()
    if let resumed = Probe.resume(fault, at: address) {
      // SAFETY: as above.
      unsafe frame.pointee = resumed
      return
    }
  }
  unsafe reporting = .fault
  Console.raiseAlarm()
  FaultReport(fault).print()
  end(.failure)
}

/// A fault while one was reported. Whatever the report trod on, the shortest line is the safest, and
/// the serial port safer than the screen.
private func reportAnother(_ fault: TrapFrame) -> Never {
  let name = Exception.name(Int(truncatingIfNeeded: fault.vector))
  if case .fault = unsafe reporting {
    unsafe reporting = .serialLine
    Console.use(screen: false)
    print("")
    print("highland: fault while reporting a fault: \(name)")
    unsafe reporting = .screenLine
    Console.use(screen: true)
    print("")
    print("highland: fault while reporting a fault: \(name)")
  }
  end(.failure)
}
