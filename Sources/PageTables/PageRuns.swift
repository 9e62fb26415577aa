import Addressing

// The planner: cuts a range into runs of the largest pages that its alignment allows. Pure, and
// used by everything that maps.
//
//     virtual   |4K|4K|  2M  |  2M  |        1G        |        1G        |  2M  |4K|
//               '-----'-------------'-------------------------------------'------'--'
//                run 1     run 2                    run 3                  run 4   5
//
// Pages above 4 KiB need the virtual and the physical address at the same distance from a page
// boundary; a range where they differ is cut into smaller pages throughout. So there are at most
// five runs, growing towards the middle.

/// Neighbouring pages of one size that map neighbouring frames.
public struct PageRun: Equatable, Sendable {
  public private(set) var virtual: Range<VirtualAddress>
  public private(set) var physical: PhysicalAddress
  public let size: PageSize

  public var pageCount: UInt64 { virtual.byteCount >> size.shift }

  /// Cuts off the part that lies in the span of the first table of `level`.
  mutating func removePiece(ofLevel level: Int) -> PageRun? {
    guard !virtual.isEmpty else { return nil }
    let piece = virtual.clamped(to: virtual.lowerBound.tableSpan(atLevel: level))
    defer {
      physical = physical + piece.byteCount
      virtual = piece.upperBound..<virtual.upperBound
    }
    return PageRun(virtual: piece, physical: physical, size: size)
  }
}

/// The runs of a range, lowest address first: call `next` until it returns `nil`.
///
/// Not an `IteratorProtocol` behind a `Sequence`: those protocols bring arrays, and so a heap.
public struct PageRuns {
  private var rest: Range<VirtualAddress>
  /// What to subtract from a virtual address to get its physical one, modulo 2^64.
  private let offset: UInt64
  /// The largest page that this range can hold at all.
  private let largest: PageSize

  /// - Precondition: both addresses and the range's end are aligned to 4 KiB.
  public init(
    _ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, largest limit: PageSize
  ) {
    rest = virtual
    offset = virtual.lowerBound.rawValue &- physical.rawValue
    var size = limit
    while offset & size.offsetMask != 0, let smaller = size.smaller { size = smaller }
    largest = size
  }

  /// A range that is a single run, and within one table: how most are, and quickly seen. `nil` if it
  /// is not.
  @inline(__always)
  static func single(
    _ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, largest limit: PageSize
  ) -> PageRun? {
    let (start, end) = (virtual.lowerBound.rawValue, virtual.upperBound.rawValue)
    var size = limit
    while (start | end | physical.rawValue) & size.offsetMask != 0, let smaller = size.smaller {
      size = smaller
    }
    // Within one table nothing larger fits, unless it takes up all of it.
    return virtual.isInOneTable(ofLevel: size.level)
      ? PageRun(virtual: virtual, physical: physical, size: size) : nil
  }

  public mutating func next() -> PageRun? {
    guard !rest.isEmpty else { return nil }
    var size = largest
    while !rest.lowerBound.isAligned(to: size) || rest.byteCount < size.byteCount,
      let smaller = size.smaller
    {
      size = smaller
    }
    var end = rest.upperBound.alignedDown(to: size)
    if size < largest, let larger = size.larger,
      let start = rest.lowerBound.alignedUp(to: larger),
      start < rest.upperBound, rest.upperBound - start >= larger.byteCount
    {
      end = start
    }
    defer { rest = end..<rest.upperBound }
    return PageRun(
      virtual: rest.lowerBound..<end,
      physical: PhysicalAddress(rest.lowerBound.rawValue &- offset), size: size)
  }
}

extension PageSize {
  public var smaller: PageSize? {
    self == .size4KiB ? nil : self == .size2MiB ? .size4KiB : .size2MiB
  }
  public var larger: PageSize? {
    self == .size1GiB ? nil : self == .size2MiB ? .size1GiB : .size2MiB
  }
}
