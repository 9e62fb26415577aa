// MTRRs as firmware of real machines sets them up, by the shape of their /proc/mtrr: planned, built and
// judged by the second walker. What may be mapped is worked out here from the registers, address by
// address, by the SDM's rule (volume 3, 12.11.4.1), and said beforehand by hand, too.

import Addressing
import KernelSpace
import Oracle
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

/// A machine by its RAM and its MTRRs.
private struct RealShape: CustomTestStringConvertible, Sendable {
  /// A line of /proc/mtrr.
  struct Line: Sendable {
    let base: UInt64
    let byteCount: UInt64
    let type: UInt64

    init(_ base: UInt64, _ byteCount: UInt64, _ type: UInt64) {
      (self.base, self.byteCount, self.type) = (base, byteCount, type)
    }
  }

  let testDescription: String
  let width: Int
  let defaultType: UInt64
  let lines: [Line]
  /// What the firmware calls usable RAM.
  let ram: [Range<UInt64>]
  /// Of this, what the MTRRs make anything but write-back.
  var leftOut: [Range<UInt64>] = []
  var hasFixedRanges = true
  /// The bits that the masks count, where firmware thinks of fewer than the CPU has.
  var maskWidth: Int?
  /// AMD's: what lies from 4 GiB up to it is write-back whatever the default is.
  var topOfMemory2: UInt64?
  var isEnabled = true

  /// RAM below 640 KiB and from 1 MiB to `end`, and from 4 GiB on.
  static func pc(below end: UInt64, above4GiB: UInt64 = 0) -> [Range<UInt64>] {
    [0..<0x9_f000, mib..<end] + (above4GiB > 0 ? [4 * gib..<4 * gib + above4GiB] : [])
  }

  var registers: Registers {
    let counted: UInt64 = 1 << (maskWidth ?? width) - 1
    let fixed = Registers.Fixed(low: 0x0606_0606_0606_0606, video: 0, roms: 0x0505_0505_0505_0505)
    var registers = Registers(
      width: width, defaultType: defaultType,
      variable: lines.map { ($0.type, counted & ~($0.byteCount - 1), $0.base) },
      fixed: hasFixedRanges ? fixed : nil)
    if !isEnabled { registers.values[0x2ff]! &= ~0x800 }
    if let topOfMemory2 {
      // SYSCFG: MtrrTom2En and Tom2ForceMemTypeWB.
      registers.values[0xc001_0010] = 3 << 21
      registers.values[0xc001_001d] = topOfMemory2
    }
    return registers
  }

  /// The RAM that is write-back, from the registers: at all bounds there are, the type of the address.
  var writeBackRAM: [Range<UInt64>] {
    guard isEnabled else { return ram }
    let registers = registers
    let period: UInt64 = 1 << (maskWidth ?? width)
    let repeats = stride(from: 0 as UInt64, to: 1 << width, by: Int(period))
    var bounds = Set(ram.flatMap { [$0.lowerBound, $0.upperBound] })
    for line in lines {
      for start in repeats {
        bounds.formUnion([start + line.base, start + line.base + line.byteCount])
      }
    }
    bounds.formUnion(stride(from: 0, through: mib, by: 4096))
    if let topOfMemory2 { bounds.formUnion([4 * gib, topOfMemory2]) }
    return ram.flatMap { range -> [Range<UInt64>] in
      let here = bounds.filter { range.contains($0) || $0 == range.upperBound }.sorted()
      return zip(here, here.dropFirst()).filter { start, _ in
        if let topOfMemory2, start >= 4 * gib, start < topOfMemory2,
          registers.matches(at: start).isEmpty
        {
          return true
        }
        return registers.type(at: start) == .writeBack
      }.map { $0..<$1 }
    }
  }

  static let all: [RealShape] = [
    RealShape(
      testDescription: "notebook of 2008, 4 GiB: UC by default, holes for graphics cut out of WB",
      width: 36, defaultType: 0,
      lines: [
        Line(0, 2 * gib, 6), Line(0x8000_0000, gib, 6), Line(0xbf80_0000, 8 * mib, 0),
        Line(0xbf70_0000, mib, 0), Line(0x1_0000_0000, gib, 6),
      ], ram: pc(below: 0xbf6b_0000, above4GiB: gib)),
    RealShape(
      testDescription: "board that forgets the last of its RAM: 128 MiB without a WB range",
      width: 36, defaultType: 0,
      lines: [
        Line(0, 2 * gib, 6), Line(0x8000_0000, gib, 6), Line(0xcf80_0000, 8 * mib, 0),
        Line(0xc000_0000, 256 * mib, 6), Line(0x1_0000_0000, 512 * mib, 6),
        Line(0x1_2000_0000, 128 * mib, 6),
      ], ram: pc(below: 0xcf55_0000, above4GiB: 768 * mib),
      leftOut: [0x1_2800_0000..<0x1_3000_0000]),
    RealShape(
      testDescription: "desktop of 2011, 8 GiB: WB over all, UC below 4 GiB and at the end",
      width: 36, defaultType: 0,
      lines: [
        Line(0, 8 * gib, 6), Line(0x2_0000_0000, 512 * mib, 6), Line(0xe000_0000, 512 * mib, 0),
        Line(0xdc00_0000, 64 * mib, 0), Line(0xdb80_0000, 8 * mib, 0),
        Line(0x2_1f80_0000, 8 * mib, 0), Line(0x2_1f60_0000, 2 * mib, 0),
      ], ram: pc(below: 0xdb00_0000, above4GiB: 0x1_1f60_0000)),
    RealShape(
      testDescription: "the same with a memory map that is not told of the last hole",
      width: 36, defaultType: 0,
      lines: [
        Line(0, 8 * gib, 6), Line(0x2_0000_0000, 512 * mib, 6), Line(0xe000_0000, 512 * mib, 0),
        Line(0xdc00_0000, 64 * mib, 0), Line(0x2_1f80_0000, 8 * mib, 0),
      ], ram: pc(below: 0xdb00_0000, above4GiB: 0x1_2000_0000),
      leftOut: [0x2_1f80_0000..<0x2_2000_0000]),
    RealShape(
      testDescription: "notebook of 2017, 39 bits: WB by default, UC from 2 GiB to 4 GiB",
      width: 39, defaultType: 6,
      lines: [Line(0x8000_0000, 2 * gib, 0), Line(0x7c00_0000, 64 * mib, 0)],
      ram: pc(below: 0x7b00_0000, above4GiB: 14 * gib)),
    RealShape(
      testDescription: "SMRAM at the end of low RAM that the memory map calls usable",
      width: 39, defaultType: 6,
      lines: [Line(0x8000_0000, 2 * gib, 0), Line(0x7f00_0000, 16 * mib, 0)],
      ram: pc(below: 0x8000_0000, above4GiB: 2 * gib), leftOut: [0x7f00_0000..<0x8000_0000]),
    RealShape(
      testDescription: "server of two sockets, 46 bits: WB of 512 GiB, UC of 2 GiB over it",
      width: 46, defaultType: 0,
      lines: [
        Line(0, 512 * gib, 6), Line(512 * gib, 2 * gib, 6), Line(0x8000_0000, 2 * gib, 0),
      ], ram: pc(below: 0x7a00_0000, above4GiB: 510 * gib)),
    RealShape(
      testDescription: "server, WB by default, UC for devices below 4 GiB and far above",
      width: 46, defaultType: 6,
      lines: [Line(0x8000_0000, 2 * gib, 0), Line(1 << 45, 1 << 44, 0)],
      ram: pc(below: 0x7900_0000, above4GiB: 254 * gib)),
    RealShape(
      testDescription: "52 bits, 1.5 TiB: WB by default, the upper half of all addresses UC",
      width: 52, defaultType: 6,
      lines: [Line(0x8000_0000, 2 * gib, 0), Line(1 << 51, 1 << 51, 0)],
      ram: pc(below: 0x6f00_0000, above4GiB: 1536 * gib)),
    RealShape(
      testDescription: "AMD, 48 bits: UC by default, above 4 GiB all by TOM2",
      width: 48, defaultType: 0,
      lines: [Line(0, 2 * gib, 6), Line(0x8000_0000, gib, 6), Line(0xc000_0000, 256 * mib, 6)],
      ram: pc(below: 0xcbdf_0000, above4GiB: 0x7_2f00_0000), topOfMemory2: 0x8_2f00_0000),
    RealShape(
      testDescription: "AMD with a TOM2 that ends before the RAM does",
      width: 48, defaultType: 0, lines: [Line(0, 2 * gib, 6), Line(0x8000_0000, gib, 6)],
      ram: pc(below: 0xbbdf_0000, above4GiB: 16 * gib),
      leftOut: [0x4_0000_0000..<0x5_0000_0000], topOfMemory2: 0x4_0000_0000),
    RealShape(
      testDescription: "guest of SeaBIOS: WB by default, UC for the hole below 4 GiB",
      width: 40, defaultType: 6, lines: [Line(0xc000_0000, gib, 0)],
      ram: pc(below: 0xbffd_f000, above4GiB: 5 * gib)),
    RealShape(
      testDescription: "guest of OVMF with UC by default, and ranges of WB that end with its RAM",
      width: 40, defaultType: 0, lines: [Line(0, 2 * gib, 6), Line(0x1_0000_0000, 2 * gib, 6)],
      ram: pc(below: 0x7ed0_0000, above4GiB: 2 * gib)),
    RealShape(
      testDescription: "guest whose MTRRs are disabled, default UC: they decide nothing",
      width: 46, defaultType: 0, lines: [Line(0, gib, 0)],
      ram: pc(below: 0xd000_0000, above4GiB: 4 * gib), hasFixedRanges: false, isEnabled: false),
    RealShape(
      testDescription: "coreboot: WB by default, graphics WC, and no fixed ranges in use",
      width: 36, defaultType: 6,
      lines: [
        Line(0xd000_0000, 256 * mib, 1), Line(0xe000_0000, 512 * mib, 0),
        Line(0x7ad0_0000, mib, 0), Line(0x7ae0_0000, 2 * mib, 0), Line(0x7b00_0000, 16 * mib, 0),
      ], ram: pc(below: 0x7ad0_0000, above4GiB: 0x8000_0000), hasFixedRanges: false),
    RealShape(
      testDescription: "PC of 1998: the hole for ISA cards at 15 MiB, open below RAM that is WB",
      width: 36, defaultType: 0,
      lines: [Line(0, 256 * mib, 6), Line(15 * mib, mib, 0), Line(0xe000_0000, 64 * mib, 1)],
      ram: pc(below: 256 * mib), leftOut: [15 * mib..<16 * mib]),
    RealShape(
      testDescription: "write-through over write-back is write-through",
      width: 36, defaultType: 0,
      lines: [Line(0, 512 * mib, 6), Line(0x1000_0000, 64 * mib, 4)],
      ram: pc(below: 512 * mib), leftOut: [0x1000_0000..<0x1400_0000]),
    RealShape(
      testDescription:
        "firmware that counts 36 bits on a CPU of 39: its hole comes again every 64 GiB",
      width: 39, defaultType: 6, lines: [Line(0xc000_0000, gib, 0)],
      ram: pc(below: 0xbf00_0000, above4GiB: 140 * gib),
      leftOut: [
        0x10_c000_0000..<0x11_0000_0000, 0x20_c000_0000..<0x21_0000_0000,
      ], maskWidth: 36),
  ]
}

@Suite struct RealMTRRTests {
  @Test(arguments: RealShape.all) private func onlyWriteBackRAMIsMapped(shape: RealShape) throws {
    // By hand and from the registers: the same.
    let expected = AddressSet(shape.ram).subtracting(AddressSet(shape.leftOut))
    #expect(AddressSet(shape.writeBackRAM).ranges == AddressSet(expected).ranges)

    for cpu in FakeCPU.all where cpu.gigabytePages || shape.ram.byteCount < 256 * gib {
      var machine = FakeMachine(
        cpu: cpu, physicalAddressWidth: shape.width,
        reports: shape.ram.map { Report($0.lowerBound, $0.upperBound, .usable) },
        registers: shape.registers)
      machine.hasTopOfMemory2 = shape.topOfMemory2 != nil
      let space = try BuiltSpace(machine)
      try space.expectComplete(ram: expected)

      var named: [Range<UInt64>] = []
      space.plan.forEachLeftOut(of: space.map) { range, type in
        #expect(!type.allowsWriteBack)
        named.append(range.lowerBound.rawValue..<range.upperBound.rawValue)
      }
      #expect(AddressSet(named).ranges == AddressSet(shape.leftOut).ranges)
    }
  }
}
