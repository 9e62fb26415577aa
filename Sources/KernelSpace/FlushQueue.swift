import Addressing
import Frames
import PageTables

// What waits for a flush: the token of all that was unmapped since the last one, and behind it the
// frames to release and the reservations to free. It is kept in one frame:
//
//     word   0       1       2       3
//          +-------+-------+-------+-------+- - -
//          | first | count | first | count |           255 entries
//          +-------+-------+-------+-------+- - -
//           bit 63 of `first`: a reservation, by its first page; else frames in a row
//
// Unmapping adds to it, and a flush empties it: so one flush does for many areas.

/// Something that waits for a flush.
enum Retired {
  case frames(Range<PhysicalAddress>)
  /// The reservation that begins with this page.
  case reservation(UInt64)
}

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
  private(set) var count = 0
  /// The pages behind all entries.
  private(set) var pageCount: UInt64 = 0

  init(frame: PhysicalAddress) { self.frame = frame }

  var room: Int { 255 - count }

  /// Adds frames, joined with the last ones where they follow them.
  mutating func add<Memory: PhysicalMemory>(
    frames: Range<PhysicalAddress>, in memory: Memory
  ) {
    pageCount += frames.byteCount >> PageSize.size4KiB.shift
    if count > 0, case .frames(let last) = self[count - 1, in: memory],
      last.upperBound == frames.lowerBound
    {
      store(last.lowerBound..<frames.upperBound, at: count - 1, in: memory)
    } else {
      store(frames, at: grow(), in: memory)
    }
  }

  mutating func add<Memory: PhysicalMemory>(
    reservation: UInt64, pageCount: UInt64, in memory: Memory
  ) {
    self.pageCount += pageCount
    memory.table(at: frame)[word: 2 * grow()] = reservation | 1 << 63
  }

  private mutating func grow() -> Int {
    precondition(room > 0)
    count += 1
    return count - 1
  }

  private func store<Memory: PhysicalMemory>(
    _ frames: Range<PhysicalAddress>, at index: Int, in memory: Memory
  ) {
    let words = memory.table(at: frame)
    words[word: 2 * index] = frames.lowerBound.frame
    words[word: 2 * index + 1] = frames.byteCount >> PageSize.size4KiB.shift
  }

  subscript<Memory: PhysicalMemory>(index: Int, in memory: Memory) -> Retired {
    let words = memory.table(at: frame)
    let first = words[word: 2 * index]
    if first >> 63 != 0 { return .reservation(first & ~(1 << 63)) }
    let start = PhysicalAddress(frame: first)
    return .frames(start..<start + words[word: 2 * index + 1] << PageSize.size4KiB.shift)
  }
}
