import Synchronization

/// Bytes on their way from an interrupt handler to the code that it interrupts. One adds, one takes, and
/// neither ever waits for the other.
///
///     storage   | | |c|d|e| | |      counts go on for ever; a byte lies at its number
///                    ^     ^         modulo the capacity
///                  taken  added
@safe public struct ByteQueue: ~Copyable, @unchecked Sendable {
  private let base: UnsafeMutablePointer<UInt8>
  public let capacity: Int
  private let added = Atomic<Int>(0)
  private let taken = Atomic<Int>(0)

  /// An empty queue.
  ///
  /// - Parameter storage: memory that nobody else uses while the queue is in use, not empty.
  @unsafe public init(unsafeStorage storage: UnsafeMutableRawBufferPointer) {
    capacity = storage.count
    // SAFETY: the caller gives memory that is there.
    unsafe base = storage.baseAddress!.bindMemory(to: UInt8.self, capacity: capacity)
  }

  /// How many bytes wait.
  public var count: Int { added.load(ordering: .acquiring) &- taken.load(ordering: .acquiring) }

  /// Adds a byte; says whether there was room. For the handler alone.
  public borrowing func add(_ byte: UInt8) -> Bool {
    let number = added.load(ordering: .relaxed)
    guard number &- taken.load(ordering: .acquiring) < capacity else { return false }
    // SAFETY: below the capacity, and nobody takes the byte before it is counted.
    unsafe base[number % capacity] = byte
    added.store(number &+ 1, ordering: .releasing)
    return true
  }

  /// The oldest byte; `nil` if none waits. For whoever the handler interrupts.
  public borrowing func take() -> UInt8? {
    let number = taken.load(ordering: .relaxed)
    guard number != added.load(ordering: .acquiring) else { return nil }
    // SAFETY: below the capacity, and the place is not used again before the byte counts as taken.
    let byte = unsafe base[number % capacity]
    taken.store(number &+ 1, ordering: .releasing)
    return byte
  }
}
