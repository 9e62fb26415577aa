/// The CPU's exceptions (SDM volume 3, table 6-1).
enum Exception {
  static var count: Int { 32 }

  static var nonMaskableInterrupt: Int { 2 }
  static var invalidOpcode: Int { 6 }
  static var doubleFault: Int { 8 }
  static var stackSegment: Int { 12 }
  static var generalProtection: Int { 13 }
  static var pageFault: Int { 14 }
  static var machineCheck: Int { 18 }

  static func name(_ vector: Int) -> StaticString {
    switch vector {
    case 0: "#DE divide error"
    case 1: "#DB debug exception"
    case 2: "NMI"
    case 3: "#BP breakpoint"
    case 4: "#OF overflow"
    case 5: "#BR bound range exceeded"
    case 6: "#UD invalid opcode"
    case 7: "#NM device not available"
    case 8: "#DF double fault"
    case 9: "coprocessor segment overrun"
    case 10: "#TS invalid TSS"
    case 11: "#NP segment not present"
    case 12: "#SS stack-segment fault"
    case 13: "#GP general protection"
    case 14: "#PF page fault"
    case 16: "#MF x87 floating-point error"
    case 17: "#AC alignment check"
    case 18: "#MC machine check"
    case 19: "#XM SIMD floating-point error"
    case 20: "#VE virtualization exception"
    case 21: "#CP control protection"
    case 28: "#HV hypervisor injection"
    case 29: "#VC VMM communication"
    case 30: "#SX security exception"
    default: "reserved vector"
    }
  }

  /// Whether the error code is a selector with flags (SDM volume 3, 6.13).
  static func hasSelectorErrorCode(_ vector: Int) -> Bool {
    (10...13).contains(vector)
  }
}

/// A page fault's error code (SDM volume 3, 4.7).
struct PageFaultCode {
  let rawValue: UInt64

  /// The translation was there and forbade the access; else it was not there.
  var isProtection: Bool { rawValue & 1 << 0 != 0 }
  var isWrite: Bool { rawValue & 1 << 1 != 0 }
  var isUserMode: Bool { rawValue & 1 << 2 != 0 }
  /// An entry on the way has a reserved bit set.
  var isReservedBit: Bool { rawValue & 1 << 3 != 0 }
  var isFetch: Bool { rawValue & 1 << 4 != 0 }
  /// No reserved bit, protection key, shadow stack or enclave has to do with it.
  var isAboutRights: Bool { rawValue & (1 << 3 | 1 << 5 | 1 << 6 | 1 << 15) == 0 }

  var access: StaticString { isFetch ? "instruction fetch" : isWrite ? "write" : "read" }
}
