// Every error of `map` by name. Each failed call leaves memory byte for byte as it was, and takes
// no frame: `Workbench.expect` sees to it.

import Addressing
import PageTables
import TestSupport
import Testing

private let kib4 = PageSize.size4KiB.byteCount
private let mib2 = PageSize.size2MiB.byteCount
private let gib = PageSize.size1GiB.byteCount
private let upperHalf: UInt64 = 0xffff_8000_0000_0000

@Suite struct MapErrorTests {
  @Test func misalignedVirtualBounds() throws {
    let bench = try Workbench()
    for offset in [1, kib4 / 2, kib4 - 1] {
      bench.expect(.misalignedVirtual(VirtualAddress(mib2 + offset))) {
        try bench.map(mib2 + offset..<2 * mib2, to: 0)
      }
      bench.expect(.misalignedVirtual(VirtualAddress(mib2 + offset))) {
        try bench.map(0..<mib2 + offset, to: 0)
      }
    }
  }

  @Test func misalignedPhysical() throws {
    let bench = try Workbench()
    bench.expect(.misalignedPhysical(PhysicalAddress(0x800))) {
      try bench.map(0..<mib2, to: 0x800)
    }
  }

  /// Bits 47 to 63 must be alike on 4 levels; on 5 it is bits 56 to 63.
  @Test func notCanonicalOn4LevelsMayBeCanonicalOn5() throws {
    let narrow = try Workbench(.fourLevel)
    let wide = try Workbench(.fiveLevel)
    let starts: [UInt64] = [
      0x0000_8000_0000_0000, 0x0001_0000_0000_0000, 0xffff_0000_0000_0000, 0xff00_0000_0000_0000,
      0xffff_7fff_ffff_f000,
    ]
    for start in starts {
      narrow.expect(.notCanonical(VirtualAddress(start))) {
        try narrow.map(start..<start + kib4, to: 0)
      }
      #expect(throws: PageTableError.notCanonical(VirtualAddress(start))) {
        try narrow.query(start)
      }
      try wide.map(start..<start + kib4, to: 0)
      #expect(try wide.query(start)?.physical == PhysicalAddress(0))
    }
    let start: UInt64 = 0x0100_0000_0000_0000
    wide.expect(.notCanonical(VirtualAddress(start))) {
      try wide.map(start..<start + kib4, to: 0)
    }
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func aRangeEndsWhereItsHalfEnds(mode: PagingMode) throws {
    let lowerEnd = mode.addressWidth.lowerHalfEnd.rawValue
    let upper = mode.addressWidth.upperHalf.rawValue
    let bench = try Workbench(mode)
    let ranges: [Range<UInt64>] = [
      lowerEnd - kib4..<lowerEnd + kib4, lowerEnd - kib4..<upper + kib4,
      upper - kib4..<upper + kib4,
      lowerEnd - kib4..<upper,
    ]
    for range in ranges {
      bench.expect(.notCanonical(VirtualAddress(range.lowerBound))) {
        try bench.map(range, to: 0)
      }
    }
    try bench.map(lowerEnd - kib4..<lowerEnd, to: 0)
    try bench.map(upper..<upper + kib4, to: 0)
    try bench.map(0xffff_ffff_ffff_e000..<0xffff_ffff_ffff_f000, to: 0)
    #expect(bench.snapshot().leaves.count == 3)
  }

  @Test(arguments: [36, 39, 46, 52])
  func physicalAddressesEndAtTheWidth(width: Int) throws {
    let end: UInt64 = 1 << UInt64(width)
    let bench = try Workbench(physicalAddressWidth: width)
    for start in [end - mib2, end, end + gib, ~0xfff] {
      bench.expect(.physicalOutOfRange(PhysicalAddress(start))) {
        try bench.map(0..<mib2 + kib4, to: start)
      }
    }
    try bench.map(0..<mib2, to: end - mib2)
    #expect(bench.snapshot().translate(mib2 - 1)?.physical == end - mib2)
  }

  @Test func alreadyMappedAtEachLevelByEachSize() throws {
    // What is there (start, size), what is asked for (start, size), where they are said to meet.
    let here = upperHalf + 4 * gib
    let cases: [(UInt64, PageSize, UInt64, PageSize, UInt64)] = [
      (0, .size4KiB, 0, .size4KiB, 0),
      (0, .size2MiB, 0, .size2MiB, 0),
      (0, .size1GiB, 0, .size1GiB, 0),
      // Below a leaf.
      (0, .size2MiB, 5 * kib4, .size4KiB, 5 * kib4),
      (0, .size1GiB, 5 * kib4, .size4KiB, 5 * kib4),
      (0, .size1GiB, 5 * mib2, .size2MiB, 5 * mib2),
      // Over a table that holds a leaf somewhere.
      (7 * kib4, .size4KiB, 0, .size2MiB, 0),
      (7 * kib4, .size4KiB, 0, .size1GiB, 0),
      (7 * mib2, .size2MiB, 0, .size1GiB, 0),
    ]
    for (oldStart, oldSize, newStart, newSize, meeting) in cases {
      let bench = try Workbench()
      let old = here + oldStart
      let new = here + newStart
      try bench.map(old..<old + oldSize.byteCount, to: 0, largest: oldSize)
      bench.expect(.alreadyMapped(VirtualAddress(here + meeting))) {
        try bench.map(new..<new + newSize.byteCount, to: gib, largest: newSize)
      }
    }
  }

  /// The beginning would fit, and the mapping meets another one later: in the same table, in the
  /// next table, and in each of the five runs of a mixed range.
  @Test func alreadyMappedAfterABeginningThatFits() throws {
    let start = upperHalf + gib - mib2 - kib4
    let end = upperHalf + 3 * gib + mib2 + 2 * kib4
    let meetings: [(UInt64, UInt64)] = [
      (start, start), (upperHalf + gib - mib2, upperHalf + gib - mib2),
      (upperHalf + gib - kib4, upperHalf + gib - mib2), (upperHalf + gib, upperHalf + gib),
      (upperHalf + 2 * gib + 9 * mib2, upperHalf + 2 * gib),
      (upperHalf + 3 * gib + kib4, upperHalf + 3 * gib), (end - 2 * kib4, end - 2 * kib4),
      (end - kib4, end - kib4),
    ]
    for (old, meeting) in meetings {
      let bench = try Workbench()
      try bench.map(old..<old + kib4, to: 0)
      bench.expect(.alreadyMapped(VirtualAddress(meeting))) {
        try bench.map(start..<end, to: 5 * gib - mib2 - kib4)
      }
      #expect(bench.frames.reserveCount == 2)
    }
  }

  @Test func aNeighbourIsNotInTheWay() throws {
    let bench = try Workbench()
    try bench.map(upperHalf + mib2..<upperHalf + 2 * mib2, to: 0)
    try bench.map(upperHalf + kib4..<upperHalf + mib2, to: kib4)
    try bench.map(upperHalf + 2 * mib2..<upperHalf + 3 * mib2, to: 0, .kernel(.none))
    #expect(bench.snapshot().runs.map(\.byteCount) == [mib2 - kib4, mib2, mib2])
  }

  /// One range that is wrong in every way: bounds are named first, what is in the way last.
  @Test func theFirstErrorIsTheOneNamed() throws {
    let bench = try Workbench(physicalAddressWidth: 36)
    try bench.map(0..<kib4, to: 0)
    bench.frames.supply = 0
    bench.expect(.misalignedVirtual(VirtualAddress(1 << 50 | 1))) {
      try bench.map(1 << 50 | 1..<1 << 51, to: 1 << 52 | 1)
    }
    bench.expect(.notCanonical(VirtualAddress(1 << 50))) {
      try bench.map(1 << 50..<1 << 51, to: 1 << 52 | 1)
    }
    bench.expect(.misalignedPhysical(PhysicalAddress(1 << 52 | 1))) {
      try bench.map(0..<gib, to: 1 << 52 | 1)
    }
    bench.expect(.physicalOutOfRange(PhysicalAddress(1 << 52))) {
      try bench.map(0..<gib, to: 1 << 52)
    }
    bench.expect(.alreadyMapped(VirtualAddress(0))) {
      try bench.map(0..<gib, to: gib)
    }
    bench.expect(.outOfFrames(OutOfFrames(needed: 1, available: 0))) {
      try bench.map(mib2..<mib2 + kib4, to: 0)
    }
  }
}
