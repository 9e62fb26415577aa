// Every error of `take`, `protect` and `nextMapping` by name; each leaves memory as it was.

import Addressing
import PageTables
import TestSupport
import Testing

private let kib4 = PageSize.size4KiB.byteCount
private let mib2 = PageSize.size2MiB.byteCount
private let gib = PageSize.size1GiB.byteCount

@Suite struct ChangeErrorTests {
  /// Expects `error` from every operation on a range that has no use for physical addresses.
  private func expect(
    _ error: PageTableError, _ range: Range<UInt64>, on bench: Workbench,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    bench.expect(error, sourceLocation: sourceLocation) {
      try bench.take(range)
    }
    bench.expect(error, sourceLocation: sourceLocation) {
      try bench.protect(range) { $0.rights = .none }
    }
    if case .outOfFrames = error { return }
    bench.expect(error, sourceLocation: sourceLocation) {
      _ = try bench.table.reader.nextMapping(in: virtual(range))
    }
  }

  @Test func misalignedVirtual() throws {
    let bench = try Workbench()
    try bench.map(0..<gib, to: 0)
    expect(.misalignedVirtual(VirtualAddress(1)), 1..<kib4, on: bench)
    expect(.misalignedVirtual(VirtualAddress(kib4 + 8)), 0..<kib4 + 8, on: bench)
    expect(.misalignedVirtual(VirtualAddress(5)), 5..<5, on: bench)
  }

  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func notCanonical(mode: PagingMode) throws {
    let bench = try Workbench(mode)
    let lowerEnd = mode.addressWidth.lowerHalfEnd.rawValue
    let upper = mode.addressWidth.upperHalf.rawValue
    let ranges = [
      lowerEnd..<lowerEnd + kib4, lowerEnd - kib4..<lowerEnd + kib4, upper - kib4..<upper + kib4,
      lowerEnd - kib4..<upper + kib4, 0..<upper,
    ]
    for range in ranges {
      expect(.notCanonical(VirtualAddress(range.lowerBound)), range, on: bench)
    }
    // Each half can be named to its end.
    try bench.map(lowerEnd - gib..<lowerEnd, to: 0)
    try bench.protect(0..<lowerEnd) { $0.rights = .none }
    #expect(try bench.take(0..<lowerEnd).count == 1)
    #expect(try bench.take(upper..<0xffff_ffff_ffff_f000).isEmpty)
  }

  /// With each number of frames below the need nothing happens, with just enough it succeeds.
  @Test(arguments: [PagingMode.fourLevel, .fiveLevel])
  func outOfFrames(mode: PagingMode) throws {
    let cases: [(Range<UInt64>, Int)] = [
      (mib2 + kib4..<mib2 + 2 * kib4, 2), (kib4..<gib, 2), (mib2..<gib, 1),
      (kib4..<gib - kib4, 3), (kib4..<2 * gib - kib4, 4), (gib..<2 * gib + 9 * kib4, 1),
    ]
    for (range, needed) in cases {
      let bench = try Workbench(mode)
      try bench.map(0..<2 * gib, to: 0)
      try bench.map(2 * gib..<2 * gib + 2 * mib2, to: 0)
      for available in 0..<needed {
        bench.frames.supply = available
        let shortage = OutOfFrames(needed: needed, available: available)
        expect(.outOfFrames(shortage), range, on: bench)
      }
      bench.frames.supply = needed
      try bench.protect(range) { $0.rights = .none }
      #expect(bench.frames.supply == 0 && bench.frames.reservedCount == 0)
      // Split is split: to take it now needs no more.
      #expect(!(try bench.take(range)).isEmpty)
    }
  }
}
