import Addressing

// How a virtual address finds its way: nine bits choose the entry in the table of each level.
//
//      63    57 56   48 47   39 38   30 29   21 20   12 11       0
//     +--------+-------+-------+-------+-------+-------+----------+
//     |  sign  |level 5|level 4|level 3|level 2|level 1|  offset  |
//     +--------+-------+-------+-------+-------+-------+----------+

extension VirtualAddress {
  /// The number of the entry that translates this address in a table of `level`.
  public func index(atLevel level: Int) -> Int {
    Int(truncatingIfNeeded: rawValue &>> VirtualAddress.shift(atLevel: level) & 511)
  }

  /// The number of address bits below the index of `level`: what one of its entries spans.
  static func shift(atLevel level: Int) -> UInt64 {
    UInt64(truncatingIfNeeded: 3 &+ 9 &* level)
  }

  /// The addresses that the table of `level` on this address's way translates.
  func tableSpan(atLevel level: Int) -> Range<VirtualAddress> {
    let size: UInt64 = 1 &<< VirtualAddress.shift(atLevel: level + 1)
    let start = VirtualAddress(rawValue & ~(size - 1))
    // The topmost table ends at 2^64, which is no address; what is mapped ends lower.
    let (end, overflow) = start.rawValue.addingReportingOverflow(size)
    return start..<VirtualAddress(overflow ? .max : end)
  }
}

extension Range<VirtualAddress> {
  /// Whether one table of `level` spans this range, which is not empty.
  func isInOneTable(ofLevel level: Int) -> Bool {
    let difference = lowerBound.rawValue ^ (upperBound.rawValue &- 1)
    return difference &>> VirtualAddress.shift(atLevel: level &+ 1) == 0
  }

  /// The entries that this range, within one table of `level`, takes up there.
  func indices(atLevel level: Int) -> Range<Int> {
    let first = lowerBound.index(atLevel: level)
    return first..<(upperBound - 1).index(atLevel: level) + 1
  }

  /// Where the span of the entry `index` starts, for an index of this range.
  func address(ofIndex index: Int, atLevel level: Int) -> VirtualAddress {
    let span: UInt64 = 1 &<< VirtualAddress.shift(atLevel: level)
    let start = VirtualAddress(lowerBound.rawValue & ~(span - 1))
    return start + UInt64(index - lowerBound.index(atLevel: level)) * span
  }
}

extension PagingMode {
  /// Refuses bounds inside a page, and ranges that the CPU can't address or that span both halves.
  @inline(__always)
  func check(_ virtual: Range<VirtualAddress>) throws(PageTableError) {
    let first = virtual.lowerBound
    let last = VirtualAddress(virtual.upperBound.rawValue &- 1)
    // An address is canonical like its neighbours with the same sign bits.
    let signBits = (first.rawValue ^ last.rawValue) &>> UInt64(addressWidth.rawValue &- 1)
    guard first.isAligned(to: .size4KiB), virtual.upperBound.isAligned(to: .size4KiB),
      signBits == 0, first.isCanonical(in: addressWidth)
    else { return try explain(virtual) }
  }

  /// What is wrong with a range, if it is not just empty.
  @inline(never)
  private func explain(_ virtual: Range<VirtualAddress>) throws(PageTableError) {
    guard virtual.lowerBound.isAligned(to: .size4KiB) else {
      throw .misalignedVirtual(virtual.lowerBound)
    }
    guard virtual.upperBound.isAligned(to: .size4KiB) else {
      throw .misalignedVirtual(virtual.upperBound)
    }
    guard virtual.isEmpty else { throw .notCanonical(virtual.lowerBound) }
  }
}
