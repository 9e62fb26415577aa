import Addressing
import BootInfo
import KernelSpace
import Machine
import PageTables

// The one sentence that says why.

extension FaultReport {
  func printCause() {
    switch vector {
    case Exception.pageFault: printPageFaultCause()
    case Exception.invalidOpcode: printInvalidOpcodeCause()
    case Exception.doubleFault:
      if let guardName = StackGuard(VirtualAddress(frame.rsp &- 8)) {
        Kernel.print("stack overflow: rsp lies in \(guardName.words)")
      } else {
        Kernel.print("a fault while the CPU was delivering one; cr2 is the last fault's address")
      }
    case Exception.generalProtection:
      Kernel.print("a non-canonical address, a bad selector or a forbidden register value")
    case Exception.nonMaskableInterrupt: Kernel.print("the hardware reports an error")
    case Exception.machineCheck: Kernel.print("the CPU reports a hardware error")
    default: Kernel.print("not expected by the kernel")
    }
  }

  private func printPageFaultCause() {
    let code = PageFaultCode(rawValue: frame.errorCode)
    if code.isReservedBit {
      Kernel.print("the page table is damaged: an entry has a reserved bit set")
    } else if code.isProtection {
      printProtectionCause(code)
    } else if let guardName = StackGuard(address) {
      Kernel.print("\(code.access) in \(guardName.words)")
    } else {
      printAbsenceCause(code)
    }
  }

  /// A page is there, but not for this.
  private func printProtectionCause(_ code: PageFaultCode) {
    if StaleTranslation.explains(frame, at: address) {
      Kernel.print("the page table allows this \(code.access), yet the CPU refused it twice")
      return
    }
    let place = place(of: address)
    if code.isFetch {
      Kernel.print("instruction fetch from \(place), which is not executable")
    } else if code.isWrite {
      Kernel.print("write to \(place), which is read-only")
    } else {
      Kernel.print("read of \(place), which belongs to user mode")
    }
  }

  private func printAbsenceCause(_ code: PageFaultCode) {
    let layout = KernelState.layout
    switch layout.window(of: address) {
    case .lowerHalf where address < VirtualAddress(PageSize.size4KiB.byteCount):
      Kernel.print("\(code.access) through a null pointer: page 0 is never mapped")
    case .lowerHalf:
      Kernel.print("\(code.access) in the lower half, where nothing is mapped")
    case .linearMapping:
      let physical = PhysicalAddress(address - layout.linearMapping.lowerBound)
      Kernel.print(
        """
        \(code.access) in the linear mapping of physical \(physical), which is not RAM but \
        \(KernelState.kindName(at: physical))
        """)
    case .kernelCode:
      Kernel.print("\(code.access) in the kernel code window, outside the kernel image")
    case let window:
      Kernel.print("\(code.access) in \(window.place), where nothing is mapped")
    }
  }

  /// What lies at an address that is mapped.
  private func place(of address: VirtualAddress) -> StaticString {
    let image = KernelState.image
    if image.text.contains(address) { return "kernel text" }
    if image.readOnlyData.contains(address) { return "kernel read-only data" }
    if image.data.contains(address) { return "kernel data" }
    for index in image.stacks.indices where image.stacks[index].contains(address) {
      return "a kernel stack"
    }
    let linear = KernelState.layout.linearMapping
    if linear.contains(address) {
      let physical = PhysicalAddress(address - linear.lowerBound)
      if image.physicalRange(of: image.text).contains(physical) {
        return "the linear alias of kernel text"
      }
      if image.readOnlyPhysical.contains(physical) {
        return "the linear alias of kernel read-only data"
      }
      return "the linear mapping"
    }
    return "a page"
  }

  /// A bare `ud2` in kernel text is what the compiler leaves where a check failed.
  private func printInvalidOpcodeCause() {
    let text = KernelState.image.text
    let rip = VirtualAddress(frame.rip)
    if text.contains(rip), load8(frame.rip) == 0x0f, load8(frame.rip + 1) == 0x0b {
      Kernel.print(
        "a Swift check failed in \(function: rip): a precondition, an overflow or a bound")
    } else {
      Kernel.print("not an instruction of this CPU")
    }
  }
}

extension Window {
  /// The window in the middle of a sentence.
  var place: StaticString {
    switch self {
    case .lowerHalf: "the lower half"
    case .notCanonical: "the non-canonical addresses"
    case .linearMapping: "the linear mapping"
    case .vmalloc: "the vmalloc window"
    case .frameMetadata: "the frame metadata window"
    case .unusedHole: "the unused hole"
    case .kernelCode: "the kernel code window"
    case .unusedTop: "the unused top"
    case .beyondTheEnd: "what lies beyond the end"
    }
  }
}

/// An address in the guard page of a stack.
struct StackGuard {
  let words: StaticString

  init?(_ address: VirtualAddress) {
    let stacks = KernelState.image.stacks
    let page = PageSize.size4KiB.byteCount
    for index in stacks.indices {
      let below = stacks[index].lowerBound - page..<stacks[index].lowerBound
      guard below.contains(address) else { continue }
      words =
        switch index {
        case 0: "the guard page below the boot stack"
        case 1: "the guard page below the double-fault stack"
        case 2: "the guard page below the NMI stack"
        default: "the guard page below the machine-check stack"
        }
      return
    }
    let top = stacks[stacks.count - 1].upperBound
    guard (top..<top + page).contains(address) else { return nil }
    words = "the guard page above the machine-check stack"
  }
}
