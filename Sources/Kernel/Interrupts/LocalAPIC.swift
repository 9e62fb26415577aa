import Addressing
import Machine

/// The CPU's own interrupt controller, as far as it stands between the CPU and the 8259s: virtual wire
/// mode (MultiProcessor Specification 1.4, 3.6.2.2). Its registers are memory, or in x2APIC mode MSRs
/// (SDM volume 3, 11.12.1.2), whose numbers count the same registers.
struct LocalAPIC {
  private enum Register: UInt32 {
    case version = 0x30
    case endOfInterrupt = 0xb0
    case spuriousVector = 0xf0
    /// The first of eight registers, 32 vectors each.
    case inService = 0x100
    case correctedMachineCheck = 0x2f0
    case timer = 0x320
    case thermal = 0x330
    case performance = 0x340
    case pin0 = 0x350
    case error = 0x370
  }

  /// Where the registers are mapped; `nil` in x2APIC mode.
  private let start: VirtualAddress?

  /// The APIC of this CPU; `nil` where there is none, it is off, or it can't be reached: then it is as
  /// the firmware left it.
  init?() {
    // CPUID 1, EDX bit 9; IA32_APIC_BASE: bit 11 is on, bit 10 x2APIC mode.
    guard cpuid(1, 0).edx & 1 << 9 != 0 else { return nil }
    let base = readMSR(0x1b)
    guard base & 1 << 11 != 0 else { return nil }
    if base & 1 << 10 != 0 {
      start = nil
    } else {
      guard let mapped = Devices.localAPICRegisters else { return nil }
      start = mapped
    }
  }

  /// Has what the 8259s ask for come through pin 0, and nothing of the APIC's own.
  func passThrough() {
    let masked: UInt32 = 1 << 16
    // The entries of the local vector table that there are: the number of the last one.
    let last = read(.version) >> 16 & 0xff
    write(.timer, masked)
    if last >= 3 { write(.error, masked) }
    if last >= 4 { write(.performance, masked) }
    if last >= 5 { write(.thermal, masked) }
    if last >= 6 { write(.correctedMachineCheck, masked) }
    // On, since otherwise all entries are masked; a phantom interrupt has the last vector.
    write(.spuriousVector, 1 << 8 | 0xff)
    let externalInterrupt: UInt32 = 7 << 8
    write(.pin0, externalInterrupt)
  }

  /// Ends the interrupt that the CPU is at, if the APIC was who brought it.
  func end() {
    for index in 0..<8 where read(.inService, UInt32(index)) != 0 {
      write(.endOfInterrupt, 0)
      return
    }
  }

  private func read(_ register: Register, _ index: UInt32 = 0) -> UInt32 {
    let offset = register.rawValue + index * 16
    guard let start else { return UInt32(truncatingIfNeeded: readMSR(0x800 + offset >> 4)) }
    return load32(start.rawValue + UInt64(offset))
  }

  private func write(_ register: Register, _ value: UInt32) {
    guard let start else { return writeMSR(0x800 + register.rawValue >> 4, UInt64(value)) }
    store32(start.rawValue + UInt64(register.rawValue), value)
  }
}
