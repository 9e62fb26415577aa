import Addressing
import PageTables

// Reservations of numbers: the pages of a window, for whoever wants some in a row. Each number is
// free or in one reservation, and a reservation counts its parts: it may be split, and ends with
// the last part.
//
//     free  |      |            |                |
//     taken        |  2 parts   |                |  1 part  |
//
// Both are trees of ranges, in nodes that they share: taking needs at most two, and an end gives
// back what its freedom needs. So only taking can fail.
//
// Small reservations come and go, and a search tree is a slow way to do that. So some of those that
// ended may be kept: they stay in the tree of those taken, with a mark in place of their parts, each
// length in a list of its own. The next one of that length is the one that was kept last.

/// Hands out ranges of numbers and remembers them.
public struct RangeAllocator<Memory: PhysicalMemory>: ~Copyable {
  private var free: FreeRanges<Memory>
  private var taken: RangeTree<Memory>
  private let memory: Memory
  private var kept: KeptReservations

  /// The number of reservations, those that wait to be freed too.
  public private(set) var count = 0

  /// - Parameters:
  ///   - numbers: what there is to have; not empty.
  ///   - frame: a frame for the first nodes. It stays lent.
  public init(_ numbers: Range<UInt64>, memory: Memory, lending frame: PhysicalAddress) {
    self.memory = memory
    free = FreeRanges(memory: memory)
    taken = RangeTree(memory: memory)
    free.lend(frame)
    kept = KeptReservations(firsts: free.spare.take(from: memory))
    for list in 0..<RangeNode.wordCount { memory[kept.firsts, word: list] = 0 }
    free.insert(numbers)
  }

  /// Whether a frame must be lent before the next `take`.
  public var needsFrame: Bool { free.spareCount < 3 }

  /// The frames that were lent: each holds 64 nodes, and a reservation needs at most two. One is
  /// always taken.
  public var lentFrameCount: Int { free.lentFrameCount }

  public mutating func lend(_ frame: PhysicalAddress) { free.lend(frame) }

  public var freeCount: UInt64 { free.count + kept.numberCount }

  /// Takes `count` numbers in a row, of which the number at `index` is a multiple of 2^`order`; as one
  /// part. They are the lowest there are, or a reservation that was kept. `nil` if there are none.
  ///
  /// - Precondition: `needsFrame` is false.
  public mutating func take(
    _ count: UInt64, order: UInt64 = 0, at index: UInt64 = 0
  ) -> Range<UInt64>? {
    guard let reservation = reserve(count, order: order, at: index) else { return nil }
    return numbers(of: reservation)
  }

  /// As `take`: the reservation itself.
  @inline(__always)
  public mutating func reserve(
    _ count: UInt64, order: UInt64 = 0, at index: UInt64 = 0
  ) -> Reservation? {
    if order == 0, let node = takeKept(count) { return Reservation(node: node) }
    return reserveLowest(count, order: order, at: index)
  }

  @inline(never)
  private mutating func reserveLowest(
    _ count: UInt64, order: UInt64, at index: UInt64
  ) -> Reservation? {
    guard let first = lowestFit(count, order: order, at: index) else { return nil }
    let range = first..<first + count
    let node = free.spare.take(from: memory)
    free.remove(range)
    taken.add(range, word: 1, as: node)
    self.count += 1
    return Reservation(node: node)
  }

  /// The lowest place for some numbers. If there is none, those that were kept are freed for it.
  private mutating func lowestFit(_ count: UInt64, order: UInt64, at index: UInt64) -> UInt64? {
    let everywhere = 0..<UInt64.max
    if let place = free.lowestFit(count, order: order, at: index, in: everywhere) { return place }
    guard kept.numberCount > 0 else { return nil }
    freeKept()
    return free.lowestFit(count, order: order, at: index, in: everywhere)
  }

  /// Frees the reservations that were kept: their numbers and their nodes.
  public mutating func freeKept() {
    for length in 1..<KeptReservations.lengthLimit + 1 {
      while let node = takeKept(length) {
        taken.setWord(node, 0)
        giveBack(taken.range(node).lowerBound)
      }
    }
  }

  /// The reservation that holds `number`, and how many parts it has: none while it waits for
  /// `giveBack`.
  public func reservation(of number: UInt64) -> (range: Range<UInt64>, parts: UInt64)? {
    let node = taken.find(number)
    guard node != .none, taken.word(node) != KeptReservations.mark else { return nil }
    return (taken.range(node), taken.word(node))
  }

  /// What can be said of a number without waiting for whoever may be changing all this.
  public enum Glimpse {
    case free
    /// With as many parts: none while it waits for `giveBack`.
    case reserved(Range<UInt64>, parts: UInt64)
    case unknown
  }

  /// Looks at what may be half-way through a change: the answer can be wrong, but there is one.
  ///
  /// - Parameter canRead: whether there is memory at an address.
  public func glimpse(of number: UInt64, canRead: (PhysicalAddress) -> Bool) -> Glimpse {
    guard let node = taken.findWarily(number, canRead: canRead) else { return .unknown }
    // One that is kept for the next of its length is nobody's.
    if node == .none || taken.word(node) == KeptReservations.mark { return .free }
    let (start, end) = (taken.word(node, .start), taken.word(node, .end))
    return start < end ? .reserved(start..<end, parts: taken.word(node)) : .unknown
  }

  /// Counts one more part of the reservation that holds `number`.
  public mutating func addPart(of number: UInt64) {
    let node = taken.find(number)
    precondition(node != .none && taken.word(node) < KeptReservations.mark - 1)
    taken.setWord(node, taken.word(node) + 1)
  }

  /// Counts one part less of the reservation that holds `number`; says whether none is left.
  public mutating func removePart(of number: UInt64) -> Bool {
    let node = taken.find(number)
    precondition(node != .none)
    return removePart(of: Reservation(node: node))
  }

  @inline(__always)
  public mutating func removePart(of reservation: Reservation) -> Bool {
    let parts = taken.word(reservation.node)
    precondition(parts > 0 && parts < KeptReservations.mark)
    taken.setWord(reservation.node, parts - 1)
    return parts == 1
  }

  /// The parts of a reservation that have not ended.
  @inline(__always)
  public func partCount(of reservation: Reservation) -> UInt64 { taken.word(reservation.node) }

  /// The numbers of a reservation that has not been freed.
  @inline(__always)
  public func numbers(of reservation: Reservation) -> Range<UInt64> {
    taken.range(reservation.node)
  }

  /// Keeps a reservation for the next one of its length. If it is long, or enough are kept, it is
  /// freed.
  ///
  /// - Precondition: it has no part left.
  public mutating func keep(_ reservation: Reservation) {
    let node = reservation.node
    precondition(taken.word(node) == 0)
    let numbers = taken.range(node)
    if kept.hasRoom(for: numbers.length) {
      let list = Int(truncatingIfNeeded: numbers.length) - 1
      taken.setWord(node, KeptReservations.mark)
      taken.setWord(node, memory[kept.firsts, word: list], .next)
      memory[kept.firsts, word: list] = node.address.rawValue
      kept.count += 1
      kept.numberCount += numbers.length
      count -= 1
    } else {
      giveBack(numbers.lowerBound)
    }
  }

  /// The reservation of a length that was kept last, as one part.
  @inline(__always)
  private mutating func takeKept(_ length: UInt64) -> RangeNode? {
    guard length > 0, length <= KeptReservations.lengthLimit else { return nil }
    let list = Int(truncatingIfNeeded: length) - 1
    let node = RangeNode(address: PhysicalAddress(memory[kept.firsts, word: list]))
    guard node != .none else { return nil }
    memory[kept.firsts, word: list] = taken.word(node, .next)
    kept.count -= 1
    kept.numberCount -= length
    taken.setWord(node, 1)
    count += 1
    return node
  }

  /// Frees the reservation that begins with `number`.
  ///
  /// - Precondition: it has no part left.
  public mutating func giveBack(_ number: UInt64) { giveBack(erase(number)) }

  /// Forgets the reservation that begins with `number`. Its numbers are not free before `giveBack`,
  /// which takes neighbours together.
  ///
  /// - Precondition: it has no part left.
  public mutating func erase(_ number: UInt64) -> Range<UInt64> {
    let node = taken.find(number)
    precondition(node != .none && taken.word(node) == 0)
    let range = taken.range(node)
    free.spare.add(taken.erase(range.lowerBound), in: memory)
    count -= 1
    return range
  }

  /// Frees numbers that `erase` returned.
  public mutating func giveBack(_ range: Range<UInt64>) { free.insert(range) }

  /// The first reservation that ends above `number`.
  public func firstReservation(endingAbove number: UInt64) -> Range<UInt64>? {
    var node = taken.first(endingAbove: number)
    while node != .none, taken.word(node) == KeptReservations.mark {
      node = taken.first(endingAbove: taken.range(node).upperBound)
    }
    return node == .none ? nil : taken.range(node)
  }
}

/// A reservation that has not been freed, by the place where it is kept: no search is needed.
public struct Reservation: BitwiseCopyable {
  fileprivate let node: RangeNode

  fileprivate init(node: RangeNode) { self.node = node }

  /// As a number, to keep it in a word of memory.
  package init(word: UInt64) { node = RangeNode(address: PhysicalAddress(word)) }
  package var word: UInt64 { node.address.rawValue }
}

/// The reservations that are kept, a list for each length: how many they are and how long together.
private struct KeptReservations: BitwiseCopyable {
  /// The longest that are kept.
  static var lengthLimit: UInt64 { UInt64(RangeNode.wordCount) }
  /// The most that are kept.
  static var countLimit: UInt64 { 256 }
  /// What stands in place of a reservation's parts.
  static var mark: UInt64 { .max }

  /// Not the node of a range: its words are the first reservations of each length.
  let firsts: RangeNode
  var count: UInt64 = 0
  var numberCount: UInt64 = 0

  func hasRoom(for length: UInt64) -> Bool {
    length <= Self.lengthLimit && count < Self.countLimit
  }
}
