import Addressing
import Machine
import PageTables

// Where exceptions and interrupts arrive. Of the exceptions, two kinds have a way back: page faults that the page table gives no
// reason for, and faults that a probe expects. Any other is reported, then the kernel ends.

private nonisolated(unsafe) var isReporting = false

/// Called by boot/traps.asm, on the stack of the fault or on the exception's own. Returning goes on
/// with the frame as it is then.
@c(highlandTrap)
public func highlandTrap(_ frame: UnsafeMutablePointer<TrapFrame>) {
  // SAFETY: the entry stub has just built the frame, and leaves it alone until this returns.
  let fault = unsafe frame.pointee
  if fault.vector >= Exception.count { return Interrupts.handle(fault.vector) }
  // Read at once: another page fault would change it.
  let address = VirtualAddress(readCR2())
  // SAFETY: one CPU, and gates that keep interrupts off.
  guard unsafe !isReporting else {
    // Whatever the report trod on, the shortest line is the safest.
    Console.giveUpScreen()
    print("highland: fault while reporting a fault: \(Exception.name(Int(fault.vector)))")
    end(.failure)
  }
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
  unsafe isReporting = true
  Console.raiseAlarm()
  FaultReport(fault).print()
  end(.failure)
}
