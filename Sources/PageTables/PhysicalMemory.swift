import Addressing

// The two things a page table needs from the world: to reach its tables, and to get new ones.
// The kernel reaches them through the linear mapping, a host test through an array.

/// How a physical address becomes something to load from and store to.
public protocol PhysicalMemory {
  /// The 512 entries of the table at `address`.
  ///
  /// - Precondition: `address` is a frame that holds a table, and nobody but the page table
  ///   writes to it.
  func table(at address: PhysicalAddress) -> TableEntries
}

/// Where table frames come from, and the promise that they do come: what can fail is asked before
/// the first change.
public protocol TableFrameSource: ~Copyable {
  /// Makes sure that the next `count` calls of `takeFrame` succeed.
  mutating func reserve(_ count: Int) throws(OutOfFrames)

  /// A frame of arbitrary content that nobody else has.
  ///
  /// - Precondition: a `reserve` covers it.
  mutating func takeFrame() -> PhysicalAddress
}

/// There are fewer free frames than an operation needs.
public struct OutOfFrames: Error, Equatable {
  public let needed: Int
  public let available: Int

  public init(needed: Int, available: Int) {
    self.needed = needed
    self.available = available
  }
}

/// The entries of one table: holding a value says that a frame of 512 entries lies there.
@safe public struct TableEntries {
  public static let count = 512

  private let base: UnsafeMutablePointer<UInt64>

  /// - Parameter base: the first of 512 entries, valid as long as this value is used.
  @unsafe public init(unsafeBase base: UnsafeMutablePointer<UInt64>) { unsafe self.base = base }

  public subscript(index: Int) -> PageTableEntry {
    get { PageTableEntry(rawValue: self[word: index]) }
    nonmutating set { self[word: index] = newValue.rawValue }
  }

  /// An entry as a plain number: for frames that hold something else than a table.
  public subscript(word index: Int) -> UInt64 {
    get {
      precondition(index >= 0 && index < TableEntries.count)
      // SAFETY: `base` starts 512 entries, and the index is one of them.
      return unsafe base[index]
    }
    nonmutating set {
      precondition(index >= 0 && index < TableEntries.count)
      // SAFETY: as above.
      unsafe base[index] = newValue
    }
  }

  /// Makes every entry absent.
  public func clear() {
    // SAFETY: exactly the 512 entries that `base` starts.
    unsafe base.update(repeating: 0, count: TableEntries.count)
  }

  /// Writes leaves that are alike but for their address, which grows by `step`.
  func fill(_ indices: Range<Int>, from first: UInt64, step: UInt64) {
    precondition(indices.lowerBound >= 0 && indices.upperBound <= TableEntries.count)
    var value = first
    for index in indices {
      // SAFETY: `base` starts 512 entries, and the indices are among them.
      unsafe base[index] = value
      value &+= step
    }
  }
}
