// Memory maps as plain values.

import Addressing
import BootInfo
import TestSupport

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

func normalised(
  _ reports: [Report], limit: UInt64 = 1 << 52
) throws(MemoryMapError) -> Outcome {
  var map = MemoryMap()
  try map.add(reports)
  try map.normalise(limit: limit)
  return Outcome(of: map)
}
