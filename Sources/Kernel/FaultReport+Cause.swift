import Addressing
import BootInfo
import Frames
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
      // What was to be pushed lies below the stack pointer.
      let pushed = VirtualAddress(frame.rsp &- 8)
      if let guardName = StackGuard(pushed) {
        Kernel.print("stack overflow: rsp lies in \(guardName.words)")
      } else if isInVmalloc(pushed), case .guardBelow(let area) = AreaGlimpse(pushed) {
        Kernel.print("stack overflow: rsp lies in the guard page below \(area: area)")
      } else {
        Kernel.print("a fault while the CPU was delivering one; cr2 is the last fault's address")
      }
    case Exception.generalProtection:
      printGeneralProtectionCause()
    case Exception.stackSegment:
      Kernel.print("the stack pointer, or an address by rbp or rsp, is not canonical")
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
      printPart("\(code.access) in the linear mapping of physical \(physical), ")
      printRegion(at: physical, ifRAM: "RAM that the linear mapping leaves out")
    case .vmalloc: printVmallocCause(code)
    case .frameMetadata:
      let number = (address - layout.frameMetadata.lowerBound) / FrameSlot.byteCount
      let frame = PhysicalAddress(number << PageSize.size4KiB.shift)
      printPart("\(code.access) of the slot of frame \(frame), ")
      printRegion(at: frame, ifRAM: "RAM, but no frame of its 128 MiB has been used yet")
    case .kernelCode:
      let boot = KernelState.image.bootPart.byteCount
      let text = KernelState.image.text.lowerBound
      let isBootPart = address < text && text - address <= boot
      Kernel.print(
        """
        \(code.access) in the kernel code window, \(isBootPart
          ? "where the boot stub was: it is thrown away" : "outside the kernel image")
        """)
    case let window:
      Kernel.print("\(code.access) in \(window.place), where nothing is mapped")
    }
  }

  /// Ends the sentence about physical memory that should be RAM, and is not mapped.
  private func printRegion(at address: PhysicalAddress, ifRAM words: StaticString) {
    guard let region = KernelState.region(at: address) else {
      return Kernel.print("which is not RAM but \(KernelState.kindName(at: address))")
    }
    if region.kind.isRAM { return Kernel.print("which is \(words)") }
    Kernel.print(
      """
      which is not RAM but \(region.kind.name), as all from \(region.range.lowerBound) to \
      \(region.range.upperBound)
      """)
  }

  private func isInVmalloc(_ address: VirtualAddress) -> Bool {
    KernelState.layout.vmalloc.contains(address)
  }

  private func printVmallocCause(_ code: PageFaultCode) {
    switch AreaGlimpse(address) {
    case .noArea: Kernel.print("\(code.access) in the vmalloc window, in no area")
    case .guardBelow(let area):
      if area.contains(VirtualAddress(frame.rsp)) {
        Kernel.print("\(code.access) in the guard page below the stack in \(area: area)")
      } else {
        Kernel.print("\(code.access) in the guard page below \(area: area)")
      }
    case .guardAbove(let area):
      Kernel.print("\(code.access) in the guard page above \(area: area)")
    case .inside(let area):
      Kernel.print("\(code.access) in \(area: area), where it has nothing mapped")
    case .ended(let area):
      Kernel.print("\(code.access) in \(area: area), which has ended and waits for a flush")
    case .unknown:
      Kernel.print("\(code.access) in the vmalloc window, whose areas are being changed")
    }
  }

  /// The CPU tells no address (SDM volume 3, 6.15): only registers may give a hint.
  private func printGeneralProtectionCause() {
    if frame.errorCode != 0 { return Kernel.print("a bad selector") }
    let name = nonCanonicalRegister
    if let name {
      Kernel.print("perhaps \(name), which holds no canonical address: the CPU does not say")
    } else {
      Kernel.print(
        "the CPU does not say: no register holds a non-canonical address, so it may be a value")
    }
  }

  /// The first general register that could not be an address.
  private var nonCanonicalRegister: StaticString? {
    let width = KernelState.layout.addressWidth
    func isNone(_ value: UInt64) -> Bool { !VirtualAddress(value).isCanonical(in: width) }
    let f = frame
    if isNone(f.rax) { return "rax" }
    if isNone(f.rbx) { return "rbx" }
    if isNone(f.rcx) { return "rcx" }
    if isNone(f.rdx) { return "rdx" }
    if isNone(f.rsi) { return "rsi" }
    if isNone(f.rdi) { return "rdi" }
    if isNone(f.rbp) { return "rbp" }
    if isNone(f.r8) { return "r8" }
    if isNone(f.r9) { return "r9" }
    if isNone(f.r10) { return "r10" }
    if isNone(f.r11) { return "r11" }
    if isNone(f.r12) { return "r12" }
    if isNone(f.r13) { return "r13" }
    if isNone(f.r14) { return "r14" }
    return isNone(f.r15) ? "r15" : nil
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
    if isInVmalloc(address) { return "an area of the vmalloc window" }
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
        case 0: "the guard page below the stack of the boot CPU"
        case 1: "the guard page below the boot CPU's double-fault stack"
        case 2: "the guard page below the boot CPU's NMI stack"
        default: "the guard page below the boot CPU's machine-check stack"
        }
      return
    }
    let top = stacks[stacks.count - 1].upperBound
    guard (top..<top + page).contains(address) else { return nil }
    words = "the guard page above the boot CPU's machine-check stack"
  }
}
