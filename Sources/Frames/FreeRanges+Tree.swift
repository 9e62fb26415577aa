import Addressing
import PageTables

// The tree below FreeRanges: its nodes, and the ways to rebuild it. Each takes the root of a
// subtree and returns the root of what became of it.

/// A node by its physical address; none lies in frame 0.
struct FreeRangeNode: Equatable, BitwiseCopyable {
  static var byteCount: UInt64 { 64 }
  static var none: FreeRangeNode { FreeRangeNode(address: PhysicalAddress(0)) }

  let address: PhysicalAddress

  /// The node's place in the order of parents before children: its address, well mixed, so that
  /// neighbours in memory are none in rank (the finaliser of SplitMix64).
  var rank: UInt64 {
    var mixed = address.rawValue
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  /// The words of a node.
  enum Field: Int {
    case start, end, left, right, longest, bestOrder
  }
}

extension FreeRanges {
  typealias Node = FreeRangeNode

  private subscript(node: Node, field: Node.Field) -> UInt64 {
    get { words(of: node)[word: index(of: node, field)] }
    nonmutating set { words(of: node)[word: index(of: node, field)] = newValue }
  }

  private func words(of node: Node) -> TableEntries {
    memory.table(at: node.address.alignedDown(to: .size4KiB))
  }

  private func index(of node: Node, _ field: Node.Field) -> Int {
    Int(truncatingIfNeeded: node.address.rawValue & PageSize.size4KiB.offsetMask) / 8
      + field.rawValue
  }

  func child(_ side: Node.Field, of node: Node) -> Node {
    Node(address: PhysicalAddress(self[node, side]))
  }

  func range(_ node: Node) -> Range<UInt64> { self[node, .start]..<self[node, .end] }

  func longest(below node: Node) -> UInt64 { node == .none ? 0 : self[node, .longest] }

  func bestOrder(below node: Node) -> UInt64 { node == .none ? 0 : self[node, .bestOrder] }

  /// Chains a spare node to the next one.
  func setNext(of node: Node, to next: Node) { self[node, .left] = next.address.rawValue }

  /// Makes `node` a tree of its own.
  func set(_ node: Node, _ range: Range<UInt64>) {
    self[node, .start] = range.lowerBound
    self[node, .end] = range.upperBound
    link(node, left: .none, right: .none)
  }

  /// Gives `node` its children, and works out again what it knows about them.
  private func link(_ node: Node, left: Node, right: Node) {
    self[node, .left] = left.address.rawValue
    self[node, .right] = right.address.rawValue
    let range = range(node)
    // `max` of three is variadic, which takes an array.
    self[node, .longest] = max(range.length, max(longest(below: left), longest(below: right)))
    self[node, .bestOrder] = max(
      range.bestAlignedOrder, max(bestOrder(below: left), bestOrder(below: right)))
  }

  /// The nodes that start below `number`, and those from there on.
  private func split(_ node: Node, at number: UInt64) -> (below: Node, above: Node) {
    guard node != .none else { return (.none, .none) }
    if self[node, .start] < number {
      let parts = split(child(.right, of: node), at: number)
      link(node, left: child(.left, of: node), right: parts.below)
      return (node, parts.above)
    }
    let parts = split(child(.left, of: node), at: number)
    link(node, left: parts.above, right: child(.right, of: node))
    return (parts.below, node)
  }

  /// One tree of two, all of `left` before all of `right`.
  private func merge(_ left: Node, _ right: Node) -> Node {
    if left == .none { return right }
    if right == .none { return left }
    if left.rank > right.rank {
      link(
        left, left: child(.left, of: left), right: merge(child(.right, of: left), right))
      return left
    }
    link(right, left: merge(left, child(.left, of: right)), right: child(.right, of: right))
    return right
  }

  /// `tree` with `node`, a tree of its own, in its place.
  func adding(_ node: Node, to tree: Node) -> Node {
    guard tree != .none, tree.rank >= node.rank else {
      let parts = split(tree, at: self[node, .start])
      link(node, left: parts.below, right: parts.above)
      return node
    }
    if self[node, .start] < self[tree, .start] {
      link(
        tree, left: adding(node, to: child(.left, of: tree)), right: child(.right, of: tree))
    } else {
      link(
        tree, left: child(.left, of: tree), right: adding(node, to: child(.right, of: tree)))
    }
    return tree
  }

  /// `tree` without the node that starts at `start`, and that node.
  ///
  /// - Precondition: there is one.
  func removing(_ start: UInt64, from tree: Node) -> (tree: Node, node: Node) {
    precondition(tree != .none)
    let (left, right) = (child(.left, of: tree), child(.right, of: tree))
    if start == self[tree, .start] { return (merge(left, right), tree) }
    if start < self[tree, .start] {
      let rest = removing(start, from: left)
      link(tree, left: rest.tree, right: right)
      return (tree, rest.node)
    }
    let rest = removing(start, from: right)
    link(tree, left: left, right: rest.tree)
    return (tree, rest.node)
  }
}

extension Range<UInt64> {
  /// Not `count`: that makes it a collection, and collections bring arrays.
  var length: UInt64 { upperBound - lowerBound }

  /// The largest n for which 2^n numbers, the first a multiple of 2^n, lie within the range.
  var bestAlignedOrder: UInt64 {
    let order = UInt64(63 - length.leadingZeroBitCount)
    let size: UInt64 = 1 << order
    let first = lowerBound.addingReportingOverflow(size - 1)
    // Where the largest block that fits by its length is not aligned, one of half its size is.
    let start = first.partialValue & ~(size - 1)
    return !first.overflow && start < upperBound && upperBound - start >= size ? order : order - 1
  }
}
