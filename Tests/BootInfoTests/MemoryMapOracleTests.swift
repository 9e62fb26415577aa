// The sweep against a second normaliser.

import Addressing
import BootInfo
import TestSupport
import Testing

private typealias Oracle = PlainMemoryMap

@Suite struct MemoryMapOracleTests {
  private static let firmware: [RegionKind] = [
    .unusable, .framebuffer, .reserved, .nvs, .acpi, .persistent, .bootInformation,
  ]

  /// Reports in quarter pages. Every other map has an image in it, which often is not in RAM.
  private func randomReports(_ random: inout SeededGenerator) -> [Report] {
    func report(_ kind: RegionKind, longest: Int) -> Report {
      let quarters = Oracle.pageCount * 4
      let start = Int.random(in: 0..<quarters, using: &random)
      let end = min(quarters, start + Int.random(in: 0...longest, using: &random))
      return Report(UInt64(start) * Oracle.quarter, UInt64(end) * Oracle.quarter, kind)
    }
    var reports: [Report] = []
    for _ in 0..<Int.random(in: 0...6, using: &random) {
      reports.append(report(.usable, longest: 90))
    }
    for _ in 0..<Int.random(in: 0...6, using: &random) {
      reports.append(report(Self.firmware.randomElement(using: &random)!, longest: 20))
    }
    if Bool.random(using: &random) {
      reports.append(report(.kernel, longest: 12))
      reports.append(report(.module, longest: 6))
    }
    return reports.shuffled(using: &random)
  }

  private func randomLimit(_ random: inout SeededGenerator) -> UInt64 {
    UInt64.random(in: 20...UInt64(Oracle.pageCount * 2), using: &random) * 4096
  }

  @Test func agreesWithOracle() throws {
    var random = SeededGenerator(seed: 1)
    var (good, bad) = (0, 0)
    for _ in 0..<4000 {
      let reports = randomReports(&random)
      let limit = randomLimit(&random)
      let oracle = Oracle(reports, limit: limit)
      do throws(MemoryMapError) {
        let outcome = try normalised(reports, limit: limit)
        #expect(oracle.errors == [] && outcome == oracle.outcome, "\(reports), limit \(limit)")
        good += 1
      } catch {
        #expect(oracle.errors.contains(error), "\(reports), limit \(limit)")
        bad += 1
      }
    }
    #expect(good > 1000 && bad > 1000)
  }

  @Test func orderDoesNotMatter() throws {
    var random = SeededGenerator(seed: 2)
    for _ in 0..<500 {
      let reports = randomReports(&random)
      let limit = randomLimit(&random)
      func result(_ reports: [Report]) -> Result<Outcome, MemoryMapError> {
        Result { () throws(MemoryMapError) in try normalised(reports, limit: limit) }
      }
      let first = result(reports)
      for _ in 0..<3 { #expect(result(reports.shuffled(using: &random)) == first) }
    }
  }

  @Test func sortedDisjointMergedAndConserved() throws {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<500 {
      guard let outcome = try? normalised(randomReports(&random)) else { continue }
      for (left, right) in zip(outcome.regions, outcome.regions.dropFirst()) {
        #expect(left.end < right.start || left.end == right.start && left.kind != right.kind)
      }
      for region in outcome.regions {
        #expect(region.start < region.end && (region.start | region.end) % 4096 == 0)
      }
    }
    // What is added without overlaps comes out, byte for byte, kind for kind.
    for _ in 0..<500 {
      var reports: [Report] = []
      var sums: [RegionKind: UInt64] = [:]
      var page: UInt64 = 0
      while page < 400 {
        let end = page + .random(in: 1...20, using: &random)
        let kind = ([.usable] + Self.firmware.dropLast()).randomElement(using: &random)!
        reports.append(Report(page * 4096, end * 4096, kind))
        sums[kind, default: 0] += (end - page) * 4096
        page = end + .random(in: 0...3, using: &random)
      }
      var map = MemoryMap()
      try map.add(reports.shuffled(using: &random))
      do { try map.normalise(limit: 1 << 52) } catch { continue }
      for (kind, sum) in sums { #expect(map.byteCount(of: kind) == sum) }
    }
  }

  @Test func normalisingTwiceChangesNothing() throws {
    var random = SeededGenerator(seed: 5)
    var carved = 0
    for _ in 0..<1500 {
      var map = MemoryMap()
      try map.add(randomReports(&random))
      let limit = randomLimit(&random)
      do { try map.normalise(limit: limit) } catch { continue }
      let once = Outcome(of: map)
      try map.normalise(limit: limit)
      #expect(Outcome(of: map) == once)
      if once.regions.contains(where: { $0.kind == .kernel }) { carved += 1 }
    }
    #expect(carved > 50)
  }

  /// Restricting a normalised map gives what restricting it from the start would have given.
  @Test func addingAfterNormalising() throws {
    var random = SeededGenerator(seed: 6)
    var compared = 0
    for _ in 0..<1500 {
      let reports = randomReports(&random)
      let later = Report(0x8000, 0x8000 + .random(in: 1...0x9000, using: &random), .reserved)
      let atOnce = try? normalised(reports + [later])
      var map = MemoryMap()
      try map.add(reports)
      do { try map.normalise(limit: 1 << 52) } catch { continue }
      try map.add([later])
      do {
        try map.normalise(limit: 1 << 52)
        #expect(Outcome(of: map) == atOnce)
        compared += 1
      } catch {
        #expect(atOnce == nil)
      }
    }
    #expect(compared > 300)
  }
}
