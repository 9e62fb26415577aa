/// The number of bits of a virtual address that translation looks at.
public enum AddressWidth: UInt8, Sendable, BitwiseCopyable {
  /// Arithmetic only: no x86-64 CPU has it, other architectures do.
  case bits39 = 39
  case bits48 = 48
  case bits57 = 57

  /// The table levels such an address passes: nine bits a level over a 12-bit page offset.
  public var levels: Int { (Int(rawValue) - 12) / 9 }

  /// The bytes that one entry of the top-level table spans.
  public var topLevelEntrySpan: UInt64 { 1 << (UInt64(rawValue) - 9) }

  /// The first address of the upper, sign-extended half.
  public var upperHalf: VirtualAddress { VirtualAddress(~0 << (UInt64(rawValue) - 1)) }

  /// The first address past the lower half.
  public var lowerHalfEnd: VirtualAddress { VirtualAddress(1 << (UInt64(rawValue) - 1)) }
}

/// The paging modes of 64-bit x86 (SDM volume 3, 4.5): CR4.LA57 chooses between them.
public enum PagingMode: UInt8, Sendable, BitwiseCopyable {
  case fourLevel = 4
  case fiveLevel = 5

  public var levels: Int { Int(rawValue) }

  public var addressWidth: AddressWidth { self == .fourLevel ? .bits48 : .bits57 }
}
