// The judge on trial: the oracle on good address spaces that were damaged, one broken promise each.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

/// Something done to a good address space, and a word of the violation it is.
struct Damage: CustomTestStringConvertible, Sendable {
  let expected: String
  var gigabytePages = true
  let apply: @Sendable (Workbench) throws -> Void

  var testDescription: String { expected }

  private static let linear: UInt64 = 0xffff_8000_0000_0000
  private static let image: UInt64 = 0xffff_ffff_8000_0000
  private static let writable: UInt64 = 1 << 1
  private static let noExecute: UInt64 = 1 << 63

  /// Changes the entry on the way to `address` at `level`, or the leaf.
  private static func change(
    _ address: UInt64, atLevel level: Int? = nil, in bench: Workbench,
    _ change: (UInt64) -> UInt64
  ) {
    bench.table.reader.changeEntry(for: address, atLevel: level, change)
  }

  static let all: [Damage] = [
    Damage(expected: "maps 0xc0000000..<0xc0001000, which is no RAM") {
      try $0.map(linear + 0xc000_0000..<linear + 0xc000_1000, to: 0xc000_0000)
    },
    Damage(expected: "lacks RAM 0x9e000..<0x9f000") {
      change(linear + 0x9_e000, in: $0) { _ in 0 }
    },
    Damage(expected: "linear 0xffff800000001000 maps 0x9e000") {
      change(linear + 0x1000, in: $0) { $0 + 0x9_d000 }
    },
    Damage(expected: "linear 0xffff800000002000 is not write-back") {
      change(linear + 0x2000, in: $0) { $0 | 1 << 4 }
    },
    Damage(expected: "0xffffffff80200000..<0xffffffff80201000 is writable and executable") {
      change(image + 0x20_0000, in: $0) { $0 | writable }
    },
    Damage(expected: "physical 0x201000..<0x202000 is executable here and writable there") {
      change(linear + 0x20_1000, in: $0) { $0 | writable }
    },
    Damage(expected: "0xffff800140000000..<0xffff800180000000 is executable but no kernel text") {
      change(linear + 0x1_4000_0000, in: $0) { $0 & ~noExecute }
    },
    Damage(expected: "read-only physical 0x23f000..<0x240000 is writable") {
      change(image + 0x23_f000, in: $0) { $0 | writable }
    },
    Damage(expected: "of the kernel half is open to user mode") {
      try $0.map(0xffff_c000_0000_0000..<0xffff_c000_0000_1000, to: 0, PageProperty(rights: .user))
    },
    Damage(expected: "top-level entry 7 of the lower half is present") {
      try $0.map(7 << 39..<7 << 39 + 0x1000, to: 0)
    },
    Damage(expected: "top-level entry 400 of the kernel half is absent") {
      change(linear + 144 << 39, atLevel: 4, in: $0) { _ in 0 }
    },
    Damage(expected: "stands at level 3 at 0xffff800000000000, level 3 at 0xffffc00000000000") {
      let shared = $0.table.reader.walk(VirtualAddress(linear))[0].entry.rawValue
      change(linear + 1 << 46, atLevel: 4, in: $0) { _ in shared }
    },
    Damage(
      expected: "1023 of 2 MiB, 507 of 4 KiB pages; 2 of 1 GiB, 511 of 2 MiB, 507 of 4 KiB would do"
    ) {
      // The 1 GiB page at 5 GiB by 2 MiB pages.
      change(linear + 0x1_4000_0000, in: $0) { _ in 0 }
      let range = linear + 0x1_4000_0000..<linear + 0x1_8000_0000
      try $0.map(range, to: 0x1_4000_0000, largest: .size2MiB)
    },
    Damage(expected: "has 1 pages of 1 GiB, which the CPU lacks", gigabytePages: false) {
      try $0.map(0xffff_c000_0000_0000..<0xffff_c000_4000_0000, to: 0)
    },
    Damage(expected: "0xffffe10000000000..<0xffffe10000001000 is mapped, outside all windows") {
      try $0.map(0xffff_e100_0000_0000..<0xffff_e100_0000_1000, to: 0)
    },
    Damage(expected: "physical 0x5000..<0x6000 is mapped with the types 0 and 3") {
      let property = PageProperty(rights: .write, memoryType: .uncacheable)
      try $0.map(0xffff_c000_0000_0000..<0xffff_c000_0000_1000, to: 0x5000, property)
    },
    Damage(expected: "the table of level 3 at 0xffff800000000000 is open to user mode") {
      change(linear, atLevel: 4, in: $0) { $0 | 1 << 2 }
    },
    Damage(expected: "reserved bits 0x10000000000 are set") {
      change(linear + 0x3000, in: $0) { $0 | 1 << 40 }
    },
  ]
}

@Suite struct OracleDamageTests {
  @Test(arguments: Damage.all)
  func damageIsFound(damage: Damage) throws {
    let machine = SimulatedMachine(
      mode: .fourLevel, gigabytePages: damage.gigabytePages, physicalAddressWidth: 40,
      ramByteCount: 6 << 30)
    let bench = try machine.build()
    try damage.apply(bench)
    let violations = bench.snapshot().violations(on: machine.oracle)
    #expect(violations.contains { $0.contains(damage.expected) }, "\(violations)")
  }
}
