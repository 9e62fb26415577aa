// Kernel page tables of made-up machines: every paging mode, page size and physical width, from
// 16 MiB to 64 TiB, judged by the oracle and against what must be there.

import Addressing
import BootInfo
import KernelSpace
import Oracle
import PageTables
import TestSupport
import Testing

/// A PC of a certain size.
struct PC: CustomTestStringConvertible, Sendable {
  let ramByteCount: UInt64
  let machine: FakeMachine

  init(_ ramByteCount: UInt64, _ cpu: FakeCPU, width: Int) {
    self.ramByteCount = ramByteCount
    machine = .pc(ramByteCount: ramByteCount, cpu: cpu, physicalAddressWidth: width)
  }

  var allRAM: [Range<UInt64>] { FakeMachine.pcRAM(ramByteCount: ramByteCount) }
  /// The RAM that the CPU's addresses and the linear window reach.
  var ram: [Range<UInt64>] { allRAM.map { $0.clamped(to: 0..<machine.limit) } }

  var testDescription: String {
    "\(ramByteCount >> 20) MiB, \(machine.physicalAddressWidth) physical bits, "
      + machine.cpu.description
  }

  /// All combinations, but for more than 512 GiB by 2 MiB pages: a test of its own has a machine of
  /// that sort, with four million leaves.
  static let all: [PC] = {
    var all: [PC] = []
    for ramByteCount in [16 << 20, 512 << 20, 6 << 30, 1 << 40, 8 << 40, 64 << 40] as [UInt64] {
      for cpu in FakeCPU.all {
        for width in [36, 39, 40, 46, 48, 52] {
          let pc = PC(ramByteCount, cpu, width: width)
          if cpu.gigabytePages || pc.ram.byteCount <= 1 << 39 { all.append(pc) }
        }
      }
    }
    return all
  }()
}

extension [Range<UInt64>] {
  var byteCount: UInt64 { reduce(0) { $0 + $1.upperBound - $1.lowerBound } }
}

@Suite struct KernelPageTableTests {
  @Test(arguments: PC.all)
  func keepsThePromises(pc: PC) throws {
    let space = try BuiltSpace(pc.machine)
    try space.expectComplete(ram: pc.ram)
    #expect(space.map.ramLeftOut == pc.allRAM.byteCount - pc.ram.byteCount)
  }

  @Test func keepsThePromisesOn8TiBWithout1GiBPages() throws {
    let pc = PC(8 << 40, FakeCPU(mode: .fourLevel, gigabytePages: false), width: 44)
    try BuiltSpace(pc.machine).expectComplete(ram: pc.ram)
  }

  /// Wherever the loader puts the image, at the end of RAM too, and where large pages fit into it.
  @Test(
    arguments: FakeCPU.all,
    [0x40_0000, 0x1fe0_0000, 0x3fe0_0000, 0x4000_0000, 0x5a60_0000, 0xbf80_0000] as [UInt64])
  func theImageMayLieAnywhere(cpu: FakeCPU, start: UInt64) throws {
    let pc = PC(4 << 30, cpu, width: 40)
    let ram = pc.ram
    func expectComplete(_ image: FakeImage) throws {
      var machine = pc.machine
      machine.image = image
      try BuiltSpace(machine).expectComplete(ram: ram)
    }
    try expectComplete(FakeImage(start: start))
    // Text of 4 MiB, read-only data that ends on a large page's boundary.
    try expectComplete(
      FakeImage(start: start, textByteCount: 0x40_0000, readOnlyDataByteCount: 0x1f_a000))
  }

  @Test func theRootIsTheFirstFrameAnd5LevelsTakeOneTableMoreForEach512GiB() throws {
    func tables(_ mode: PagingMode) throws -> Int {
      let space = try BuiltSpace(
        PC(1 << 40, FakeCPU(mode: mode, gigabytePages: true), width: 46).machine)
      #expect(space.table.root == PhysicalAddress(0x10_0000))
      return space.frames.taken
    }
    // RAM reaches into a third block of 512 GiB, and the image has one of its own.
    #expect(try tables(.fiveLevel) == tables(.fourLevel) + 4)
  }
}

/// MTRRs that leave RAM out of a PC with 6 GiB, whose linear mapping has pages of 1 GiB from 1, 4
/// and 5 GiB on.
struct MTRRShape: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var defaultType: UInt64 = 6
  let variable: [(type: UInt64, mask: UInt64, base: UInt64)]
  var fixed: Registers.Fixed?
  let leftOut: [Range<UInt64>]

  static let all: [MTRRShape] = [
    MTRRShape(
      testDescription: "a page in the middle of a 1 GiB page",
      variable: [(0, 0xff_ffff_f000, 0x1_4012_3000)], leftOut: [0x1_4012_3000..<0x1_4012_4000]),
    MTRRShape(
      testDescription: "pages in the middle of a 2 MiB page, of two types that touch",
      variable: [(0, 0xff_ffff_e000, 0x3010_2000), (5, 0xff_ffff_f000, 0x3010_4000)],
      leftOut: [0x3010_2000..<0x3010_5000]),
    MTRRShape(
      testDescription: "2 MiB of a 1 GiB page", variable: [(1, 0xff_ffe0_0000, 0x6000_0000)],
      leftOut: [0x6000_0000..<0x6020_0000]),
    MTRRShape(
      testDescription: "the first RAM that frames come from",
      variable: [(0, 0xff_fff0_0000, 0x10_0000)], leftOut: [0x10_0000..<0x20_0000]),
    MTRRShape(
      testDescription: "a whole 1 GiB page", variable: [(4, 0xff_c000_0000, 0x1_0000_0000)],
      leftOut: [0x1_0000_0000..<0x1_4000_0000]),
    MTRRShape(
      testDescription: "the end of RAM, by default", defaultType: 0,
      variable: [
        (6, 0xff_8000_0000, 0), (6, 0xff_c000_0000, 0x8000_0000),
        (6, 0xff_8000_0000, 0x1_0000_0000), (0, 0xff_ff00_0000, 0xbf00_0000),
      ], leftOut: [0xbf00_0000..<0xbfff_f000, 0x1_8000_0000..<0x1_bfff_b000]),
    MTRRShape(
      testDescription: "every other page, by a mask with a hole",
      variable: [(0, 0xff_ffff_9000, 0x4567_8000)],
      leftOut: [
        0x4567_8000..<0x4567_9000, 0x4567_a000..<0x4567_b000, 0x4567_c000..<0x4567_d000,
        0x4567_e000..<0x4567_f000,
      ]),
    MTRRShape(
      testDescription: "low RAM, by fixed ranges", variable: [],
      fixed: Registers.Fixed(low: 0x0606_0606_0006_0606, video: 0, roms: 0x0505_0505_0505_0505),
      leftOut: [0x3_0000..<0x4_0000, 0x8_c000..<0x9_0000]),
  ]
}

@Suite struct MTRRShapeTests {
  @Test(arguments: MTRRShape.all, FakeCPU.all)
  func noPageStraddlesAndWhatIsNotWriteBackIsLeftOut(
    shape: MTRRShape, cpu: FakeCPU
  ) throws {
    var machine = PC(6 << 30, cpu, width: 40).machine
    let registers = Registers(
      width: 40, defaultType: shape.defaultType, variable: shape.variable, fixed: shape.fixed)
    machine.registers = registers
    let ram = AddressSet(FakeMachine.pcRAM(ramByteCount: 6 << 30))
    let space = try BuiltSpace(machine)
    try space.expectComplete(ram: ram.subtracting(AddressSet(shape.leftOut)))

    // Page by page, straight from the registers: the ends of each leaf, and all of the small ones.
    for leaf in space.snapshot().leaves where leaf.virtual < 0xffff_ffff_8000_0000 {
      #expect(registers.type(at: leaf.physical) == .writeBack)
      #expect(registers.type(at: leaf.physical + leaf.size - 1) == .writeBack)
    }
    var named = 0 as UInt64
    space.plan.forEachLeftOut(of: space.map) { range, type in
      #expect(type == registers.type(at: range.lowerBound.rawValue))
      named += range.byteCount
    }
    #expect(named == shape.leftOut.byteCount)
  }
}
