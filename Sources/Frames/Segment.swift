import Addressing
import PageTables

/// Frames in a row, each of which this value owns like a `Frame`: each may have other owners.
///
///     split      |a b c d|      -->  |a b|  |c d|
///     slice      |a b c d|      -->  |a b c d| and |b c|, which have two owners now
///     removeFirst, append       frame by frame, apart and together
@frozen public struct Segment<Pool: FramePool>: ~Copyable {
  public private(set) var range: Range<PhysicalAddress>

  /// New frames in a row, at least one.
  ///
  /// - Parameters:
  ///   - order: the first frame's number is a multiple of 2 to this power; below 64.
  ///   - limit: where they must end.
  ///   - isZeroed: whether their bytes are zeros.
  public init(
    frameCount: UInt64, order: UInt64 = 0, below limit: PhysicalAddress? = nil,
    isZeroed: Bool = false
  ) throws(OutOfFrames) {
    range = try Pool.withAllocator { (frames) throws(OutOfFrames) in
      try frames.take(frameCount, .shared, order: order, below: limit, isZeroed: isZeroed)
    }
  }

  /// A segment of one frame.
  public init(_ frame: consuming Frame<Pool>) {
    range = frame.address.pageRange
    frame.forget()
  }

  private init(owning range: Range<PhysicalAddress>) { self.range = range }

  public var frameCount: UInt64 { range.frames.length }

  /// The address of a frame.
  public subscript(index: UInt64) -> PhysicalAddress {
    precondition(index < frameCount)
    return range.lowerBound + index * PageSize.size4KiB.byteCount
  }

  /// Keeps the first `count` frames; the rest is the result.
  public mutating func split(at count: UInt64) -> Segment {
    precondition(count <= frameCount)
    let boundary = range.lowerBound + count * PageSize.size4KiB.byteCount
    let rest = Segment(owning: boundary..<range.upperBound)
    range = range.lowerBound..<boundary
    return rest
  }

  /// One more owner of some of the frames, by their indices.
  public func slice(_ indices: Range<UInt64>) -> Segment {
    precondition(indices.upperBound <= frameCount)
    let size = PageSize.size4KiB.byteCount
    let part =
      range.lowerBound + indices.lowerBound * size..<range.lowerBound
      + indices.upperBound * size
    Pool.withAllocator { frames in frames.addOwner(part) }
    return Segment(owning: part)
  }

  /// Takes the first frame out; `nil` when there are none left.
  public mutating func removeFirst() -> Frame<Pool>? {
    guard !range.isEmpty else { return nil }
    let first = range.lowerBound
    range = first.pageRange.upperBound..<range.upperBound
    return Frame(owning: first)
  }

  /// Adds a frame that follows the last one. Any other stays in `frame`; says which.
  public mutating func append(_ frame: inout Frame<Pool>?) -> Bool {
    guard let address = frame?.address, address == range.upperBound, let taken = frame.take()
    else { return false }
    taken.forget()
    range = range.lowerBound..<address.pageRange.upperBound
    return true
  }

  /// Ends this value, but not its share of the frames: see `Frame.forget`.
  package consuming func forget() { discard self }

  deinit { Pool.withAllocator { frames in frames.release(range) } }
}
