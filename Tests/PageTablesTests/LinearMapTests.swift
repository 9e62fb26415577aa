// A kernel's whole address space over simulated machines from 16 MiB to 64 TiB, judged by the
// oracle. The kernel's own build is tested with the floor that does it; this one is the least that
// keeps the promises.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

/// A CPU and the RAM it has.
struct SimulatedMachine: CustomTestStringConvertible, Sendable {
  var mode: PagingMode
  var gigabytePages: Bool
  var physicalAddressWidth: Int
  var ramByteCount: UInt64

  /// RAM as a PC has it: a hole below 1 MiB, a hole below 4 GiB, and what it displaces above. It
  /// ends, like PCs do, off a large page's boundary. What is past the linear window is left out.
  var ram: [Range<UInt64>] {
    let low = min(ramByteCount, 3 << 30)
    var ranges: [Range<UInt64>] = [0x1000..<0x9f000, 0x10_0000..<low - 0x2_1000]
    if ramByteCount > low {
      let end = min(ramByteCount + 1 << 30, mode == .fourLevel ? 64 << 40 : .max)
      ranges.append(1 << 32..<end - 0x5000)
    }
    return ranges
  }

  /// The kernel image at 2 MiB: text, read-only data, data.
  static let text: Range<UInt64> = 0x20_0000..<0x23_4000
  static let readOnlyData: Range<UInt64> = 0x23_4000..<0x24_0000
  static let data: Range<UInt64> = 0x24_0000..<0x25_1000
  static let imageOffset: UInt64 = 0xffff_ffff_8000_0000

  var oracle: Machine {
    Machine(
      windows: Windows(levels: mode.levels), gigabytePages: gigabytePages, ram: ram,
      text: Self.imageOffset + Self.text.lowerBound..<Self.imageOffset + Self.text.upperBound,
      readOnly: [Self.text, Self.readOnlyData])
  }

  func build() throws -> Workbench {
    let bench = try Workbench(mode, physicalAddressWidth: physicalAddressWidth)
    try bench.table.populateKernelHalf(from: &bench.frames)
    let largest: PageSize = gigabytePages ? .size1GiB : .size2MiB
    func map(_ range: Range<UInt64>, at base: UInt64, _ rights: Rights) throws {
      try bench.map(
        base + range.lowerBound..<base + range.upperBound, to: range.lowerBound, .kernel(rights),
        largest: largest)
    }
    let linear = Layout(addressWidth: mode.addressWidth).linearMapping.lowerBound.rawValue
    let readOnly = Self.text.lowerBound..<Self.readOnlyData.upperBound
    for range in ram {
      if range.contains(readOnly.lowerBound) {
        try map(range.lowerBound..<readOnly.lowerBound, at: linear, .write)
        try map(readOnly, at: linear, .none)
        try map(readOnly.upperBound..<range.upperBound, at: linear, .write)
      } else {
        try map(range, at: linear, .write)
      }
    }
    try map(Self.text, at: Self.imageOffset, .execute)
    try map(Self.readOnlyData, at: Self.imageOffset, .none)
    try map(Self.data, at: Self.imageOffset, .write)
    return bench
  }

  var testDescription: String {
    "\(ramByteCount >> 20) MiB, \(mode.levels) levels, \(physicalAddressWidth) physical bits, "
      + (gigabytePages ? "with 1 GiB pages" : "without 1 GiB pages")
  }

  /// Each size with the smallest physical width that holds it and with the widest, on both paging
  /// modes, with and without 1 GiB pages. Without them up to 1 TiB, half a million leaves; the
  /// largest machine has a test of its own.
  static let all: [SimulatedMachine] = {
    let sizes: [(byteCount: UInt64, width: Int)] = [
      (16 << 20, 36), (128 << 20, 36), (3 << 30, 36), (6 << 30, 36), (1 << 40, 41), (8 << 40, 44),
      (64 << 40, 47),
    ]
    var machines: [SimulatedMachine] = []
    for size in sizes {
      for mode in [PagingMode.fourLevel, .fiveLevel] {
        for gigabytePages in [true, false] where gigabytePages || size.byteCount <= 1 << 40 {
          for width in [size.width, 52] {
            machines.append(
              SimulatedMachine(
                mode: mode, gigabytePages: gigabytePages, physicalAddressWidth: width,
                ramByteCount: size.byteCount))
          }
        }
      }
    }
    return machines
  }()
}

@Suite struct LinearMapTests {
  @Test(arguments: SimulatedMachine.all)
  func keepsThePromises(machine: SimulatedMachine) throws {
    let bench = try machine.build()
    let snapshot = bench.snapshot()
    #expect(snapshot.violations(on: machine.oracle) == [])
    #expect(snapshot.tables.count == bench.frames.takenCount)
  }

  /// 33 million leaves, which want about 1.3 GB and five seconds: once is enough.
  @Test func keepsThePromisesOn64TiBWithout1GiBPages() throws {
    let machine = SimulatedMachine(
      mode: .fourLevel, gigabytePages: false, physicalAddressWidth: 47, ramByteCount: 64 << 40)
    let snapshot = try machine.build().snapshot()
    #expect(snapshot.violations(on: machine.oracle) == [])
    #expect(snapshot.pages.of2MiB > 33_500_000 && snapshot.pages.of1GiB == 0)
  }
}
