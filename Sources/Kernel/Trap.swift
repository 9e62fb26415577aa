import Addressing
import Machine
import PageTables

// Where exceptions arrive. None is expected yet: each is reported, then the kernel ends.

private nonisolated(unsafe) var isReporting = false

/// Called by boot/traps.asm, on the stack of the fault or on the exception's own.
@c(highlandTrap)
public func highlandTrap(_ frame: UnsafePointer<TrapFrame>) -> Never {
  // SAFETY: the entry stub has just built the frame, and it stays until this function's end, which
  // never comes.
  let frame = unsafe frame.pointee
  // SAFETY: one CPU, and gates that keep interrupts off.
  guard unsafe !isReporting else {
    // Whatever the report trod on, the shortest line is the safest.
    print("highland: fault while reporting a fault: \(Exception.name(Int(frame.vector)))")
    end(.failure)
  }
  unsafe isReporting = true
  BootScreen.turnOn()
  FaultReport(frame).print()
  end(.failure)
}
