// Sets of addresses as sorted, disjoint ranges: what the promise checks and tests compare.

public struct AddressSet {
  public let ranges: [Range<UInt64>]

  public init(_ parts: [Range<UInt64>]) {
    var merged: [Range<UInt64>] = []
    let sorted = parts.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
    for part in sorted {
      if let last = merged.last, part.lowerBound <= last.upperBound {
        merged[merged.count - 1] =
          last.lowerBound..<max(last.upperBound, part.upperBound)
      } else {
        merged.append(part)
      }
    }
    ranges = merged
  }

  public func intersection(_ other: AddressSet) -> [Range<UInt64>] {
    var common: [Range<UInt64>] = []
    var mine = 0
    var theirs = 0
    while mine < ranges.count, theirs < other.ranges.count {
      let overlap = ranges[mine].clamped(to: other.ranges[theirs])
      if !overlap.isEmpty { common.append(overlap) }
      if ranges[mine].upperBound < other.ranges[theirs].upperBound {
        mine += 1
      } else {
        theirs += 1
      }
    }
    return common
  }

  public func subtracting(_ other: AddressSet) -> [Range<UInt64>] {
    let gaps = zip([0] + other.ranges.map(\.upperBound), other.ranges.map(\.lowerBound) + [.max])
    return intersection(AddressSet(gaps.map { $0..<$1 }))
  }
}

func hex(_ range: Range<UInt64>) -> String { "\(hex(range.lowerBound))..<\(hex(range.upperBound))" }
