// Free ranges as a plain list, searched from its start: what the allocators of ranges are compared with.

/// The reference: the free ranges, sorted, searched from the first to the last.
package struct FreeList {
  package var free: [Range<UInt64>]

  package init(free: [Range<UInt64>]) { self.free = free }

  package func lowestFit(_ count: UInt64, order: UInt64, at index: UInt64) -> UInt64? {
    let unit: UInt64 = 1 << order
    for range in free {
      // The first number from here on that may be the first: it lacks `index` to a multiple.
      let lacking = (unit - (range.lowerBound + index) % unit) % unit
      let place = range.lowerBound + lacking
      if place + count <= range.upperBound { return place }
    }
    return nil
  }

  package mutating func take(_ taken: Range<UInt64>) {
    let position = free.firstIndex {
      $0.lowerBound <= taken.lowerBound && $0.contains(taken.lowerBound)
    }!
    let whole = free[position]
    free.replaceSubrange(
      position...position,
      with: [whole.lowerBound..<taken.lowerBound, taken.upperBound..<whole.upperBound]
        .filter { !$0.isEmpty })
  }

  package mutating func giveBack(_ range: Range<UInt64>) {
    let position = free.firstIndex { $0.lowerBound > range.lowerBound } ?? free.count
    free.insert(range, at: position)
    for lower in [position, position - 1] where lower >= 0 && lower + 1 < free.count {
      guard free[lower].upperBound == free[lower + 1].lowerBound else { continue }
      free[lower] = free[lower].lowerBound..<free[lower + 1].upperBound
      free.remove(at: lower + 1)
    }
  }
}
