import Addressing
import PageTables

/// A set of small numbers, one bit each, in frames taken for the purpose and kept.
///
///     frame 0                                     frame 1
///     +--------+--------+- - -+--------+          +--------+- - -
///     | 0...63 |64..127 |     | ...32767          | 32768...
///     +--------+--------+- - -+--------+          +--------+- - -
struct TableSet<Memory: PhysicalMemory> {
  private let memory: Memory
  /// Sixteen frames hold a bit for each table of 512 TiB mapped by 2 MiB pages.
  private var frames: InlineArray<16, PhysicalAddress>
  private let capacity: Int

  private static var bitsPerFrame: Int { TableEntries.count * 64 }

  /// An empty set of numbers below `capacity`.
  init<Source: TableFrameSource & ~Copyable>(
    for capacity: Int, memory: Memory, from source: inout Source
  ) throws(OutOfFrames) {
    let count = (capacity + Self.bitsPerFrame - 1) / Self.bitsPerFrame
    frames = InlineArray(repeating: PhysicalAddress(0))
    guard count <= frames.count else {
      throw OutOfFrames(needed: count, available: frames.count)
    }
    try source.reserve(count)
    for index in 0..<count {
      frames[index] = source.takeFrame()
      memory.table(at: frames[index]).clear()
    }
    self.memory = memory
    self.capacity = capacity
  }

  /// Adds `number`; says whether it was new. One that the set has no room for never is.
  mutating func insert(_ number: Int) -> Bool {
    guard number < capacity else { return false }
    let words = memory.table(at: frames[number / Self.bitsPerFrame])
    let word = number % Self.bitsPerFrame / 64
    let bit: UInt64 = 1 << UInt64(number % 64)
    guard words[word: word] & bit == 0 else { return false }
    words[word: word] |= bit
    return true
  }
}
