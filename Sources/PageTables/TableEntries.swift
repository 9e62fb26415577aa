import Addressing
import Machine
import Synchronization

/// The entries of one table: holding a value says that a frame of 512 entries lies there.
@safe public struct TableEntries {
  public static let count = 512
  /// The places, 256 bytes apart, where it is tried whether a frame is memory.
  public static let probeCount = 16

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

  /// The frame's bytes: for one that holds data. They are valid as long as this value is.
  @unsafe public var unsafeBytes: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(
      start: base, count: TableEntries.count * MemoryLayout<UInt64>.size)
  }

  /// Makes every entry absent.
  public func clear() { fill(0..<TableEntries.count, with: .absent) }

  /// Writes a word in some places, has it leave the cache, and reads it back. No two words are alike:
  /// an echo of the last one on the bus is no memory.
  ///
  /// - Parameter address: where the entries are, for words that no other frame gets.
  public func keepData(_ address: PhysicalAddress, probes: Int) -> Bool {
    precondition(probes <= TableEntries.probeCount)
    let step = TableEntries.count / TableEntries.probeCount
    let end = probes * step
    var index = 0
    while index < end {
      // SAFETY: `base` starts 512 entries, and the index is one of them; likewise below.
      let word = unsafe base + index
      unsafe word.pointee = ~(address.rawValue | UInt64(truncatingIfNeeded: index))
      flushCacheLine(UInt64(UInt(bitPattern: word)))
      index += step
    }
    // Loads may not come before the flushes (SDM volume 2, CLFLUSH).
    memoryFence()
    index = 0
    while index < end {
      let expected = ~(address.rawValue | UInt64(truncatingIfNeeded: index))
      guard unsafe base[index] == expected else { return false }
      index += step
    }
    return true
  }

  /// Points the entry `index` to a table that is complete: the CPU may walk there at once, so no
  /// store to that table may come after this one, which the fence tells the compiler.
  func link(_ index: Int, to table: PhysicalAddress, user: Bool, count: Int) {
    atomicMemoryFence(ordering: .releasing)
    self[index] = .table(at: table, user: user, count: count)
  }
}

// Runs of entries. Each checks its indices once, then goes from entry to entry.
extension TableEntries {
  private func check(_ indices: Range<Int>) {
    precondition(indices.lowerBound >= 0 && indices.upperBound <= TableEntries.count)
  }

  public func fill(_ indices: Range<Int>, with entry: PageTableEntry) {
    check(indices)
    // SAFETY: `base` starts 512 entries, and the indices are among them; likewise below.
    unsafe (base + indices.lowerBound).update(repeating: entry.rawValue, count: indices.count)
  }

  /// Writes leaves that are alike but for their address, which grows by `step`.
  func fill(_ indices: Range<Int>, from first: UInt64, step: UInt64) {
    check(indices)
    var value = first
    for index in indices {
      unsafe base[index] = value
      value &+= step
    }
  }

  /// Whether nothing at all stands in these entries. Eight at a time: this is asked about each run
  /// that is mapped, and should cost less than writing it.
  @inline(__always)
  func areClear(_ indices: Range<Int>) -> Bool {
    check(indices)
    var index = indices.lowerBound
    while indices.upperBound - index >= 8 {
      let eight = unsafe base + index
      let low = unsafe eight[0] | eight[1] | eight[2] | eight[3]
      let high = unsafe eight[4] | eight[5] | eight[6] | eight[7]
      guard low | high == 0 else { return false }
      index += 8
    }
    while index < indices.upperBound {
      guard unsafe base[index] == 0 else { return false }
      index += 1
    }
    return true
  }

  /// The first entry that is present. Eight at a time, since most tables are nearly empty or nearly
  /// full.
  func firstPresent(in indices: Range<Int>) -> Int? {
    check(indices)
    var index = indices.lowerBound
    while index < indices.upperBound {
      if unsafe base[index] & PageTableEntry.Bits.present != 0 { return index }
      index += 1
      while indices.upperBound - index >= 8 {
        let eight = unsafe base + index
        let low = unsafe eight[0] | eight[1] | eight[2] | eight[3]
        let high = unsafe eight[4] | eight[5] | eight[6] | eight[7]
        guard (low | high) & PageTableEntry.Bits.present == 0 else { break }
        index += 8
      }
    }
    return nil
  }

  /// Whether eight entries from `index` on are `first`, but for bits of `ignored`, and an address that
  /// grows by `step`. No branch between them: they are compared in one go.
  @inline(__always)
  private func areAlike(
    eightFrom index: Int, _ first: UInt64, ignoring ignored: UInt64, step: UInt64
  ) -> Bool {
    let eight = unsafe base + index
    var (difference, expected): (UInt64, UInt64) = (0, first)
    for index in 0..<8 {
      difference |= unsafe eight[index] & ~ignored ^ expected
      expected &+= step
    }
    return difference == 0
  }

  /// How many entries, from the first of `indices` on, are alike but for the bits of `ignored` and for an
  /// address that grows by `step`.
  func countRun(_ indices: Range<Int>, ignoring ignored: UInt64, step: UInt64) -> Int {
    check(indices)
    precondition(!indices.isEmpty)
    var expected = unsafe base[indices.lowerBound] & ~ignored
    var index = indices.lowerBound
    while indices.upperBound - index >= 8,
      areAlike(eightFrom: index, expected, ignoring: ignored, step: step)
    {
      index += 8
      expected &+= 8 &* step
    }
    while index < indices.upperBound, unsafe base[index] & ~ignored == expected {
      index += 1
      expected &+= step
    }
    return index - indices.lowerBound
  }

  /// Clears the first of `indices` and those that follow it with entries alike, but for the bits of
  /// `ignored` and for an address that grows by `step`.
  ///
  /// - Returns: their number.
  @inline(__always)
  func clearRun(_ indices: Range<Int>, ignoring ignored: UInt64, step: UInt64) -> Int {
    check(indices)
    precondition(!indices.isEmpty)
    var expected = unsafe base[indices.lowerBound] & ~ignored
    var index = indices.lowerBound
    while indices.upperBound - index >= 8,
      areAlike(eightFrom: index, expected, ignoring: ignored, step: step)
    {
      unsafe (base + index).update(repeating: 0, count: 8)
      index += 8
      expected &+= 8 &* step
    }
    while index < indices.upperBound, unsafe base[index] & ~ignored == expected {
      unsafe base[index] = 0
      index += 1
      expected &+= step
    }
    return index - indices.lowerBound
  }

  /// Replaces all bits but those of `kept` in the first of `indices` and those that follow it with
  /// entries alike in what is replaced.
  ///
  /// - Returns: their number.
  @inline(__always)
  func rewriteRun(_ indices: Range<Int>, keeping kept: UInt64, _ bits: UInt64) -> Int {
    check(indices)
    precondition(!indices.isEmpty)
    let old = unsafe base[indices.lowerBound] & ~kept
    var index = indices.lowerBound
    while indices.upperBound - index >= 8,
      areAlike(eightFrom: index, old, ignoring: kept, step: 0)
    {
      for index in index..<index + 8 { unsafe base[index] = base[index] & kept | bits }
      index += 8
    }
    while index < indices.upperBound, unsafe base[index] & ~kept == old {
      unsafe base[index] = base[index] & kept | bits
      index += 1
    }
    return index - indices.lowerBound
  }
}
