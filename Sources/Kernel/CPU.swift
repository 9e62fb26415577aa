import Machine

/// What each CPU has of its own. One runs so far, so there is one of everything.
enum CPU {
  /// The number of the CPU that this runs on.
  static var current: UInt32 { 0 }

  /// RFLAGS.IF (SDM volume 1, 3.4.3.3).
  static var interruptsAreOn: Bool { readRFLAGS() & 1 << 9 != 0 }

  /// The ranks of the locks that this CPU holds, a bit each.
  static var heldRanks: UInt8 {
    // SAFETY: only this CPU touches it, with interrupts off.
    get { unsafe storedHeldRanks }
    set { unsafe storedHeldRanks = newValue }
  }

  private nonisolated(unsafe) static var storedHeldRanks: UInt8 = 0
}
