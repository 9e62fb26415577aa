// Made-up MTRRs.

import KernelSpace

/// MSRs by number, as a CPU of `width` physical address bits would hold them.
public struct Registers: Sendable {
  public var values: [UInt32: UInt64]
  public let width: Int

  /// The fixed ranges of 0–0xA0000, 0xA0000–0xC0000 and 0xC0000–1 MiB, each register alike.
  public struct Fixed: Sendable {
    let low, video, roms: UInt64

    public init(low: UInt64, video: UInt64, roms: UInt64) {
      (self.low, self.video, self.roms) = (low, video, roms)
    }
  }

  public init(values: [UInt32: UInt64], width: Int) {
    self.values = values
    self.width = width
  }

  /// Enabled MTRRs with valid variable ranges of these types, masks and bases.
  public init(
    width: Int, defaultType: UInt64, variable: [(type: UInt64, mask: UInt64, base: UInt64)],
    fixed: Fixed? = nil
  ) {
    self.width = width
    values = [0xfe: UInt64(variable.count), 0x2ff: 0x800 | defaultType]
    for (index, range) in variable.enumerated() {
      values[0x200 + 2 * UInt32(index)] = range.base | range.type
      values[0x201 + 2 * UInt32(index)] = range.mask | 0x800
    }
    guard let fixed else { return }
    values[0xfe]! |= 0x100
    values[0x2ff]! |= 0x400
    for number in [0x250, 0x258] as [UInt32] { values[number] = fixed.low }
    values[0x259] = fixed.video
    for number in 0x268...0x26f as ClosedRange<UInt32> { values[number] = fixed.roms }
  }

  /// What Highland makes of them. Traps where it reads one that does not exist.
  public func decoded(
    areSupported: Bool = true, hasTopOfMemory2: Bool = false
  ) throws(MemoryTypeRangesError) -> MemoryTypeRanges {
    try MemoryTypeRanges(
      areSupported: areSupported, hasTopOfMemory2: hasTopOfMemory2, physicalAddressWidth: width
    ) { number in
      guard let value = values[number] else { preconditionFailure("MSR \(number) does not exist") }
      return value
    }
  }
}
