// A list in memory that somebody else set aside. `InlineArray` is no substitute for a large one:
// reading an element through a borrowed value copies the whole array first.

/// A list with a fixed capacity, checked at every access. It does not own its memory, and never
/// destroys an element: they are plain values without a destructor.
@safe public struct FixedArray<Element>: ~Copyable {
  fileprivate let base: UnsafeMutablePointer<Element>
  public let capacity: Int
  public private(set) var count = 0

  /// An empty list in `storage`, of as many elements as fit.
  ///
  /// - Parameter storage: memory that nobody else uses while the list is in use, aligned for
  ///   `Element`.
  @unsafe public init(unsafeStorage storage: UnsafeMutableRawBufferPointer) {
    capacity = storage.count / MemoryLayout<Element>.stride
    // SAFETY: an empty buffer may have no address; nothing is then ever read or written.
    let start = unsafe storage.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1)!
    unsafe base = start.bindMemory(to: Element.self, capacity: capacity)
  }

  /// Adds an element at the end; says whether there was room.
  public mutating func append(_ element: Element) -> Bool {
    guard count < capacity else { return false }
    // SAFETY: below the capacity.
    unsafe (base + count).initialize(to: element)
    count += 1
    return true
  }

  /// Traps where there is no element.
  public mutating func removeLast() {
    precondition(count > 0)
    count -= 1
  }

  public mutating func removeAll() { count = 0 }

  public subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count)
      // SAFETY: below the count, so initialised.
      return unsafe base[index]
    }
    set {
      precondition(index >= 0 && index < count)
      // SAFETY: as above.
      unsafe base[index] = newValue
    }
  }

  public mutating func swapAt(_ first: Int, _ second: Int) {
    let element = self[first]
    self[first] = self[second]
    self[second] = element
  }
}

extension FixedArray where Element == UInt8 {
  /// The elements.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // SAFETY: all of them are initialised, and stay as long as the list is not changed.
      let span = unsafe RawSpan(_unsafeStart: base, byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}
