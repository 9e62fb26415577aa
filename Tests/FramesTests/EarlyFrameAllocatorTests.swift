// Early frames against a list of all frames there may be, made page by page from the reports.

import Addressing
import BootInfo
import Frames
import PageTables
import TestSupport
import Testing

private let oneMiB: UInt64 = 0x10_0000
private let fourGiB: UInt64 = 0x1_0000_0000

/// An allocator of the usable regions, as many as there is room for.
private func allocator(_ reports: [Report], room: Int = 1024) throws -> EarlyFrameAllocator<
  SimulatedMemory
> {
  let map = try MemoryMap(reports)
  let memory = SimulatedMemory(
    from: PhysicalAddress(0), byteCount: 4 << 30, handsOutOnUse: true)
  var frames = EarlyFrameAllocator(
    unsafeStorage: hostStorage(room * EarlyFrameAllocator<SimulatedMemory>.bytesPerRange),
    of: memory)
  for index in 0..<map.count where map[index].kind == .usable { frames.add(map[index].range) }
  return frames
}

/// The frames that reports without overlaps allow, lowest first.
private func allowedFrames(_ reports: [Report]) -> [UInt64] {
  reports.filter { $0.kind == .usable }.sorted { $0.start < $1.start }.flatMap { report in
    let first = (max(report.start, oneMiB) + 0xfff) / 0x1000
    let end = min(report.end, fourGiB) / 0x1000
    return first < end ? (first..<end).map { $0 * 0x1000 } : []
  }
}

extension EarlyFrameAllocator {
  fileprivate mutating func take(_ count: Int) throws -> [UInt64] {
    try reserve(count)
    return (0..<count).map { _ in takeFrame().rawValue }
  }

  /// All that is not free, frame by frame: the trampoline first, if there is one.
  fileprivate var usedFrames: [UInt64] {
    var frames: [UInt64] = []
    forEachUsedRange { range in
      frames += stride(from: range.lowerBound.rawValue, to: range.upperBound.rawValue, by: 0x1000)
    }
    return frames
  }
}

@Suite struct EarlyFrameAllocatorTests {
  /// Takes all of it in batches of random size: the order and the sums.
  private func expectAllAllowedFrames(of reports: [Report], seed: UInt64 = 1) throws {
    var random = SeededGenerator(seed: seed)
    let allowed = allowedFrames(reports)
    var frames = try allocator(reports.shuffled(using: &random))
    var taken = 0
    while taken < allowed.count {
      let rest = allowed.count - taken
      #expect(frames.available == rest && frames.taken == taken)
      let batch = try frames.take(min(rest, Int.random(in: 0...40, using: &random)))
      #expect(batch == Array(allowed[taken...].prefix(batch.count)))
      taken += batch.count
      let trampoline = frames.trampoline.map { [$0.rawValue] } ?? []
      #expect(frames.usedFrames == trampoline + allowed.prefix(taken))
    }
    #expect(frames.available == 0 && frames.taken == allowed.count)
    #expect(throws: OutOfFrames(needed: 1, available: 0)) { try frames.reserve(1) }
  }

  @Test func regionsAcrossTheBounds() throws {
    let reports = [
      Report(0, 0xf_e000, .usable), Report(0xf_e000, oneMiB + 0x3000, .usable),
      Report(oneMiB + 0x5000, oneMiB + 0x6000, .usable), Report(0x4000_0000, 0x4000_1000, .module),
      Report(0x4000_0000, 0x4000_3000, .usable), Report(0x5000_0000, 0x5000_9000, .acpi),
      Report(fourGiB - 0x4000, fourGiB + 0x4000, .usable),
      Report(1 << 40, 1 << 41, .usable),
    ]
    var frames = try allocator(reports)
    #expect(frames.available == 10 && frames.taken == 0)
    #expect(
      try frames.take(10) == [
        0x10_0000, 0x10_1000, 0x10_2000, 0x10_5000, 0x4000_1000, 0x4000_2000,
        0xffff_c000, 0xffff_d000, 0xffff_e000, 0xffff_f000,
      ])
    #expect(frames.available == 0 && frames.taken == 10)
  }

  /// Regions of all kinds and of up to 90 pages, with holes, some around 1 MiB and around 4 GiB.
  @Test(arguments: 0..<12)
  func randomRegions(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let kinds: [RegionKind] = [.usable, .usable, .usable, .reserved, .acpi, .nvs, .unusable]
    var reports: [Report] = []
    for base in [oneMiB - 0x8_0000, 0x7000_0000, fourGiB - 0x8_0000] {
      var start = base
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        let end = start + 0x1000 * .random(in: 1...90, using: &random)
        reports.append(Report(start, end, kinds.randomElement(using: &random)!))
        start = end + 0x1000 * .random(in: 0...2, using: &random)
      }
    }
    // Somewhere it must be usable, or there is no map.
    reports.append(Report(0x2000_0000, 0x2000_0000 + 0x1000 * (seed + 1), .usable))
    try expectAllAllowedFrames(of: reports, seed: seed)
  }

  @Test func aThousandRegions() throws {
    let reports = (0..<1000 as Range<UInt64>).map { index in
      let start = oneMiB + 0x10_0000 * index
      return Report(start, start + 0x1000 * (1 + index % 3), .usable)
    }
    try expectAllAllowedFrames(of: reports)
  }

  @Test func noFramesAtAll() throws {
    try expectAllAllowedFrames(
      of: [
        Report(0, oneMiB, .usable), Report(oneMiB, fourGiB, .reserved),
        Report(fourGiB, 2 * fourGiB, .usable),
      ])
  }

  /// Ranges that hold no frame take no room.
  @Test func aRangeWithoutRoomStaysOut() throws {
    let reports =
      [Report(0, oneMiB, .usable)]
      + [2, 4, 6].map { Report($0 * oneMiB, $0 * oneMiB + 0x3000, .usable) }
    var frames = try allocator(reports, room: 2)
    #expect(frames.available == 6)
    #expect(try frames.take(6).last == 4 * oneMiB + 0x2000)
    #expect(throws: OutOfFrames(needed: 1, available: 0)) { try frames.reserve(1) }
    frames = try allocator(reports, room: 0)
    #expect(frames.available == 0 && frames.trampoline != nil)
  }

  @Test func reserveIsAllOrNothing() throws {
    var frames = try allocator([
      Report(oneMiB, oneMiB + 0x5000, .usable), Report(0x8000_0000, 0x8000_2000, .usable),
    ])
    #expect(throws: OutOfFrames(needed: 8, available: 7)) { try frames.reserve(8) }
    #expect(throws: OutOfFrames(needed: .max, available: 7)) { try frames.reserve(.max) }
    #expect(frames.available == 7 && frames.taken == 0)
    try frames.reserve(7)
    #expect(frames.available == 7 && frames.taken == 0)
    #expect(try frames.take(6).count == 6)
    #expect(throws: OutOfFrames(needed: 2, available: 1)) { try frames.reserve(2) }
    #expect(try frames.take(1) == [0x8000_1000])
    #expect(throws: OutOfFrames(needed: 1, available: 0)) { try frames.reserve(1) }
    try frames.reserve(0)
  }

  /// More than was reserved is not given, though it is there.
  @Test func takingWithoutReservingTraps() async {
    await #expect(processExitsWith: .failure) {
      var frames = try allocator([Report(oneMiB, 2 * oneMiB, .usable)])
      try frames.reserve(1)
      _ = frames.takeFrame()
      _ = frames.takeFrame()
    }
  }

  @Test func theTrampolineIsTheHighestFrameBelow1MiB() throws {
    let high = Report(2 * oneMiB, 4 * oneMiB, .usable)
    let cases: [([Report], UInt64?)] = [
      ([Report(0, 0x9_fc00, .usable), Report(0x9_fc00, 0xa_0000, .reserved)], 0x9_e000),
      ([Report(0, 0xa_0000, .usable), Report(0xc_0000, 0xd_0000, .usable)], 0xc_f000),
      ([Report(0x9_0000, 3 * oneMiB, .usable)], 0xf_f000),
      ([Report(0, 0x2000, .usable)], 0x1000), ([Report(0x1800, 0x3000, .usable)], 0x2000),
      // Frame 0 is nobody's, and what is no whole page is no frame.
      ([Report(0, 0x1000, .usable)], nil), ([Report(0x1800, 0x2fff, .usable)], nil),
      ([Report(0, 0xa_0000, .acpi)], nil), ([], nil),
    ]
    for (reports, expected) in cases {
      var frames = try allocator(reports + [high])
      #expect(frames.trampoline?.rawValue == expected, "\(reports)")
      // It stays kept: no frame is ever taken below 1 MiB.
      #expect(try frames.take(frames.available).allSatisfy { $0 >= oneMiB })
    }
  }
}
