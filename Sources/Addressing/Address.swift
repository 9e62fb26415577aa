// Addresses as types: a physical address is never taken for a virtual one, nor either for a number.

/// What physical and virtual addresses share: a 64-bit number that counts bytes.
public protocol Address: Comparable, Hashable, Sendable, BitwiseCopyable {
  var rawValue: UInt64 { get }
  init(_ rawValue: UInt64)
}

extension Address {
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  /// The address `byteCount` bytes higher. Traps past the end of the 64-bit space.
  public static func + (address: Self, byteCount: UInt64) -> Self {
    Self(address.rawValue + byteCount)
  }

  /// The address `byteCount` bytes lower. Traps below zero.
  public static func - (address: Self, byteCount: UInt64) -> Self {
    Self(address.rawValue - byteCount)
  }

  /// The bytes from `lower` up to `upper`. Traps when `upper` is the lower one.
  public static func - (upper: Self, lower: Self) -> UInt64 { upper.rawValue - lower.rawValue }

  public func isAligned(to size: PageSize) -> Bool { rawValue & size.offsetMask == 0 }

  /// The start of the page of `size` that holds this address.
  public func alignedDown(to size: PageSize) -> Self { Self(rawValue & ~size.offsetMask) }

  /// The first page boundary of `size` at or above this address; `nil` past the 64-bit space.
  public func alignedUp(to size: PageSize) -> Self? {
    let (sum, overflow) = rawValue.addingReportingOverflow(size.offsetMask)
    return overflow ? nil : Self(sum & ~size.offsetMask)
  }
}

/// A place in the machine's physical address space: RAM, a device's registers, or nothing.
public struct PhysicalAddress: Address {
  public let rawValue: UInt64

  /// Physical addresses end below 2^52 on every x86-64 CPU (SDM volume 3, 4.1.4).
  public static let widest = 52

  public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// A place in a virtual address space. It may be non-canonical: see `isCanonical(in:)`.
public struct VirtualAddress: Address {
  public let rawValue: UInt64

  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// Whether the bits from the width's top bit upward are all alike, as the CPU demands
  /// (SDM volume 1, 3.3.7.1).
  public func isCanonical(in width: AddressWidth) -> Bool {
    // Half the space further up, both halves lie below 2^width.
    let bits = UInt64(width.rawValue)
    return (rawValue &+ 1 &<< (bits &- 1)) &>> bits == 0
  }
}

extension Range where Bound: Address {
  /// The range's length in bytes.
  public var byteCount: UInt64 { upperBound - lowerBound }
}
