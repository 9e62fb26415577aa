import Addressing
import Machine

/// What the CPU raised where a probe expected it.
struct Fault {
  let vector: Int
  let errorCode: UInt64
  /// Where the access went, for a page fault.
  let address: VirtualAddress

  fileprivate init?(_ outcome: ProbeOutcome) {
    guard outcome.vector != 0 else { return nil }
    vector = Int(outcome.vector)
    errorCode = UInt64(outcome.errorCode)
    address = VirtualAddress(outcome.address)
  }
}

/// Accesses that may fault: the fault becomes a value. See boot/probe.asm.
enum Probe {
  /// Reads a byte.
  static func read(_ address: VirtualAddress) -> Fault? { Fault(probeRead8(address.rawValue)) }

  /// Writes a byte, for real where nothing forbids it.
  static func write(_ address: VirtualAddress, _ value: UInt8) -> Fault? {
    Fault(probeWrite8(address.rawValue, value))
  }

  /// Calls a function without arguments; only a fault at its first instruction is caught.
  static func execute(_ address: VirtualAddress) -> Fault? {
    Fault(probeExecute(address.rawValue))
  }

  /// For the trap handler: what to go on with after a fault of a probe; `nil` if it is none.
  static func resume(_ fault: TrapFrame, at address: VirtualAddress) -> TrapFrame? {
    guard
      fault.vector == Exception.pageFault || fault.vector == Exception.generalProtection,
      isProbing(fault)
    else { return nil }
    var frame = fault
    frame.rip = probeSites.stopped
    // The two words of struct ProbeOutcome.
    frame.rax = fault.vector | fault.errorCode << 32
    frame.rdx = address.rawValue
    return frame
  }

  private static func isProbing(_ fault: TrapFrame) -> Bool {
    let sites = probeSites
    if fault.rip == sites.read || fault.rip == sites.write || fault.rip == sites.call {
      return true
    }
    // At the first instruction of what was called: RDI still holds its address, and the CPU has
    // just pushed the way back, and this frame, on the same stack.
    return fault.rip == fault.rdi && load64(fault.rsp) == sites.returned
  }
}
