// Memory maps as plain values.

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
