import KernelSpace
import Machine

// The CPU's descriptor tables: segments, as few as long mode allows, and a gate for each vector.

/// The memory that boot/image.asm sets aside for a table of 64-bit words.
private struct WordTable {
  private let base: UInt64
  init(at address: UInt64) { base = address }

  func store(_ word: UInt64, at index: Int) {
    // SAFETY: the tables lie in the image's data, sized for what is stored here, and belong to
    // nobody else.
    unsafe UnsafeMutablePointer<UInt64>(bitPattern: UInt(base)).unsafelyUnwrapped[index] = word
  }
}

enum DescriptorTables {
  private static var codeSelector: UInt16 { 0x08 }
  private static var dataSelector: UInt16 { 0x10 }
  private static var taskSelector: UInt16 { 0x18 }

  /// Exceptions that get a stack of their own, since the current one may be what is broken or must
  /// not be touched. The entry number is the gate's IST field (SDM volume 3, 6.14.5).
  private static func stackTableEntry(of exception: Int) -> UInt64 {
    switch exception {
    case Exception.doubleFault: 1
    case Exception.nonMaskableInterrupt: 2
    case Exception.machineCheck: 3
    default: 0
    }
  }

  static func install(_ record: BootRecord, _ features: ProcessorFeatures) {
    installSegments(record)
    installTaskState(record)
    installGates(record)
    // From here on a machine check is an exception too, not a reset (SDM volume 3, 16.3.2.1).
    if features.machineCheck { writeCR4(readCR4() | 1 << 6) }
  }

  /// Flat ring 0 code and data (SDM volume 3, 3.4.5), and the task state segment, whose descriptor
  /// takes two entries in long mode (7.2.3).
  private static func installSegments(_ record: BootRecord) {
    let gdt = WordTable(at: record.gdt)
    let base = record.tss
    let limit: UInt64 = 103
    let available64BitTSS: UInt64 = 0x89
    gdt.store(0, at: 0)
    gdt.store(0x00af_9b00_0000_ffff, at: 1)
    gdt.store(0x00cf_9300_0000_ffff, at: 2)
    gdt.store(
      limit | (base & 0xff_ffff) << 16 | available64BitTSS << 40 | (base >> 24 & 0xff) << 56, at: 3)
    gdt.store(base >> 32, at: 4)
    loadGDT(record.gdt, 5 * 8 - 1)
    loadSegments(codeSelector, dataSelector)
  }

  /// The task state segment (SDM volume 3, 7.7) holds the stack table. Its 64-bit fields start 4
  /// bytes in, so each is written as two halves of neighbouring words.
  private static func installTaskState(_ record: BootRecord) {
    let tss = WordTable(at: record.tss)
    let stacks: InlineArray<3, UInt64> = [
      record.doubleFaultStackTop, record.nmiStackTop, record.machineCheckStackTop,
    ]
    // IST1 starts at byte 36: the upper half of word 4.
    tss.store(stacks[0] << 32, at: 4)
    tss.store(stacks[0] >> 32 | stacks[1] << 32, at: 5)
    tss.store(stacks[1] >> 32 | stacks[2] << 32, at: 6)
    tss.store(stacks[2] >> 32, at: 7)
    // No I/O permission bitmap: its offset, bytes 102 and 103, is the segment's size.
    tss.store(104 << 48, at: 12)
    loadTaskRegister(taskSelector)
  }

  /// Interrupt gates (SDM volume 3, 6.14.1) to the entries of boot/traps.asm, 16 bytes apart, the last
  /// of which takes all vectors that are left.
  private static func installGates(_ record: BootRecord) {
    let idt = WordTable(at: record.idt)
    let presentInterruptGate: UInt64 = 0x8e
    let lastEntry = Exception.count + Int(InterruptController.lineCount)
    for vector in 0..<256 {
      let entry = record.trapEntries + UInt64(min(vector, lastEntry)) * 16
      idt.store(
        entry & 0xffff | UInt64(codeSelector) << 16 | stackTableEntry(of: vector) << 32
          | presentInterruptGate << 40 | (entry >> 16 & 0xffff) << 48, at: 2 * vector)
      idt.store(entry >> 32, at: 2 * vector + 1)
    }
    loadIDT(record.idt, 16 * 256 - 1)
  }
}
