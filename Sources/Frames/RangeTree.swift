import Addressing
import PageTables

// Ranges of numbers that do not overlap, in a search tree that also knows, below each node, the
// longest range and the best aligned one; so a search for room goes straight to the lowest place
// that fits. Each range carries a word that means nothing to the tree.
//
// The tree is a treap: a node's rank is a fixed hash of where it lies, no node ranks above its
// parent, and so the tree's shape is that of a random one, whatever order the ranges come in. That
// makes every operation O(log n) expected, n the number of ranges.
//
// A node is 64 bytes of a frame that the owner lends, found by its physical address:
//
//     word   0       1     2      3       4         5            6      7
//          +-------+-----+------+-------+---------+------------+------+------+
//          | start | end | left | right | longest | best order | word | next |
//          +-------+-----+------+-------+---------+------------+------+------+
//                         spare nodes: next in word 2      both of the subtree

/// A node by its physical address; none lies in frame 0.
struct RangeNode: Equatable, BitwiseCopyable {
  static var byteCount: UInt64 { 64 }
  static var wordCount: Int { 8 }
  static var none: RangeNode { RangeNode(address: PhysicalAddress(0)) }

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
    case start, end, left, right, longest, bestOrder, word
    /// The owner's too: to link nodes of a tree to a list.
    case next
  }
}

/// Nodes that no tree uses, chained through their third words.
struct SpareNodes: BitwiseCopyable {
  private var first = RangeNode.none
  private(set) var count = 0
  /// The frames that were cut into nodes, for good.
  private(set) var frameCount = 0

  /// Cuts a frame into 64 nodes.
  mutating func add<Memory: PhysicalMemory>(frame: PhysicalAddress, in memory: Memory) {
    frameCount += 1
    var node = frame
    while node < frame + PageSize.size4KiB.byteCount {
      add(RangeNode(address: node), in: memory)
      node = node + RangeNode.byteCount
    }
  }

  mutating func add<Memory: PhysicalMemory>(_ node: RangeNode, in memory: Memory) {
    memory[node, .left] = first.address.rawValue
    first = node
    count += 1
  }

  /// - Precondition: there is one.
  mutating func take<Memory: PhysicalMemory>(from memory: Memory) -> RangeNode {
    precondition(count > 0)
    let node = first
    first = RangeNode(address: PhysicalAddress(memory[node, .left]))
    count -= 1
    return node
  }
}

extension PhysicalMemory {
  /// A word of a node.
  @inline(__always)
  fileprivate subscript(node: RangeNode, field: RangeNode.Field) -> UInt64 {
    get { words(of: node)[word: node.firstWord + field.rawValue] }
    nonmutating set { words(of: node)[word: node.firstWord + field.rawValue] = newValue }
  }

  /// A word of a node that holds no range.
  @inline(__always)
  subscript(node: RangeNode, word index: Int) -> UInt64 {
    get { words(of: node)[word: node.firstWord + index] }
    nonmutating set { words(of: node)[word: node.firstWord + index] = newValue }
  }

  @inline(__always)
  private func words(of node: RangeNode) -> TableEntries {
    table(at: node.address.alignedDown(to: .size4KiB))
  }
}

extension RangeNode {
  /// The number of a node's first word in its frame.
  fileprivate var firstWord: Int {
    Int(truncatingIfNeeded: address.rawValue & PageSize.size4KiB.offsetMask) / 8
  }
}

/// Ranges of numbers, each with a word of the owner's. Who adds one brings the node, and gets it
/// back when the range goes.
struct RangeTree<Memory: PhysicalMemory>: ~Copyable {
  let memory: Memory
  private(set) var root = RangeNode.none

  init(memory: Memory) { self.memory = memory }

  /// The node whose range holds `number`; `none` if there is none.
  func find(_ number: UInt64) -> RangeNode {
    var node = root
    while node != .none {
      let range = range(node)
      if range.contains(number) { return node }
      node = self[node, number < range.lowerBound ? .left : .right]
    }
    return .none
  }

  /// The node whose range holds `number`, in a tree that may be half-way through a change: `nil` if the
  /// search gets lost, at a node that is none or after more steps than a tree has levels.
  ///
  /// - Parameter canRead: whether there is memory for a node.
  func findWarily(_ number: UInt64, canRead: (PhysicalAddress) -> Bool) -> RangeNode? {
    var node = root
    for _ in 0..<256 {
      if node == .none { return node }
      guard node.address.rawValue & (RangeNode.byteCount - 1) == 0, canRead(node.address) else {
        return nil
      }
      let start = word(node, .start)
      if start <= number, number < word(node, .end) { return node }
      node = self[node, number < start ? .left : .right]
    }
    return nil
  }

  /// The first node whose range ends above `number`; `none` if there is none.
  func first(endingAbove number: UInt64) -> RangeNode {
    var (node, best) = (root, RangeNode.none)
    while node != .none {
      if range(node).upperBound > number {
        best = node
        node = self[node, .left]
      } else {
        node = self[node, .right]
      }
    }
    return best
  }

  mutating func add(_ range: Range<UInt64>, word: UInt64 = 0, as node: RangeNode) {
    memory[node, .start] = range.lowerBound
    memory[node, .end] = range.upperBound
    memory[node, .word] = word
    link(node, left: .none, right: .none)
    root = adding(node, to: root)
  }

  /// Gives the range that starts at `start` other bounds, between its neighbours: there must be one.
  mutating func resize(_ start: UInt64, to range: Range<UInt64>) {
    resize(start, to: range, below: root)
  }

  /// Takes out the range that starts at `start`: there must be one.
  mutating func erase(_ start: UInt64) -> RangeNode {
    let rest = removing(start, from: root)
    root = rest.tree
    return rest.node
  }
}

extension RangeTree {
  @inline(__always)
  func range(_ node: RangeNode) -> Range<UInt64> { word(node, .start)..<word(node, .end) }

  func longest(below node: RangeNode) -> UInt64 { node == .none ? 0 : word(node, .longest) }

  func bestOrder(below node: RangeNode) -> UInt64 { node == .none ? 0 : word(node, .bestOrder) }

  /// The child of a node.
  subscript(node: RangeNode, side: RangeNode.Field) -> RangeNode {
    RangeNode(address: PhysicalAddress(word(node, side)))
  }

  @inline(__always)
  func word(_ node: RangeNode, _ field: RangeNode.Field = .word) -> UInt64 { memory[node, field] }

  @inline(__always)
  func setWord(_ node: RangeNode, _ value: UInt64, _ field: RangeNode.Field = .word) {
    memory[node, field] = value
  }

  /// Gives `node` its children, and works out again what it knows about them.
  private func link(_ node: RangeNode, left: RangeNode, right: RangeNode) {
    memory[node, .left] = left.address.rawValue
    memory[node, .right] = right.address.rawValue
    summarise(node, left, right)
  }

  private func summarise(_ node: RangeNode, _ left: RangeNode, _ right: RangeNode) {
    let range = range(node)
    // `max` of three is variadic, which takes an array.
    memory[node, .longest] = max(
      range.length, max(longest(below: left), longest(below: right)))
    memory[node, .bestOrder] = max(
      range.bestAlignedOrder, max(bestOrder(below: left), bestOrder(below: right)))
  }

  private func resize(_ start: UInt64, to range: Range<UInt64>, below node: RangeNode) {
    precondition(node != .none)
    let (left, right) = (self[node, .left], self[node, .right])
    let first = word(node, .start)
    if start == first {
      memory[node, .start] = range.lowerBound
      memory[node, .end] = range.upperBound
    } else {
      resize(start, to: range, below: start < first ? left : right)
    }
    summarise(node, left, right)
  }
}

// The ways to rebuild the tree. Each takes the root of a subtree and returns the root of what
// became of it.
extension RangeTree {
  /// The nodes that start below `number`, and those from there on.
  private func split(_ node: RangeNode, at number: UInt64) -> (below: RangeNode, above: RangeNode) {
    guard node != .none else { return (.none, .none) }
    if word(node, .start) < number {
      let parts = split(self[node, .right], at: number)
      link(node, left: self[node, .left], right: parts.below)
      return (node, parts.above)
    }
    let parts = split(self[node, .left], at: number)
    link(node, left: parts.above, right: self[node, .right])
    return (parts.below, node)
  }

  /// One tree of two, all of `left` before all of `right`.
  private func merge(_ left: RangeNode, _ right: RangeNode) -> RangeNode {
    if left == .none { return right }
    if right == .none { return left }
    if left.rank > right.rank {
      link(left, left: self[left, .left], right: merge(self[left, .right], right))
      return left
    }
    link(right, left: merge(left, self[right, .left]), right: self[right, .right])
    return right
  }

  /// `tree` with `node`, a tree of its own, in its place.
  private func adding(_ node: RangeNode, to tree: RangeNode) -> RangeNode {
    guard tree != .none, tree.rank >= node.rank else {
      let parts = split(tree, at: word(node, .start))
      link(node, left: parts.below, right: parts.above)
      return node
    }
    if word(node, .start) < word(tree, .start) {
      link(tree, left: adding(node, to: self[tree, .left]), right: self[tree, .right])
    } else {
      link(tree, left: self[tree, .left], right: adding(node, to: self[tree, .right]))
    }
    return tree
  }

  /// `tree` without the node that starts at `start`, and that node.
  private func removing(
    _ start: UInt64, from tree: RangeNode
  ) -> (tree: RangeNode, node: RangeNode) {
    precondition(tree != .none)
    let (left, right) = (self[tree, .left], self[tree, .right])
    if start == word(tree, .start) { return (merge(left, right), tree) }
    if start < word(tree, .start) {
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
