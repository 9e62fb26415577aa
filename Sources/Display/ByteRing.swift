public import BootInfo

/// The last bytes of all that were added, as many as there is room for.
public struct ByteRing: ~Copyable {
  private var bytes: FixedArray<UInt8>
  /// Where the oldest is, once there is no more room.
  private var oldest = 0

  /// - Parameter storage: empty; its capacity is the ring's.
  public init(_ storage: consuming FixedArray<UInt8>) { bytes = storage }

  public mutating func append(_ byte: UInt8) {
    guard !bytes.append(byte), bytes.capacity > 0 else { return }
    bytes[oldest] = byte
    oldest = (oldest + 1) % bytes.capacity
  }

  /// Calls `body` with each byte, the oldest first.
  public func forEachByte(_ body: (UInt8) -> Void) {
    for index in 0..<bytes.count { body(bytes[(oldest + index) % bytes.count]) }
  }
}
