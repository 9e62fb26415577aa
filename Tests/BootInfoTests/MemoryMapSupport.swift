// Memory maps as plain values, and random numbers that are the same on every run.

import Addressing
import BootInfo
import TestSupport

/// A report for a memory map, or a region of one.
struct Report: Equatable {
  var start: UInt64
  var end: UInt64
  var kind: RegionKind

  init(_ start: UInt64, _ end: UInt64, _ kind: RegionKind) {
    (self.start, self.end, self.kind) = (start, end, kind)
  }
}

/// A normalised map as plain values.
struct Outcome: Equatable {
  var regions: [Report] = []
  var ramLeftOut: UInt64 = 0

  init(regions: [Report], ramLeftOut: UInt64) {
    (self.regions, self.ramLeftOut) = (regions, ramLeftOut)
  }

  init(of map: borrowing MemoryMap) {
    for index in 0..<map.count {
      let region = map[index]
      regions.append(
        Report(region.range.lowerBound.rawValue, region.range.upperBound.rawValue, region.kind))
    }
    ramLeftOut = map.ramLeftOut
  }
}

extension MemoryMap {
  mutating func add(_ reports: [Report]) throws(MemoryMapError) {
    for report in reports {
      try add(start: report.start, byteCount: report.end - report.start, kind: report.kind)
    }
  }

  mutating func normalise(limit: UInt64 = 1 << 52) throws(MemoryMapError) {
    try normalise(limit: PhysicalAddress(limit))
  }
}

func normalised(
  _ reports: [Report], limit: UInt64 = 1 << 52
) throws(MemoryMapError) -> Outcome {
  var map = MemoryMap()
  try map.add(reports)
  try map.normalise(limit: limit)
  return Outcome(of: map)
}

/// SplitMix64: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
