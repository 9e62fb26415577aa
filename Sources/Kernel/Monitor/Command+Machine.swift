import Addressing
import KernelSpace
import Machine

extension Command {
  /// The processor as CPUID and its registers have it now.
  @_lifetime(arguments: copy arguments)
  func cpu(_ arguments: inout Arguments) throws(CommandFailure) {
    try arguments.finish()
    let features = ProcessorFeatures(readCPUID: cpuid)
    BootReport.printProcessor(features, KernelState.mode)
    printBrand()
    BootReport.printProtections()
    print("cr0 \(hex: readCR0())  cr3 \(hex: readCR3())")
    print("cr4 \(hex: readCR4())  efer \(hex: readMSR(0xc000_0080))")
    if features.pat { print("pat \(hex: readMSR(0x277))") }
    let types = KernelState.plan.memoryTypes
    BootReport.printMemoryTypes(types)
    guard types.state == .enabled else { return }
    let end = PhysicalAddress(1 << UInt64(features.physicalAddressWidth))
    types.forEachRun(in: PhysicalAddress(0)..<end) { (range, type) in
      print("  \(range.lowerBound) - \(range.upperBound) \(type.name)")
    }
  }

  /// The processor's name for itself: 48 letters of CPUID 0x8000_0002 to 0x8000_0004 (SDM volume 2,
  /// "Processor Brand String"), blanks before it left out.
  private func printBrand() {
    guard cpuid(0x8000_0000, 0).eax >= 0x8000_0004 else { return }
    printPart("brand: ")
    var hasBegun = false
    for leaf in 0x8000_0002...0x8000_0004 as ClosedRange<UInt32> {
      let result = cpuid(leaf, 0)
      let registers: InlineArray<4, UInt32> = [result.eax, result.ebx, result.ecx, result.edx]
      for index in 0..<16 {
        let letter = UInt8(truncatingIfNeeded: registers[index / 4] >> UInt32(index % 4 * 8))
        hasBegun = hasBegun || letter > 0x20
        if hasBegun, letter >= 0x20, letter < 0x7f { Console.put(letter) }
      }
    }
    print("")
  }

  @_lifetime(arguments: copy arguments)
  func acpi(_ arguments: inout Arguments) throws(CommandFailure) {
    try arguments.finish()
    FirmwareTables.current.printTables()
  }

  @_lifetime(arguments: copy arguments)
  func reboot(_ arguments: inout Arguments) throws(CommandFailure) {
    try arguments.finish()
    Power.reboot()
  }

  /// Comes back only if the machine stays on, and that has been said.
  @_lifetime(arguments: copy arguments)
  func powerOff(_ arguments: inout Arguments) throws(CommandFailure) {
    try arguments.finish()
    Monitor.reportFailure()
    Power.off()
    throw CommandFailure()
  }

  @_lifetime(arguments: copy arguments)
  func exit(_ arguments: inout Arguments) throws(CommandFailure) {
    try arguments.finish()
    Monitor.end()
  }
}
