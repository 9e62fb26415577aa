import TestSupport

extension FuzzTarget {
  /// Inputs to begin with: some that are accepted.
  public var seeds: [[UInt8]] {
    switch self {
    case .multiboot2: [InformationBuilder.complete.finished()]
    case .acpi:
      [
        ACPIBuilder.rootPointer(revision: 0, rsdt: 0x7fe_2412),
        ACPIBuilder.rootPointer(revision: 2, rsdt: 0x777_d074, xsdt: 0x777_d0e8, tail: [1, 2, 3]),
        ACPIBuilder.table("RSDT", Array(1...23)), ACPIBuilder.table("XSDT", Array(1...47)),
        ACPIBuilder.completeMADT,
        ACPIBuilder.hpet(block: 0x8086_a201, address: 0xfed0_0000, tick: 128),
        ACPIBuilder.fadt([40: [0, 0, 0xfe, 7], 64: [4, 6, 0, 0]]),
        ACPIBuilder.table("DSDT", ACPIBuilder.softOff([0x0a, 5, 0x0a, 5, 0, 0])),
      ].map { [1] + $0 }
    case .commandLine:
      [
        #"exit "run=a; walk 0x1_000" fault=null"#, #"mem=64M memmap=16M$64M,4K#0x600,1G@4G x"#,
        #"map 'a b',"c,d"\,e 4K+1M 0xffff-10000 ; help"#,
      ].map { Array($0.utf8) }
    case .memoryMap:
      [[0, 60, 9, 0, 190, 2, 40, 8, 9, 100, 60, 5, 30, 9], [1, 0x7f, 9, 0x10, 3, 0x81, 0x22, 4]]
    case .frames, .ranges, .pageTable:
      (1...4 as ClosedRange<UInt64>).map { seed in
        var random = SeededGenerator(seed: seed)
        return (0..<400).map { _ in .random(in: 0...255, using: &random) }
      }
    }
  }
}
