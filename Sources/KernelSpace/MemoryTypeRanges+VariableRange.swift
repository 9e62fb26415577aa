// One valid pair of variable-range MTRRs, and where it starts and stops to match. An address
// matches when it agrees with the base in every bit of the mask (SDM volume 3, 12.11.3):
//
//     mask     1 1 1 1 . . . . . . . .     contiguous: one stretch of addresses
//     base     0 0 1 0 . . . . . . . .
//
//     mask     1 1 1 . . 1 1 . . . . .     with holes: one stretch for each value of the free
//     base     0 1 0 . . 0 1 . . . . .     bits above the lowest mask bit; legal, if rare

struct VariableRange: Sendable, BitwiseCopyable {
  private var base: UInt64 = 0
  private var mask: UInt64 = 0
  private(set) var type = MTRRType.uncacheable

  init() {}

  /// Decodes IA32_MTRR_PHYSBASEn and IA32_MTRR_PHYSMASKn.
  init(base: UInt64, mask: UInt64, addressWidth: Int) {
    // The bits above the width are reserved in both; no address has them. In the mask they count
    // as ones, so that nothing matches past the width and a range does not start over there.
    let pastWidth = UInt64.max << UInt64(addressWidth)
    let pageBits = ~pastWidth & ~0xfff
    self.mask = mask & pageBits | pastWidth
    self.base = base & mask & pageBits
    type = MTRRType(encoding: UInt8(truncatingIfNeeded: base))
  }

  func covers(_ address: UInt64) -> Bool { address & mask == base }

  /// The first address above `address` that is covered if `address` is not, or not if it is;
  /// 2^64 - 1 when there is none.
  func nextChange(after address: UInt64) -> UInt64 {
    let differing = (address ^ base) & mask
    if differing == 0 {
      // The mask's lowest bit is the first to change, one past the free bits below it.
      let last = address | (~mask & (mask &- 1))
      return last == .max ? .max : last + 1
    }
    // Below the highest bit that differs, the lowest choice is the base itself, free bits zero.
    let below = UInt64.max >> UInt64(differing.leadingZeroBitCount)
    var free = address & ~below
    if base & differing < address & differing {
      // The address is past the base there: count up in the free bits above. With ones in all
      // the others, the carry passes over them.
      let (next, overflow) = (address | mask | below).addingReportingOverflow(1)
      if overflow { return .max }
      free = next
    }
    return free & ~mask | base
  }
}
