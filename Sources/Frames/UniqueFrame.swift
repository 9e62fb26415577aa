import Addressing
import PageTables

/// A frame of data with one owner, this value, who may write to it. It is free when that ends.
@frozen public struct UniqueFrame<Pool: FramePool>: ~Copyable {
  public let address: PhysicalAddress

  /// A new frame: see `Frame.init`.
  public init(below limit: PhysicalAddress? = nil, isZeroed: Bool = false) throws(OutOfFrames) {
    address = try Pool.withAllocator { (frames) throws(OutOfFrames) in
      try frames.take(1, .exclusive, below: limit, isZeroed: isZeroed).lowerBound
    }
  }

  /// Takes a shared frame over from its only owner. If there are others, or none at all, nothing
  /// happens and `frame` keeps what it has.
  public init?(_ frame: inout Frame<Pool>?) {
    guard let address = frame?.address,
      Pool.withAllocator({ frames in frames.makeUnique(address) }),
      let taken = frame.take()
    else { return nil }
    taken.forget()
    self.address = address
  }

  /// Its 4096 bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self) get {
      // SAFETY: the frame's bytes, which are there as long as it has its owner.
      let span = unsafe RawSpan(_unsafeBytes: Pool.memory.table(at: address).unsafeBytes)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Its 4096 bytes, to be written.
  public var mutableBytes: MutableRawSpan {
    @_lifetime(&self) mutating get {
      // SAFETY: as above, and nobody else has the frame.
      let span = unsafe MutableRawSpan(_unsafeBytes: Pool.memory.table(at: address).unsafeBytes)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// Ends this value without giving up the frame.
  consuming func forget() { discard self }

  deinit { Pool.withAllocator { frames in frames.release(address.pageRange) } }
}
