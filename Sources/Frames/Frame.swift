import Addressing
import PageTables

/// A frame of data with one or more owners. Each value is one of them; the frame is free when the
/// last one ends.
@frozen public struct Frame<Pool: FramePool>: ~Copyable {
  public let address: PhysicalAddress

  /// A new frame.
  ///
  /// - Parameters:
  ///   - limit: where it must end.
  ///   - isZeroed: whether its bytes are zeros; else they are those of its last owner.
  public init(below limit: PhysicalAddress? = nil, isZeroed: Bool = false) throws(OutOfFrames) {
    address = try Pool.withAllocator { (frames) throws(OutOfFrames) in
      try frames.take(1, .shared, below: limit, isZeroed: isZeroed).lowerBound
    }
  }

  /// One more owner of the frame at `address`.
  ///
  /// - Throws: any `FrameError`, where no shared frame begins.
  public init(at address: PhysicalAddress) throws(FrameError) {
    try Pool.withAllocator { (frames) throws(FrameError) in try frames.retain(address) }
    self.address = address
  }

  /// The owner of a share that nobody holds: one that `forget` left.
  package init(owning address: PhysicalAddress) { self.address = address }

  /// The frame of its exclusive owner, now to be shared.
  public init(_ unique: consuming UniqueFrame<Pool>) {
    let address = unique.address
    Pool.withAllocator { frames in frames.makeShared(address) }
    unique.forget()
    self.address = address
  }

  /// One more owner. Traps at more than 2^32 - 1 of them.
  public func share() -> Frame {
    Pool.withAllocator { frames in frames.addOwner(address.pageRange) }
    return Frame(owning: address)
  }

  /// How many owners it has.
  public var ownerCount: Int {
    Int(Pool.withAllocator { frames in frames.use(of: address)?.count ?? 0 })
  }

  /// Its 4096 bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self) get {
      // SAFETY: the frame's bytes, which are there as long as it has this owner. That nobody writes to
      // them meanwhile is for those to see to who share it.
      let span = unsafe RawSpan(_unsafeBytes: Pool.memory.table(at: address).unsafeBytes)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Ends this value, but not its share of the frame: whoever calls it releases that later, by
  /// `FrameAllocator.release`.
  package consuming func forget() { discard self }

  deinit { Pool.withAllocator { frames in frames.release(address.pageRange) } }
}

extension PhysicalAddress {
  /// The frame that begins here.
  public var pageRange: Range<PhysicalAddress> { self..<self + PageSize.size4KiB.byteCount }
}
