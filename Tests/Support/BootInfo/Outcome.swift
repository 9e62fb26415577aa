// Memory maps as plain values.

import Addressing
import BootInfo

/// A normalised map as plain values.
package struct Outcome: Equatable {
  package var regions: [Report] = []
  package var ramLeftOut: UInt64 = 0

  package init(regions: [Report], ramLeftOut: UInt64) {
    (self.regions, self.ramLeftOut) = (regions, ramLeftOut)
  }

  package init(of map: borrowing MemoryMap) {
    for index in 0..<map.count {
      let region = map[index]
      regions.append(
        Report(region.range.lowerBound.rawValue, region.range.upperBound.rawValue, region.kind))
    }
    ramLeftOut = map.ramLeftOut
  }
}

package func normalised(
  _ reports: [Report], limit: UInt64 = 1 << 52
) throws(MemoryMapError) -> Outcome {
  var map = MemoryMap()
  try map.add(reports)
  try map.normalise(limit: limit)
  return Outcome(of: map)
}
