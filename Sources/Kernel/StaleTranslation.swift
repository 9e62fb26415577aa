import Addressing
import Machine
import PageTables

/// Page faults that the page table gives no reason for.
///
/// Where rights are only added, nothing is flushed: the CPU may then go by the old ones once more
/// and fault. Forgetting the page and trying again is all it takes (SDM volume 3, 4.10.4.3).
enum StaleTranslation {
  /// Where the last trap was one of these: trying again did not help if the next is the same.
  private nonisolated(unsafe) static var last: (rip: UInt64, address: VirtualAddress)?

  /// Whether a page is there that the CPU refuses and the live tables allow.
  ///
  /// User pages are none of these: what the kernel may do there is a matter of CR4 and RFLAGS too.
  static func explains(_ frame: TrapFrame, at address: VirtualAddress) -> Bool {
    let code = PageFaultCode(rawValue: frame.errorCode)
    guard frame.vector == Exception.pageFault, code.isProtection, code.isAboutRights,
      let rights = KernelState.liveReader.walk(address).rights, !rights.contains(.user)
    else { return false }
    if code.isFetch { return rights.contains(.execute) }
    return !code.isWrite || rights.contains(.write)
  }

  /// Makes the CPU forget the page; `false` if that has just been tried at this very instruction.
  static func isForgotten(_ frame: TrapFrame, at address: VirtualAddress) -> Bool {
    // SAFETY: one CPU, and gates that keep interrupts off; likewise below.
    if let last = unsafe last, last.rip == frame.rip, last.address == address { return false }
    unsafe last = (frame.rip, address)
    invalidatePage(address.rawValue)
    return true
  }

  /// A trap of another kind has come.
  static func endStreak() { unsafe last = nil }
}

extension Walk {
  /// What every entry of the way grants; `nil` if it ends before a page.
  fileprivate var rights: Rights? {
    var rights = Rights.all
    for position in 0..<count {
      let step = self[position]
      rights = rights.intersection(step.entry.rights)
      if case .leaf = step.entry.item(atLevel: step.level) { return rights }
    }
    return nil
  }
}
