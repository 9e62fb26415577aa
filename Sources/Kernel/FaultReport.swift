import Addressing
import KernelSpace
import Machine
import PageTables

/// A fault in words: what the CPU refused, why, and what the page table says about it.
struct FaultReport {
  let frame: TrapFrame
  let vector: Int
  /// The address that #PF and, most of the time, #DF are about.
  let address: VirtualAddress

  init(_ frame: TrapFrame) {
    self.frame = frame
    vector = Int(truncatingIfNeeded: frame.vector)
    address = VirtualAddress(readCR2())
  }

  func print() {
    printPart("highland: fault: \(Exception.name(vector)) at rip \(hex: frame.rip)")
    let rip = VirtualAddress(frame.rip)
    if KernelState.image.text.contains(rip) { printPart(", in \(function: rip)") }
    Kernel.print("")
    printErrorCode()
    printPart("  cause     ")
    printCause()
    if vector == Exception.pageFault {
      Kernel.print("  address   \(address), in \(KernelState.layout.window(of: address).place)")
      printWalk()
    }
    printRegisters()
    // Last, since it reads what may be damaged.
    Backtrace.print(frame)
  }

  private func printErrorCode() {
    if vector == Exception.pageFault {
      let code = PageFaultCode(rawValue: frame.errorCode)
      Kernel.print(
        """
          error     \(shortHex: frame.errorCode): \(code.access), \
        \(code.isUserMode ? "user" : "supervisor") mode, \
        \(code.isProtection ? "protection violation" : "page not present")\
        \(code.isReservedBit ? ", reserved bit set" : "")
        """)
    } else if Exception.hasSelectorErrorCode(vector), frame.errorCode != 0 {
      let code = frame.errorCode
      Kernel.print(
        """
          error     \(shortHex: code): selector index \(code >> 3 & 0x1fff) of \
        \(code & 2 != 0 ? "the IDT" : code & 4 != 0 ? "the LDT" : "the GDT")\
        \(code & 1 != 0 ? ", external event" : "")
        """)
    } else if frame.errorCode != 0 {
      Kernel.print("  error     \(shortHex: frame.errorCode)")
    }
  }

  /// The entries that the CPU read on its way to the address, from the live tables.
  private func printWalk() {
    let reader = KernelState.liveReader
    let walk = reader.walk(address)
    for position in 0..<walk.count { walk[position].print() }
  }

  private func printRegisters() {
    let f = frame
    Kernel.print("  rax \(hex: f.rax)  rbx \(hex: f.rbx)  rcx \(hex: f.rcx)")
    Kernel.print("  rdx \(hex: f.rdx)  rsi \(hex: f.rsi)  rdi \(hex: f.rdi)")
    Kernel.print("  rbp \(hex: f.rbp)  rsp \(hex: f.rsp)  r8  \(hex: f.r8)")
    Kernel.print("  r9  \(hex: f.r9)  r10 \(hex: f.r10)  r11 \(hex: f.r11)")
    Kernel.print("  r12 \(hex: f.r12)  r13 \(hex: f.r13)  r14 \(hex: f.r14)")
    Kernel.print("  r15 \(hex: f.r15)  rfl \(hex: f.rflags)  cr2 \(hex: address.rawValue)")
    Kernel.print(
      "  cr0 \(hex: readCR0())  cr3 \(hex: KernelState.rootRegister)  cr4 \(hex: readCR4())")
  }
}
