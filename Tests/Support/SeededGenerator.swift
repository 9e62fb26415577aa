// Random numbers that are the same on every run: a failure can be seen again.

/// SplitMix64, by Sebastiano Vigna.
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  private var bytes: ArraySlice<UInt8> = []
  /// Whether there were bytes to take numbers from, and none is left.
  public private(set) var isExhausted = false

  public init(seed: UInt64) { state = seed }

  /// Numbers by bytes as long as there are some: who chooses the bytes chooses what is drawn, since
  /// the highest bits of a number decide what becomes of it.
  public init(_ bytes: [UInt8]) {
    state = UInt64(bytes.count)
    self.bytes = bytes[...]
    isExhausted = bytes.isEmpty
  }

  public mutating func next() -> UInt64 {
    guard let high = bytes.popFirst() else { return mixed() }
    let low = bytes.popFirst() ?? 0
    isExhausted = bytes.isEmpty
    return UInt64(high) << 56 | UInt64(low) << 48 | mixed() >> 16
  }

  private mutating func mixed() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
