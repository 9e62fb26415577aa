// The judge of the vmalloc window, and of changes over time, on trial.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

@Suite struct OracleAreaTests {
  private static let machine = SimulatedMachine(
    mode: .fourLevel, gigabytePages: true, physicalAddressWidth: 40, ramByteCount: 6 << 30)
  private static let window: UInt64 = 0xffff_c000_0000_0000

  private static func pages(_ pages: Range<UInt64>) -> Range<UInt64> {
    window + pages.lowerBound << 12..<window + pages.upperBound << 12
  }

  /// Two pages of RAM, the next without anything, a device between guard pages of its own.
  private func build() throws -> Workbench {
    let bench = try Self.machine.build()
    try bench.map(Self.pages(1..<3), to: 0x5000)
    let property = PageProperty(rights: .write, memoryType: .uncacheable, isGlobal: true)
    try bench.map(Self.pages(6..<7), to: 0xfee0_0000, property)
    return bench
  }

  private static let ram = Area(pages: pages(1..<4))
  private static let device = Area(pages: pages(6..<7), device: 0xfee0_0000, patIndex: 3)

  @Test(arguments: [
    ([ram, device], nil),
    ([device, ram], nil),
    ([device], "0xffffc00000001000..<0xffffc00000003000 is mapped, in no area"),
    ([Area(pages: pages(1..<2)), device], "0xffffc00000002000..<0xffffc00000003000 is mapped"),
    ([ram, Area(pages: pages(6..<7))], "0xfee00000..<0xfee01000, in the area at"),
    (
      [ram, Area(pages: pages(6..<7), device: 0xfee0_0000, patIndex: 5)],
      "the area at 0xffffc00000006000 maps a device as"
    ),
    (
      [ram, Area(pages: pages(6..<8), device: 0xfee0_0000, patIndex: 3)],
      "the area at 0xffffc00000006000 maps a device as"
    ),
    (
      [Area(pages: pages(1..<3), device: 0x5000, patIndex: 0), device],
      "0x5000..<0x7000, of a device, is RAM"
    ),
    (
      [Area(pages: pages(1..<5)), device],
      "the area at 0xffffc00000006000 has no guard page of its own below"
    ),
    (
      [Area(pages: pages(0..<4)), device],
      "the area at 0xffffc00000000000 has no guard page of its own below"
    ),
    (
      [ram, device, Area(pages: 0xffff_dfff_ffff_f000..<0xffff_e000_0000_0000)],
      "the last area has no guard page above"
    ),
  ])
  func areas(_ areas: [Area], _ expected: String?) throws {
    let violations = try build().snapshot().areaViolations(areas, on: Self.machine.oracle)
    if let expected {
      #expect(violations.contains { $0.contains(expected) }, "\(violations)")
    } else {
      #expect(violations == [])
    }
  }

  @Test func ramThatIsNotWriteBack() throws {
    let bench = try build()
    bench.table.reader.changeEntry(for: Self.window + 0x2000) { $0 | 1 << 3 }
    let violations = bench.snapshot().areaViolations(
      [Self.ram, Self.device], on: Self.machine.oracle)
    #expect(violations == ["0xffffc00000002000..<0xffffc00000003000 is not write-back"])
  }

  @Test func changesOfTheTopLevel() throws {
    let bench = try build()
    let before = bench.snapshot()
    // What the CPU notes in an entry is no change.
    bench.table.reader.changeEntry(for: Self.window, atLevel: 4) { $0 | 1 << 5 }
    #expect(bench.snapshot().topLevelChanges(since: before) == [])
    bench.table.reader.changeEntry(for: Self.window, atLevel: 4) { $0 | 1 << 9 }
    #expect(
      bench.snapshot().topLevelChanges(since: before)
        == ["top-level entry 384 of the kernel half has changed"])
  }

  @Test func pagesThatAreNotGlobal() throws {
    let bench = try build()
    #expect(bench.snapshot().globalViolations() == [])
    bench.table.reader.changeEntry(for: Self.window + 0x1000) { $0 & ~(1 << 8) }
    #expect(
      bench.snapshot().globalViolations()
        == ["0xffffc00000001000..<0xffffc00000002000 is not global"])
  }
}
