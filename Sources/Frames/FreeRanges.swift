import Addressing
import PageTables

// Which numbers are free: the frames of the machine, or the pages of a window. A set of ranges that
// neither overlap nor touch, kept in a search tree that also knows, below each node, the longest
// range and the best aligned one; so a search for room goes straight to the lowest place that fits.
//
// The tree is a treap: a node's rank is a fixed hash of where it lies, no node ranks above its
// parent, and so the tree's shape is that of a random one, whatever order the ranges come in. That
// makes every operation O(log n) expected, n the number of ranges.
//
// A node is 64 bytes of a frame that the owner lends, found by its physical address:
//
//     word   0       1     2      3       4         5
//          +-------+-----+------+-------+---------+-------------+--------+
//          | start | end | left | right | longest | best order  | unused |
//          +-------+-----+------+-------+---------+-------------+--------+
//                         spare nodes: next in word 2      both of the subtree

/// A set of free numbers, in ranges as long as can be.
public struct FreeRanges<Memory: PhysicalMemory>: ~Copyable {
  let memory: Memory
  private var root = FreeRangeNode.none
  private var spare = FreeRangeNode.none
  private var spareCount = 0

  /// The count of all free numbers.
  public private(set) var count: UInt64 = 0

  /// A set without numbers and without room for nodes.
  public init(memory: Memory) { self.memory = memory }

  /// Whether there may be too few nodes for the next operation: `insert` and `remove` take one
  /// at most, and give one back at most before they do.
  public var needsFrame: Bool { spareCount < 2 }

  /// Lends a frame for 64 nodes. It stays lent.
  public mutating func lend(_ frame: PhysicalAddress) {
    var node = frame
    while node < frame + PageSize.size4KiB.byteCount {
      release(Node(address: node))
      node = node + Node.byteCount
    }
  }

  /// The length of the longest range.
  public var longest: UInt64 { longest(below: root) }

  /// Adds `range`, joined with the ranges it touches.
  ///
  /// - Precondition: none of it is in the set, and a node is spare.
  public mutating func insert(_ range: Range<UInt64>) {
    var joined = range
    if let below = find(range.lowerBound &- 1) {
      joined = below.lowerBound..<joined.upperBound
      erase(below.lowerBound)
    }
    if let above = find(range.upperBound) {
      joined = joined.lowerBound..<above.upperBound
      erase(above.lowerBound)
    }
    add(joined)
    count += range.length
  }

  /// Takes `range` out.
  ///
  /// - Precondition: all of it is in the set, and a node is spare.
  public mutating func remove(_ range: Range<UInt64>) {
    guard let whole = find(range.lowerBound), whole.upperBound >= range.upperBound else {
      preconditionFailure()
    }
    erase(whole.lowerBound)
    if whole.lowerBound < range.lowerBound { add(whole.lowerBound..<range.lowerBound) }
    if range.upperBound < whole.upperBound { add(range.upperBound..<whole.upperBound) }
    count -= range.length
  }

  /// The range that holds `number`.
  public func find(_ number: UInt64) -> Range<UInt64>? {
    var node = root
    while node != .none {
      let range = range(node)
      if range.contains(number) { return range }
      node = child(number < range.lowerBound ? .left : .right, of: node)
    }
    return nil
  }

  /// The lowest place for `count` numbers within `bounds` whose first is a multiple of 2^`order`.
  public func lowestFit(_ count: UInt64, order: UInt64, in bounds: Range<UInt64>) -> UInt64? {
    precondition(count > 0 && order < 64)
    // An aligned block of this order lies within any place that fits.
    let blockOrder = min(order, UInt64(63 - count.leadingZeroBitCount))
    return lowestFit(count, order, blockOrder, bounds, below: root)
  }

  private mutating func add(_ range: Range<UInt64>) {
    let node = spare
    precondition(node != .none)
    spare = child(.left, of: node)
    spareCount -= 1
    set(node, range)
    root = adding(node, to: root)
  }

  private mutating func erase(_ start: UInt64) {
    let rest = removing(start, from: root)
    root = rest.tree
    release(rest.node)
  }

  /// Puts a node in front of the spare ones.
  private mutating func release(_ node: Node) {
    setNext(of: node, to: spare)
    spare = node
    spareCount += 1
  }

  private func lowestFit(
    _ count: UInt64, _ order: UInt64, _ blockOrder: UInt64, _ bounds: Range<UInt64>,
    below node: Node
  ) -> UInt64? {
    guard node != .none, longest(below: node) >= count, bestOrder(below: node) >= blockOrder else {
      return nil
    }
    let range = range(node)
    if range.lowerBound > bounds.lowerBound,
      let place = lowestFit(count, order, blockOrder, bounds, below: child(.left, of: node))
    {
      return place
    }
    let usable = range.clamped(to: bounds)
    let mask: UInt64 = (1 << order) - 1
    let (sum, overflow) = usable.lowerBound.addingReportingOverflow(mask)
    let place = sum & ~mask
    if !overflow, place < usable.upperBound, usable.upperBound - place >= count { return place }
    guard range.upperBound < bounds.upperBound else { return nil }
    return lowestFit(count, order, blockOrder, bounds, below: child(.right, of: node))
  }
}
