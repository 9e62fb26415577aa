import Addressing
import Frames
import PageTables

// What waits for a flush: the token of all that was unmapped since the last one, and behind it the
// frames to release and the reservations to free. It is kept in one frame:
//
//     word   0       1       2       3                          510     511
//          +-------+-------+-------+-------+- - -       - - -+-------+-------+
//          | first | count | first | count | ->           <- | page  | page  |
//          +-------+-------+-------+-------+- - -       - - -+-------+-------+
//            frames in a row, upward                              reservations, downward
//
// Unmapping adds to it, and a flush empties it: so one flush does for many areas.

/// What has been unmapped and may still be in use.
struct FlushQueue: ~Copyable {
  var token = FlushToken()
  var retired: RetiredList

  init(in frame: PhysicalAddress) { retired = RetiredList(frame: frame) }
}

/// What waits behind the token.
struct RetiredList: BitwiseCopyable {
  /// Where the entries lie.
  let frame: PhysicalAddress
  private(set) var runCount = 0
  private(set) var reservationCount = 0
  /// The pages behind all entries.
  private(set) var pageCount: UInt64 = 0

  init(frame: PhysicalAddress) { self.frame = frame }

  var isEmpty: Bool { runCount == 0 && reservationCount == 0 }

  /// How many runs more there is room for, and then a reservation: a piece that fills the list may
  /// be an area's last.
  var room: Int { (freeWords - 1) / 2 }

  private var freeWords: Int { TableEntries.count - 2 * runCount - reservationCount }

  /// Adds frames, joined with the last ones where they follow them.
  @inline(__always)
  mutating func add<Memory: PhysicalMemory>(
    frames: Range<PhysicalAddress>, in memory: Memory
  ) {
    pageCount += frames.byteCount >> PageSize.size4KiB.shift
    var run = frames
    if runCount > 0, case let last = self[run: runCount - 1, in: memory],
      last.upperBound == frames.lowerBound
    {
      run = last.lowerBound..<frames.upperBound
    } else {
      precondition(room > 0)
      runCount += 1
    }
    let words = memory.table(at: frame)
    words[word: 2 * runCount - 2] = run.lowerBound.frame
    words[word: 2 * runCount - 1] = run.byteCount >> PageSize.size4KiB.shift
  }

  @inline(__always)
  mutating func add<Memory: PhysicalMemory>(
    _ reservation: Reservation, pageCount: UInt64, in memory: Memory
  ) {
    precondition(freeWords > 0)
    self.pageCount += pageCount
    reservationCount += 1
    memory.table(at: frame)[word: TableEntries.count - reservationCount] = reservation.word
  }

  @inline(__always)
  subscript<Memory: PhysicalMemory>(
    run index: Int, in memory: Memory
  ) -> Range<PhysicalAddress> {
    let words = memory.table(at: frame)
    let start = PhysicalAddress(frame: words[word: 2 * index])
    return start..<start + words[word: 2 * index + 1] << PageSize.size4KiB.shift
  }

  /// The reservations, in the order of their ends.
  @inline(__always)
  subscript<Memory: PhysicalMemory>(reservation index: Int, in memory: Memory) -> Reservation {
    Reservation(word: memory.table(at: frame)[word: TableEntries.count - 1 - index])
  }
}
