import Machine

// The ways in which the kernel ends. Each is told to the emulator, if there is one: QEMU's
// isa-debug-exit turns a value v at port 0xf4 into the exit status 2v + 1. On a PC nothing answers
// at that port.

enum Ending: UInt8 {
  case success = 0x10
  case failure = 0x11
}

/// Leaves the emulator, or halts.
func end(_ ending: Ending) -> Never {
  Console.settle()
  highlandEnd(ending.rawValue)
}

/// Where every boot ends: a symbol for a debugger to stop at and look at the machine.
@c(highlandEnd) @inline(never)
public func highlandEnd(_ value: UInt8) -> Never {
  out8(0xf4, value)
  haltForever()
}

/// Says that the kernel is at fault, and how it came there, and ends. Not a line before `words` is
/// evaluated.
@inline(never) func panic(_ words: @autoclosure () -> Text) -> Never {
  disableInterrupts()
  Console.raiseAlarm()
  printPart("highland: panic: ")
  print(words())
  Backtrace.printHere()
  end(.failure)
}

/// Says that the machine, or what the boot loader told of it, is not fit for the kernel, and ends.
func cannotBoot(_ why: @autoclosure () -> Text) -> Never {
  Console.raiseAlarm()
  printPart("highland: cannot boot: ")
  print(why())
  end(.failure)
}
