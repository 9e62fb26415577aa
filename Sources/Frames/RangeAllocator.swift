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

/// Hands out ranges of numbers and remembers them.
public struct RangeAllocator<Memory: PhysicalMemory>: ~Copyable {
  private var free: FreeRanges<Memory>
  private var taken: RangeTree<Memory>
  private let memory: Memory

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
    free.insert(numbers)
  }

  /// Whether a frame must be lent before the next `take`.
  public var needsFrame: Bool { free.spareCount < 3 }

  /// The frames that were lent: each holds 64 nodes, and a reservation needs at most two.
  public var lentFrameCount: Int { free.lentFrameCount }

  public mutating func lend(_ frame: PhysicalAddress) { free.lend(frame) }

  public var freeCount: UInt64 { free.count }

  /// Takes the lowest `count` numbers in a row, of which the number at `index` is a multiple of
  /// 2^`order`; as one part. `nil` if there are none.
  ///
  /// - Precondition: `needsFrame` is false.
  public mutating func take(
    _ count: UInt64, order: UInt64 = 0, at index: UInt64 = 0
  ) -> Range<UInt64>? {
    guard
      let first = free.lowestFit(count, order: order, at: index, in: 0..<UInt64.max)
    else { return nil }
    let range = first..<first + count
    free.remove(range)
    taken.add(range, word: 1, as: free.spare.take(from: memory))
    self.count += 1
    return range
  }

  /// The reservation that holds `number`, and how many parts it has: none while it waits for
  /// `giveBack`.
  public func reservation(of number: UInt64) -> (range: Range<UInt64>, parts: UInt64)? {
    let node = taken.find(number)
    return node == .none ? nil : (taken.range(node), taken.word(node))
  }

  /// Counts one more part of the reservation that holds `number`.
  public mutating func addPart(of number: UInt64) {
    let node = taken.find(number)
    precondition(node != .none)
    taken.setWord(node, taken.word(node) + 1)
  }

  /// Counts one part less of the reservation that holds `number`; says whether none is left.
  public mutating func removePart(of number: UInt64) -> Bool {
    let node = taken.find(number)
    precondition(node != .none && taken.word(node) > 0)
    taken.setWord(node, taken.word(node) - 1)
    return taken.word(node) == 0
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
    let node = taken.first(endingAbove: number)
    return node == .none ? nil : taken.range(node)
  }
}
