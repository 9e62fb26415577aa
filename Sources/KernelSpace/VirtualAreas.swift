import Addressing
import Frames
import PageTables

// The vmalloc window: which of its pages are reserved, and what waits for a flush before it can be
// used again. A reservation has a guard page on both sides, which is never mapped:
//
//     |guard|      pages      |guard|guard|    pages    |guard|
//           '---- area -------'           '-- a --'- b -'
//                                          halves of a split

/// The state behind all kernel virtual areas.
public struct VirtualAreas<Memory: PhysicalMemory>: ~Copyable {
  let memory: Memory
  private var pages: RangeAllocator<Memory>
  var queue: FlushQueue
  /// The frame of the next queue; `nil` while a flush is going on.
  private var nextQueueFrame: PhysicalAddress?

  /// The frames that it needs to begin with.
  public static var initialFrameCount: UInt64 { 3 }

  /// - Parameters:
  ///   - window: where areas may lie; nothing is mapped there.
  ///   - frames: `initialFrameCount` frames in a row, to keep.
  public init(_ window: Range<VirtualAddress>, memory: Memory, keeping frames: PhysicalAddress) {
    self.memory = memory
    let size = PageSize.size4KiB.byteCount
    pages = RangeAllocator(
      window.lowerBound.page..<window.upperBound.page, memory: memory, lending: frames)
    queue = FlushQueue(in: frames + size)
    nextQueueFrame = frames + 2 * size
  }

  /// Whether so much waits that it is time for a flush: its cost is then a small part of what was
  /// done.
  var isFlushDue: Bool { queue.retired.pageCount > 1024 || queue.retired.room < 32 }

  /// The number of reservations, those that wait for a flush too.
  public var reservationCount: Int { pages.count }

  /// The pages that no reservation holds.
  public var freePageCount: UInt64 { pages.freeCount }

  /// The frames that the bookkeeping has taken so far. It keeps them.
  public var bookkeepingFrameCount: Int { pages.lentFrameCount + 2 }

  /// Whether a frame must be lent before the next `reserve`: there are no nodes, and none to be had
  /// from reservations that were kept.
  mutating func needsFrame() -> Bool {
    if pages.needsFrame { pages.freeKept() }
    return pages.needsFrame
  }

  mutating func lend(_ frame: PhysicalAddress) { pages.lend(frame) }

  /// Reserves pages between two guard pages, the first at a distance of `phase` pages from a
  /// multiple of 2^`order`. `nil` if there is no room.
  ///
  /// - Precondition: it needs no frame.
  @inline(__always)
  mutating func reserve(
    _ count: UInt64, order: UInt64, phase: UInt64
  ) -> Reservation? {
    let (all, overflow) = count.addingReportingOverflow(2)
    guard !overflow else { return nil }
    // The index of an aligned page, counted from the guard page below.
    let index = phase == 0 ? 1 : 1 + (1 << order - phase)
    return pages.reserve(all, order: order, at: index)
  }

  /// The pages of a reservation between its guard pages.
  @inline(__always)
  func addresses(of reservation: Reservation) -> Range<VirtualAddress> {
    let numbers = pages.numbers(of: reservation)
    return VirtualAddress(
      page: numbers.lowerBound + 1)..<VirtualAddress(page: numbers.upperBound - 1)
  }

  /// The reservation that holds an address, guard pages included.
  public func reservation(holding address: VirtualAddress) -> Range<VirtualAddress>? {
    guard let found = pages.reservation(of: address.page) else { return nil }
    return VirtualAddress(
      page: found.range.lowerBound)..<VirtualAddress(page: found.range.upperBound)
  }

  /// The first reservation that ends above `address`, guard pages included, and how many areas share
  /// it: none while it waits for a flush.
  public func firstReservation(
    endingAbove address: VirtualAddress
  ) -> (range: Range<VirtualAddress>, areaCount: UInt64)? {
    guard let pages = pages.firstReservation(endingAbove: address.page),
      let found = self.pages.reservation(of: pages.lowerBound)
    else { return nil }
    return (
      VirtualAddress(page: pages.lowerBound)..<VirtualAddress(page: pages.upperBound), found.parts
    )
  }

  /// What a fault report can say of an address, whatever the kernel was doing: see
  /// `RangeAllocator.glimpse`.
  public enum Glimpse {
    /// In no area, nor in a guard page of one.
    case free
    /// In an area, its guard pages included, that so many share: none while it waits for a flush.
    case reserved(Range<VirtualAddress>, areaCount: UInt64)
    case unknown
  }

  /// - Parameter canRead: whether there is memory at an address.
  public func glimpse(
    of address: VirtualAddress, canRead: (PhysicalAddress) -> Bool
  ) -> Glimpse {
    switch pages.glimpse(of: address.page, canRead: canRead) {
    case .free: return .free
    case .unknown: return .unknown
    case .reserved(let range, let parts):
      let shift = PageSize.size4KiB.shift
      // Three pages at least, and pages that have addresses.
      guard range.lowerBound + 3 <= range.upperBound, range.upperBound <= UInt64.max >> shift else {
        return .unknown
      }
      return .reserved(
        VirtualAddress(page: range.lowerBound)..<VirtualAddress(page: range.upperBound),
        areaCount: parts)
    }
  }

  /// Whether all of a range lies in one reservation, between its guard pages.
  public func isInOneArea(_ range: Range<VirtualAddress>) -> Bool {
    guard let reserved = reservation(holding: range.lowerBound) else { return false }
    let page = PageSize.size4KiB.byteCount
    return range.lowerBound >= reserved.lowerBound + page
      && range.upperBound + page <= reserved.upperBound
  }

  mutating func addPart(of area: Range<VirtualAddress>) { pages.addPart(of: area.lowerBound.page) }

  /// Whether a reservation ends with the next part that does.
  func isLastPart(of reservation: Reservation) -> Bool { pages.partCount(of: reservation) == 1 }

  /// Ends a part of a reservation; the last one's end has it wait for a flush.
  mutating func endPart(of reservation: Reservation) {
    guard pages.removePart(of: reservation) else { return }
    let numbers = pages.numbers(of: reservation)
    queue.retired.add(
      reservation, pageCount: numbers.upperBound - numbers.lowerBound, in: memory)
  }

  /// Takes away the tables that reservations which wait for a flush have left empty.
  mutating func pruneTables(of table: inout PageTable<Memory>) {
    let retired = queue.retired
    // The last table of level 1 that was looked at: those that end together are often neighbours.
    var done = VirtualAddress(0)
    for index in 0..<retired.reservationCount {
      let numbers = pages.numbers(of: retired[reservation: index, in: memory])
      let first = VirtualAddress(page: numbers.lowerBound)
      let last = VirtualAddress(page: numbers.upperBound - 1)
      let table1 = last.alignedDown(to: .size2MiB)
      if table1 == done, first >= done { continue }
      queue.token.merge(
        table.prune(first..<last + PageSize.size4KiB.byteCount), in: memory)
      done = table1
    }
  }

  /// Starts a flush: the queue as it is, with an empty one in its place. `nil` if there is nothing
  /// to do, or another flush is going on.
  mutating func takeQueue() -> FlushQueue? {
    guard !queue.retired.isEmpty || !queue.token.isEmpty, let frame = nextQueueFrame else {
      return nil
    }
    nextQueueFrame = nil
    var full = FlushQueue(in: frame)
    swap(&full, &queue)
    return full
  }

  /// Ends a flush: releases the frames and frees the reservations that waited for it.
  mutating func release<Window: VirtualMemory>(
    _ retired: RetiredList, to frames: inout FrameAllocator<Memory, Window>
  ) {
    for index in 0..<retired.runCount { frames.release(retired[run: index, in: memory]) }
    // The last one first: so they are taken again in the order of their ends.
    for index in stride(from: retired.reservationCount - 1, through: 0, by: -1) {
      pages.keep(retired[reservation: index, in: memory])
    }
    nextQueueFrame = retired.frame
  }
}

extension VirtualAddress {
  /// The number of the 4 KiB page that holds this address.
  var page: UInt64 { rawValue >> PageSize.size4KiB.shift }

  init(page: UInt64) { self.init(page << PageSize.size4KiB.shift) }
}
