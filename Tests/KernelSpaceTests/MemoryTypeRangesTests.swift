// MTRRs from made-up registers, against the SDM's rule applied to one address at a time.

import Addressing
import KernelSpace
import TestSupport
import Testing

@Suite struct MemoryTypeRangesTests {
  // MARK: Against the oracle

  /// Address spaces of 1024 granules, each granule asked for. Those of 4 KiB have fixed ranges too;
  /// larger ones check the same shapes at real heights.
  @Test(arguments: [(12, 22), (21, 31), (30, 40), (42, 52)])
  func runsAgreeWithTheOracleEverywhere(granuleShift: Int, width: Int) throws {
    var random = SeededGenerator(seed: UInt64(granuleShift * 1000 + width))
    for _ in 0..<100 {
      let registers = Registers.random(granuleShift: granuleShift, width: width, from: &random)
      let ranges = try registers.decoded()
      let granule: UInt64 = 1 << granuleShift
      let end: UInt64 = 1 << width
      let oracle = stride(from: 0, to: end, by: Int(granule)).map(registers.type(at:))

      var reached: UInt64 = 0
      var previous: MTRRType?
      ranges.forEachRun(in: PhysicalAddress(0)..<PhysicalAddress(end)) { run, type in
        #expect(run.lowerBound.rawValue == reached && type != previous && !run.isEmpty)
        #expect(run.lowerBound.rawValue % granule == 0)
        for index in reached / granule..<run.upperBound.rawValue / granule {
          if oracle[Int(index)] != type {
            Issue.record("\(registers.values): granule \(index) is \(oracle[Int(index)])")
            return
          }
        }
        (reached, previous) = (run.upperBound.rawValue, type)
      }
      #expect(reached == end)
    }
  }

  /// A single call's end is exact: up to it the same variable ranges match, at it others do.
  @Test func endsAreExact() throws {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<2000 {
      let width = Int.random(in: 36...52, using: &random)
      let low = Int.random(in: 12..<width, using: &random)
      var registers = Registers.random(granuleShift: low, width: width, from: &random)
      registers.values[0x2ff]! &= ~(1 << 10)
      let ranges = try registers.decoded()
      let start = UInt64.random(in: 0..<(1 << width), using: &random)
      let (type, end) = ranges.run(at: PhysicalAddress(start))
      #expect(type == registers.type(at: start))
      let last = min(end.rawValue, 1 << width) - 1
      for probe in [last, .random(in: start...last, using: &random)] {
        #expect(registers.matches(at: probe) == registers.matches(at: start))
      }
      if last + 1 < 1 << width {
        #expect(registers.matches(at: last + 1) != registers.matches(at: start))
      }
    }
  }

  /// Whoever passes an address past the physical width gets an answer, no trap and no loop.
  @Test func addressesPastTheWidthHaveTheDefaultType() throws {
    let registers = Registers(
      width: 36, defaultType: 6, variable: [(0, 0, 0x0), (0, 0xf_8000_0000, 0x8000_0000)])
    let ranges = try registers.decoded()
    #expect(ranges.run(at: PhysicalAddress(0)) == (.uncacheable, PhysicalAddress(0x8000_0000)))
    for address in [1 << 36, 1 << 52, UInt64.max - 1, .max] {
      #expect(ranges.run(at: PhysicalAddress(address)) == (.writeBack, PhysicalAddress(.max)))
    }
    #expect(
      runs(of: ranges, from: 0xf_0000_0000, to: .max) == [
        Run(0xf_0000_0000, 0x10_0000_0000, .uncacheable), Run(1 << 36, .max, .writeBack),
      ])
  }

  // MARK: Shapes of real machines

  private static let legacyFixed = Registers.Fixed(
    low: 0x0606_0606_0606_0606, video: 0, roms: 0x0505_0505_0505_0505)

  @Test func seaBIOS() throws {
    let registers = Registers(
      width: 40, defaultType: 6, variable: [(0, 0xff_e000_0000, 0xe000_0000)],
      fixed: Self.legacyFixed)
    #expect(
      runs(of: try registers.decoded(), from: 0, to: 1 << 40) == [
        Run(0, 0xa0000, .writeBack), Run(0xa0000, 0xc0000, .uncacheable),
        Run(0xc0000, 0x10_0000, .writeProtected), Run(0x10_0000, 0xe000_0000, .writeBack),
        Run(0xe000_0000, 0x1_0000_0000, .uncacheable), Run(0x1_0000_0000, 1 << 40, .writeBack),
      ])
  }

  @Test func ovmf() throws {
    let video = Registers.Fixed(low: 0x0606_0606_0606_0606, video: 0, roms: 0)
    let defaultWriteBack = Registers(
      width: 40, defaultType: 6, variable: [(0, 0xff_8000_0000, 0x8000_0000)], fixed: video)
    let defaultUncacheable = Registers(
      width: 40, defaultType: 0,
      variable: [(6, 0xff_8000_0000, 0), (6, 0xff_0000_0000, 0x1_0000_0000)], fixed: video)
    let upTo8G = [
      Run(0, 0xa0000, .writeBack), Run(0xa0000, 0x10_0000, .uncacheable),
      Run(0x10_0000, 0x8000_0000, .writeBack), Run(0x8000_0000, 0x1_0000_0000, .uncacheable),
      Run(0x1_0000_0000, 0x2_0000_0000, .writeBack),
    ]
    #expect(runs(of: try defaultWriteBack.decoded(), from: 0, to: 0x2_0000_0000) == upTo8G)
    #expect(
      runs(of: try defaultUncacheable.decoded(), from: 0, to: 0x4_0000_0000)
        == upTo8G + [Run(0x2_0000_0000, 0x4_0000_0000, .uncacheable)])
  }

  /// AMD's firmware leaves the default uncacheable and has RAM above 4 GiB write-back by TOM2; a
  /// variable range still has its say there.
  @Test func amdTopOfMemory2() throws {
    var registers = Registers(
      width: 48, defaultType: 0,
      variable: [(6, 0xffff_8000_0000, 0), (0, 0xffff_f000_0000, 0x2_0000_0000)])
    let withTOM2 = [
      Run(0, 0x8000_0000, .writeBack), Run(0x8000_0000, 0x1_0000_0000, .uncacheable),
      Run(0x1_0000_0000, 0x2_0000_0000, .writeBack),
      Run(0x2_0000_0000, 0x2_1000_0000, .uncacheable),
      Run(0x2_1000_0000, 0x8_3f80_0000, .writeBack), Run(0x8_3f80_0000, 1 << 40, .uncacheable),
    ]
    let without = [Run(0, 0x8000_0000, .writeBack), Run(0x8000_0000, 1 << 40, .uncacheable)]
    registers.values[0xc001_001d] = 0x8_3f80_0000
    for (systemConfiguration, expected) in [
      (3 << 21, withTOM2), (1 << 21, without), (1 << 22, without), (0, without),
    ] as [(UInt64, [Run])] {
      registers.values[0xc001_0010] = systemConfiguration
      let ranges = try registers.decoded(hasTopOfMemory2: true)
      #expect(runs(of: ranges, from: 0, to: 1 << 40) == expected)
      // Without the feature neither register is looked at.
      #expect(runs(of: try registers.decoded(), from: 0, to: 1 << 40) == without)
    }
  }

  @Test func personalComputerWithStolenGraphicsMemory() throws {
    let registers = Registers(
      width: 36, defaultType: 0,
      variable: [
        (6, 0xf_0000_0000, 0), (6, 0xf_0000_0000, 0x1_0000_0000),
        (6, 0xf_e000_0000, 0x2_0000_0000), (0, 0xf_e000_0000, 0xe000_0000),
        (0, 0xf_fe00_0000, 0xde00_0000),
      ],
      fixed: Self.legacyFixed)
    #expect(
      runs(of: try registers.decoded(), from: 0x10_0000, to: 1 << 36) == [
        Run(0x10_0000, 0xde00_0000, .writeBack), Run(0xde00_0000, 0x1_0000_0000, .uncacheable),
        Run(0x1_0000_0000, 0x2_2000_0000, .writeBack),
        Run(0x2_2000_0000, 1 << 36, .uncacheable),
      ])
  }

  /// Firmware that thinks of 36 bits on a CPU of 38 leaves high mask bits zero. They are holes:
  /// the hardware finds the range again in each 64 GiB.
  @Test func masksNarrowerThanTheCPURepeat() throws {
    let registers = Registers(
      width: 38, defaultType: 6, variable: [(0, 0xf_c000_0000, 0xc000_0000)])
    let holes = runs(of: try registers.decoded(), from: 0, to: 1 << 38).filter {
      $0.type == .uncacheable
    }
    #expect(
      holes.map(\.start) == [0xc000_0000, 0x10_c000_0000, 0x20_c000_0000, 0x30_c000_0000])
    #expect(holes.allSatisfy { $0.end - $0.start == 0x4000_0000 })
  }

  // MARK: Single rules

  @Test func fixedRangesLieWhereTheSDMPutsThem() throws {
    // One field of each size is write-combining, in a register of its own.
    var registers = Registers(width: 36, defaultType: 6, variable: [], fixed: Self.legacyFixed)
    registers.values[0x250] = 0x0106_0606_0606_0606
    registers.values[0x259] = 0x0000_0000_0000_0100
    registers.values[0x26a] = 0x0505_0505_0501_0505
    registers.values[0x26f] = 0x0605_0505_0505_0505
    #expect(
      runs(of: try registers.decoded(), from: 0, to: 0x20_0000) == [
        Run(0, 0x70000, .writeBack), Run(0x70000, 0x80000, .writeCombining),
        Run(0x80000, 0xa0000, .writeBack), Run(0xa0000, 0xa4000, .uncacheable),
        Run(0xa4000, 0xa8000, .writeCombining), Run(0xa8000, 0xc0000, .uncacheable),
        Run(0xc0000, 0xd2000, .writeProtected), Run(0xd2000, 0xd3000, .writeCombining),
        Run(0xd3000, 0xff000, .writeProtected), Run(0xff000, 0x20_0000, .writeBack),
      ])
  }

  @Test func overlaps() throws {
    let expected: [([UInt64], MTRRType)] = [
      ([6], .writeBack), ([4], .writeThrough), ([5], .writeProtected), ([1], .writeCombining),
      ([0], .uncacheable), ([6, 6], .writeBack), ([1, 1], .writeCombining),
      ([4, 6], .writeThrough), ([6, 4], .writeThrough), ([6, 4, 6, 4], .writeThrough),
      ([6, 0], .uncacheable), ([0, 6], .uncacheable), ([5, 6, 0], .uncacheable),
      ([5, 6], .undefinedMix), ([1, 6], .undefinedMix), ([1, 4], .undefinedMix),
      ([5, 6, 6], .undefinedMix), ([4, 6, 1], .undefinedMix), ([1, 4, 0], .uncacheable),
      ([2], .reserved), ([3], .reserved), ([7], .reserved), ([0xff], .reserved),
      ([6, 7], .undefinedMix), ([7, 0], .uncacheable),
    ]
    for (types, type) in expected {
      let variable = types.map { ($0, 0xf_fff0_0000 as UInt64, 0x1000_0000 as UInt64) }
      let ranges = try Registers(width: 36, defaultType: 6, variable: variable).decoded()
      let run = ranges.run(at: PhysicalAddress(0x1000_5000))
      #expect(run == (type, PhysicalAddress(0x1010_0000)), "\(types)")
    }
  }

  @Test func onlyWriteBackAndUndecidedAllowWriteBack() {
    let all: [MTRRType] = [
      .undecided, .uncacheable, .writeCombining, .writeThrough, .writeProtected, .writeBack,
      .undefinedMix, .reserved,
    ]
    #expect(all.filter(\.allowsWriteBack) == [.undecided, .writeBack])
    #expect(Set(all.map { String(describing: $0.name) }).count == all.count)
  }

  @Test func invalidRangesAndReservedDefault() throws {
    var registers = Registers(width: 36, defaultType: 3, variable: [(6, 0xf_8000_0000, 0)])
    registers.values[0x201]! &= ~(1 << 11)
    let ranges = try registers.decoded()
    #expect(ranges.defaultType == .reserved)
    #expect(runs(of: ranges, from: 0, to: 1 << 36) == [Run(0, 1 << 36, .reserved)])
  }

  @Test func noVariableRanges() throws {
    let registers = Registers(width: 36, defaultType: 4, variable: [])
    let ranges = try registers.decoded()
    #expect(runs(of: ranges, from: 0, to: 1 << 36) == [Run(0, 1 << 36, .writeThrough)])
  }

  @Test func asManyRangesAsFitAndOneMore() throws {
    // 32 pages write-combining, every other one.
    let variable = (0..<33).map { (1 as UInt64, 0xf_ffff_f000 as UInt64, UInt64($0) * 0x2000) }
    let full = Registers(width: 36, defaultType: 6, variable: Array(variable.prefix(32)))
    #expect(runs(of: try full.decoded(), from: 0, to: 1 << 36).count == 64)
    #expect(throws: MemoryTypeRangesError.tooManyVariableRanges(33)) {
      try Registers(width: 36, defaultType: 6, variable: variable).decoded()
    }
    var claimed = full
    claimed.values[0xfe] = 0xff
    #expect(throws: MemoryTypeRangesError.tooManyVariableRanges(255)) { try claimed.decoded() }
  }

  @Test func absentOrDisabledDecideNothing() throws {
    // An unexpected read is recorded by `decoded`: absent reads nothing, disabled one register.
    let absent = try Registers(values: [:], width: 36).decoded(areSupported: false)
    let disabled = try Registers(values: [0x2ff: 1 << 10], width: 36).decoded()
    #expect(absent.state == .absent && disabled.state == .disabled)
    for ranges in [absent, disabled] {
      #expect(ranges.defaultType == .undecided)
      #expect(runs(of: ranges, from: 0, to: 1 << 52) == [Run(0, 1 << 52, .undecided)])
    }
    let enabled = try Registers(width: 36, defaultType: 6, variable: []).decoded()
    #expect(enabled.state == .enabled)
  }

  /// FE without FIX: the fixed registers do not exist, to read them would be a #GP.
  @Test func fixedRangesThatTheCPULacksAreNotRead() throws {
    let registers = Registers(values: [0xfe: 0, 0x2ff: 0xc06], width: 36)
    let ranges = try registers.decoded()
    #expect(runs(of: ranges, from: 0, to: 1 << 36) == [Run(0, 1 << 36, .writeBack)])
  }

  @Test func aThrowingBodyStopsTheIteration() throws {
    struct Enough: Error {}
    let ranges = try Registers(
      width: 36, defaultType: 6, variable: [(0, 0xf_c000_0000, 0xc000_0000)]
    ).decoded()
    var count = 0
    #expect(throws: Enough.self) {
      try ranges.forEachRun(in: PhysicalAddress(0)..<PhysicalAddress(1 << 36)) {
        (_, type) throws(Enough) in
        count += 1
        if type == .uncacheable { throw Enough() }
      }
    }
    #expect(count == 2)
    ranges.forEachRun(in: PhysicalAddress(5)..<PhysicalAddress(5)) { _, _ in
      Issue.record("an empty range has no runs")
    }
  }
}

// MARK: - Runs as plain values

private struct Run: Equatable {
  let start, end: UInt64
  let type: MTRRType

  init(_ start: UInt64, _ end: UInt64, _ type: MTRRType) {
    (self.start, self.end, self.type) = (start, end, type)
  }
}

private func runs(of ranges: MemoryTypeRanges, from start: UInt64, to end: UInt64) -> [Run] {
  var result: [Run] = []
  ranges.forEachRun(in: PhysicalAddress(start)..<PhysicalAddress(end)) { run, type in
    result.append(Run(run.lowerBound.rawValue, run.upperBound.rawValue, type))
  }
  return result
}
