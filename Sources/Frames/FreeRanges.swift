import Addressing
import PageTables

// Which numbers are free: the frames of the machine, or the pages of a window. A set of ranges that
// neither overlap nor touch: what is added is joined with its neighbours at once.
//
//     insert  |----|                  |----|
//                   |xxxxxxxxxxxxxxxx|           ---->   |--------------------------|
//
// All in O(log n) expected, n the number of ranges: see RangeTree.

/// A set of free numbers, in ranges as long as can be.
public struct FreeRanges<Memory: PhysicalMemory>: ~Copyable {
  private var tree: RangeTree<Memory>
  var spare = SpareNodes()

  /// The count of all free numbers.
  public private(set) var count: UInt64 = 0

  /// A set without numbers and without room for nodes.
  public init(memory: Memory) { tree = RangeTree(memory: memory) }

  /// The nodes that are left. `insert` and `remove` take one at most.
  public var spareCount: Int { spare.count }

  /// The frames that were lent.
  public var lentFrameCount: Int { spare.frameCount }

  /// Lends a frame for 64 nodes. It stays lent.
  public mutating func lend(_ frame: PhysicalAddress) {
    spare.add(frame: frame, in: tree.memory)
  }

  /// The length of the longest range.
  public var longest: UInt64 { tree.longest(below: tree.root) }

  /// Adds `range`, joined with the ranges it touches.
  ///
  /// - Precondition: none of it is in the set, and a node is spare.
  public mutating func insert(_ range: Range<UInt64>) {
    switch (find(range.lowerBound &- 1), find(range.upperBound)) {
    case (let below?, let above?):
      erase(above.lowerBound)
      tree.resize(below.lowerBound, to: below.lowerBound..<above.upperBound)
    case (let below?, nil):
      tree.resize(below.lowerBound, to: below.lowerBound..<range.upperBound)
    case (nil, let above?):
      tree.resize(above.lowerBound, to: range.lowerBound..<above.upperBound)
    case (nil, nil):
      add(range)
    }
    count += range.length
  }

  /// Takes `range` out.
  ///
  /// - Precondition: all of it is in the set, and a node is spare.
  public mutating func remove(_ range: Range<UInt64>) {
    guard let whole = find(range.lowerBound), whole.upperBound >= range.upperBound else {
      preconditionFailure()
    }
    if range == whole {
      erase(whole.lowerBound)
    } else if range.lowerBound == whole.lowerBound {
      tree.resize(whole.lowerBound, to: range.upperBound..<whole.upperBound)
    } else {
      tree.resize(whole.lowerBound, to: whole.lowerBound..<range.lowerBound)
      if range.upperBound < whole.upperBound { add(range.upperBound..<whole.upperBound) }
    }
    count -= range.length
  }

  private mutating func add(_ range: Range<UInt64>) {
    tree.add(range, as: spare.take(from: tree.memory))
  }

  private mutating func erase(_ start: UInt64) {
    spare.add(tree.erase(start), in: tree.memory)
  }

  /// The range that holds `number`.
  public func find(_ number: UInt64) -> Range<UInt64>? {
    let node = tree.find(number)
    return node == .none ? nil : tree.range(node)
  }

  /// The lowest place for `count` numbers within `bounds`, of which the number at `index` (or, past
  /// the last one, the number that would be there) is a multiple of 2^`order`.
  public func lowestFit(
    _ count: UInt64, order: UInt64, at index: UInt64 = 0, in bounds: Range<UInt64>
  ) -> UInt64? {
    precondition(count > 0 && order < 64)
    // An aligned block of this order lies within any place that fits.
    let aligned = index < count ? count - index : 1
    let blockOrder = min(order, UInt64(63 - aligned.leadingZeroBitCount))
    return lowestFit(count, order, index, blockOrder, bounds, below: tree.root)
  }

  private func lowestFit(
    _ count: UInt64, _ order: UInt64, _ index: UInt64, _ blockOrder: UInt64,
    _ bounds: Range<UInt64>, below node: RangeNode
  ) -> UInt64? {
    guard node != .none, tree.longest(below: node) >= count,
      tree.bestOrder(below: node) >= blockOrder
    else { return nil }
    let range = tree.range(node)
    if range.lowerBound > bounds.lowerBound,
      let place = lowestFit(count, order, index, blockOrder, bounds, below: tree[node, .left])
    {
      return place
    }
    let usable = range.clamped(to: bounds)
    let mask: UInt64 = (1 << order) - 1
    let (sum, overflow) = usable.lowerBound.addingReportingOverflow(index & mask + mask)
    let place = sum & ~mask &- index & mask
    if !overflow, place < usable.upperBound, usable.upperBound - place >= count { return place }
    guard range.upperBound < bounds.upperBound else { return nil }
    return lowestFit(count, order, index, blockOrder, bounds, below: tree[node, .right])
  }
}
