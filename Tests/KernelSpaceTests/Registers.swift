// An oracle on made-up MTRRs: the SDM's rule (volume 3, 12.11.4.1) applied to one address at a time,
// straight from the registers. It knows of no runs.

import KernelSpace
import TestSupport

extension Registers {
  /// Ranges of any type and mask from the granule to the width, holes and overlaps included, with
  /// junk in the reserved bits above. Write-back and contiguous masks are the likelier ones.
  static func random(
    granuleShift: Int, width: Int, from random: inout SeededGenerator
  ) -> Registers {
    func type() -> UInt64 {
      UInt64([0, 0, 1, 4, 4, 5, 6, 6, 6, 6, 2, 7][Int(random.next() % 12)])
    }
    let counting: UInt64 = (1 << width) - (1 << granuleShift)
    let variable = (0..<random.next() % 9).map { _ in
      let contiguous = counting << (random.next() % UInt64(width - granuleShift + 1)) & counting
      let mask = random.next() % 2 == 0 ? contiguous : counting & (random.next() | random.next())
      let junk = random.next() & ~0 << width
      return (type(), mask | junk, random.next() & counting | random.next() & junk)
    }
    var registers = Registers(
      width: width, defaultType: type(), variable: variable,
      fixed: granuleShift > 12 || random.next() % 4 == 0 ? nil : Fixed(low: 0, video: 0, roms: 0))
    for number in registers.values.keys.sorted() where 0x250...0x26f ~= number {
      let uniform = random.next() % 2 == 0
      var types = (0..<8).map { _ in type() }
      if uniform { types = Array(repeating: types[0], count: 8) }
      registers.values[number] = types.reduce(0) { $0 << 8 | $1 }
    }
    if random.next() % 4 == 0 { registers.values[0x2ff]! &= ~(1 << 10) }
    if random.next() % 4 == 0, variable.count > 0 { registers.values[0x201]! &= ~(1 << 11) }
    return registers
  }

  /// The numbers of the variable ranges that match: PHYSMASK AND address = PHYSMASK AND PHYSBASE.
  func matches(at address: UInt64) -> [UInt32] {
    (0..<UInt32(values[0xfe]! & 0xff)).filter { number in
      let base = values[0x200 + 2 * number]!
      let mask = values[0x201 + 2 * number]!
      let counting: UInt64 = (1 << width) - 0x1000
      return mask & 0x800 != 0 && mask & counting & address == mask & counting & base
    }
  }

  func type(at address: UInt64) -> MTRRType {
    if values[0x2ff]! & 0x400 != 0 && values[0xfe]! & 0x100 != 0 && address < 0x10_0000 {
      // SDM volume 3, table 12-9: where each register begins, and the size of its eight ranges.
      let table: [(msr: UInt32, start: UInt64, size: UInt64)] =
        [(0x250, 0, 0x10000), (0x258, 0x80000, 0x4000), (0x259, 0xa0000, 0x4000)]
        + (0..<8).map { (0x268 + $0, 0xc0000 + UInt64($0) * 0x8000, 0x1000) }
      let row = table.last { $0.start <= address }!
      let byte = (address - row.start) / row.size
      return Self.type(encoding: values[row.msr]! / (1 << (8 * byte)) % 256)
    }
    let types = matches(at: address).map { Self.type(encoding: values[0x200 + 2 * $0]! % 256) }
    if types.isEmpty { return Self.type(encoding: values[0x2ff]! % 256) }
    if Set(types).count == 1 { return types[0] }
    if types.contains(.uncacheable) { return .uncacheable }
    return Set(types) == [.writeThrough, .writeBack] ? .writeThrough : .undefinedMix
  }

  private static func type(encoding: UInt64) -> MTRRType {
    [
      0: .uncacheable, 1: .writeCombining, 4: .writeThrough, 5: .writeProtected, 6: .writeBack,
    ][encoding] ?? .reserved
  }
}
