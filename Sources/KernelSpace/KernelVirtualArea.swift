import Addressing
import Frames
import PageTables

// A kernel virtual area: pages in a row of the vmalloc window, between two guard pages, and what is
// mapped there.
//
//     | guard |  frames 5, 6  |  nothing  | registers of a device | guard |
//              tracked: the     filled      untracked: nobody owns
//              area owns them   later       what lies there
//
// What is unmapped goes on being used by CPUs that remember it. So the frames, the tables and the
// addresses of an area that ended wait for a flush, together with those of others.

/// Kernel addresses that this value owns, with the frames that are mapped there as tracked.
public struct KernelVirtualArea<Space: KernelAddressSpace>: ~Copyable {
  /// The area's pages.
  public private(set) var range: Range<VirtualAddress>
  /// The pages and their guards; both halves of a split have the same.
  private let reservation: Reservation

  public var byteCount: UInt64 { range.byteCount }

  private init(part range: Range<VirtualAddress>, of reservation: Reservation) {
    self.range = range
    self.reservation = reservation
  }

  /// An area where nothing is mapped yet.
  ///
  /// - Parameters:
  ///   - byteCount: a multiple of 4 KiB.
  ///   - alignment: the area begins at a multiple of this.
  /// - Throws: `empty`, `misaligned`, `outOfAddresses`, `outOfFrames`.
  public init(byteCount: UInt64, alignedTo alignment: PageSize = .size4KiB) throws(AreaError) {
    self = try Self.reserve(byteCount, alignedTo: alignment, phase: 0)
  }

  /// An area that maps frames and owns them. On failure they stay in `segment`.
  ///
  /// - Parameters:
  ///   - offset: where in the area they begin.
  ///   - byteCount: the size of the area; just enough, if it is not given.
  /// - Precondition: there is a segment.
  public static func tracked(
    _ segment: inout Segment<Space.Pool>?, _ rights: Rights, at offset: UInt64 = 0,
    byteCount: UInt64? = nil
  ) throws(AreaError) -> KernelVirtualArea {
    guard let physical = segment?.range else { preconditionFailure() }
    var area = try room(for: physical, at: offset, byteCount: byteCount)
    try area.map(&segment, rights, at: offset)
    return area
  }

  /// An area that maps physical memory which is nobody's: a device, or a table of the firmware.
  public static func untracked(
    _ physical: Range<PhysicalAddress>, _ property: PageProperty, at offset: UInt64 = 0,
    byteCount: UInt64? = nil
  ) throws(AreaError) -> KernelVirtualArea {
    var area = try room(for: physical, at: offset, byteCount: byteCount)
    try area.map(untracked: physical, property, at: offset)
    return area
  }

  /// An empty area that lies so that the largest pages can map `physical` there.
  private static func room(
    for physical: Range<PhysicalAddress>, at offset: UInt64, byteCount: UInt64?
  ) throws(AreaError) -> KernelVirtualArea {
    var size = Space.largestPage
    while size.byteCount > physical.byteCount, let smaller = size.smaller { size = smaller }
    let (end, overflow) = offset.addingReportingOverflow(physical.byteCount)
    guard !overflow else { throw .outsideArea(offset) }
    let phase = (physical.lowerBound.rawValue &- offset) & size.offsetMask
    return try reserve(byteCount ?? end, alignedTo: size, phase: phase)
  }

  /// Splits the area in two: this value keeps what lies below `offset`. The guard pages around both
  /// stay until both have ended; between them there is none.
  ///
  /// - Throws: `misaligned`; `outsideArea`, also where a half would be empty; `outOfFrames`, for
  ///   the pieces of a large page.
  public mutating func split(at offset: UInt64) throws(AreaError) -> KernelVirtualArea {
    let lower = try pages(at: 0..<offset)
    guard !lower.isEmpty, lower.upperBound < range.upperBound else { throw .outsideArea(offset) }
    try Self.splitPages(atEndsOf: lower)
    Space.withAreas { areas in areas.addPart(of: lower) }
    let upper = KernelVirtualArea(part: lower.upperBound..<range.upperBound, of: reservation)
    range = lower
    return upper
  }

  /// The addresses of some offsets.
  func pages(at offsets: Range<UInt64>) throws(AreaError) -> Range<VirtualAddress> {
    let mask = PageSize.size4KiB.offsetMask
    guard offsets.lowerBound & mask == 0 else { throw .misaligned(offsets.lowerBound) }
    guard offsets.upperBound & mask == 0 else { throw .misaligned(offsets.upperBound) }
    guard offsets.upperBound <= byteCount else { throw .outsideArea(offsets.upperBound) }
    return range.lowerBound + offsets.lowerBound..<range.lowerBound + offsets.upperBound
  }

  deinit {
    Self.take(range, endingPartOf: reservation)
  }
}

extension KernelVirtualArea {
  /// Reserves pages, after a flush if need be.
  private static func reserve(
    _ byteCount: UInt64, alignedTo alignment: PageSize, phase: UInt64
  ) throws(AreaError) -> KernelVirtualArea {
    guard byteCount > 0 else { throw .empty }
    guard byteCount & PageSize.size4KiB.offsetMask == 0 else { throw .misaligned(byteCount) }
    let shift = PageSize.size4KiB.shift
    return try Space.retrying { () throws(AreaError) in
      try Space.withAreas { (areas) throws(AreaError) in
        while areas.needsFrame() { areas.lend(try bookkeepingFrame()) }
        guard
          let reservation = areas.reserve(
            byteCount >> shift, order: alignment.shift - shift, phase: phase >> shift)
        else { throw .outOfAddresses(pageCount: byteCount >> shift) }
        return KernelVirtualArea(part: areas.addresses(of: reservation), of: reservation)
      }
    }
  }

  private static func bookkeepingFrame() throws(AreaError) -> PhysicalAddress {
    do throws(OutOfFrames) {
      return try Space.Pool.withAllocator { (frames) throws(OutOfFrames) in
        try frames.allocate(1, as: .bookkeeping).lowerBound
      }
    } catch { throw .outOfFrames(error) }
  }

  /// Unmaps all of a range at the ends of which pages end.
  ///
  /// - Parameter reservation: what ends with that, or a part of it. With the last part, tables that are
  ///   empty then stay until the flush.
  @inline(__always)
  static func take(
    _ range: Range<VirtualAddress>, endingPartOf reservation: Reservation?
  ) {
    Space.take(
      range,
      takePiece: { (rest, areas) in
        let keepsTables = reservation.map { areas.isLastPart(of: $0) } ?? false
        return Space.withPageTable { table in
          Space.Pool.withAllocator { frames in
            areas.take(firstPieceOf: rest, from: &table, &frames, keepsTables: keepsTables)
          }
        }
      }, finish: { areas in if let reservation { areas.endPart(of: reservation) } })
  }
}
