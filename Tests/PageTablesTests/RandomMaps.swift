// Random mappings that meet: few regions, many sizes, both halves.

import Addressing
import Oracle
import PageTables
import TestSupport
import Testing

/// One call of `map`, in raw numbers.
struct MapRequest: CustomStringConvertible {
  var virtual: Range<UInt64>
  var physical: UInt64
  var property: PageProperty
  var largest: PageSize

  var description: String {
    let bounds = [virtual.lowerBound, virtual.upperBound, physical]
      .map { String($0, radix: 16) }
    return "\(bounds[0])..<\(bounds[1]) to \(bounds[2]), largest \(largest)"
  }

  /// A request of up to some GiB in one of six regions that top-level entries begin, end or split.
  static func random(_ mode: PagingMode, _ generator: inout SeededGenerator) -> MapRequest {
    let sizes: [PageSize] = [.size4KiB, .size2MiB, .size1GiB]
    let half = mode.addressWidth.upperHalf.rawValue
    let entry = mode.addressWidth.topLevelEntrySpan
    let regions = [
      0, 3 * entry - 1 << 32, mode.addressWidth.lowerHalfEnd.rawValue - 1 << 33,
      half, half + entry - 1 << 32, 0xffff_fffe_0000_0000,
    ].map { $0..<min($0, 0xffff_fffd_ffff_0000) + 1 << 33 }
    let congruent = sizes.randomElement(using: &generator)!
    let region = regions.randomElement(using: &generator)!
    let virtual = min(
      region.lowerBound + offset(below: 1 << 33, &generator), region.upperBound - 0x1000)
    let physical =
      offset(below: 1 << 36, &generator) & ~congruent.offsetMask | virtual & congruent.offsetMask
    // Ranges that only 4 KiB pages can map are kept short.
    let length = 0x1000 + offset(below: congruent == .size4KiB ? 1 << 23 : 1 << 32, &generator)
    let largest = congruent == .size4KiB ? sizes.randomElement(using: &generator)! : congruent
    return MapRequest(
      virtual: virtual..<virtual + min(length, region.upperBound - virtual), physical: physical,
      property: .random(&generator), largest: largest)
  }

  /// A multiple of 4 KiB, often one of 2 MiB or 1 GiB.
  private static func offset(below bound: UInt64, _ generator: inout SeededGenerator) -> UInt64 {
    let shifts: [UInt64] = [12, 21, 30].filter { 1 << $0 < bound }
    let shift = shifts.randomElement(using: &generator)!
    return UInt64.random(in: 0..<bound >> shift, using: &generator) << shift
  }
}

/// A sequence of mappings, some of them refused, and the table they made.
struct Scenario {
  let bench: Workbench
  var accepted: [MapRequest] = []
  var refused = 0
  let snapshot: Snapshot

  init(_ mode: PagingMode, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    bench = try Workbench(mode)
    for _ in 0..<40 {
      let request = MapRequest.random(mode, &generator)
      let image = bench.memory.image
      do {
        try bench.map(
          request.virtual, to: request.physical, request.property, largest: request.largest)
        #expect(!accepted.contains { $0.virtual.overlaps(request.virtual) }, "\(request)")
        #expect(bench.frames.reservedCount == 0, "\(request) reserved frames and left them")
        accepted.append(request)
      } catch .alreadyMapped(let address) {
        // What is refused meets an older mapping in the page that the error names.
        let start = address.rawValue
        #expect(request.virtual.contains(start), "\(request)")
        let rest = start..<request.virtual.upperBound
        let page = start..<start + min(UInt64(rest.count), request.largest.byteCount)
        #expect(accepted.contains { $0.virtual.overlaps(page) }, "\(request)")
        #expect(bench.memory.image == image, "\(request) failed and changed memory")
        refused += 1
      }
    }
    snapshot = bench.snapshot()
  }
}
