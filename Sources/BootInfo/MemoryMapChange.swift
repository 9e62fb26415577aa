// What the command line asks to change in the firmware's memory map, in Linux's words:
//
//     memmap=SIZE@START    usable RAM            memmap=SIZE     as mem=SIZE
//     memmap=SIZE$START    reserved              mem=SIZE        usable RAM ends at SIZE
//     memmap=SIZE#START    ACPI tables           memmap=A,B      both, in this order
//
// A number is decimal, hexadecimal with 0x or octal with 0, and may have one of the suffixes K, M,
// G, T, P and E, in either case, each 1024 times the one before.

public import Addressing

/// One change to the firmware's memory map.
public enum MemoryMapChange: Equatable, Sendable {
  /// The range is of this kind, where nothing stronger is reported.
  case add(Range<PhysicalAddress>, RegionKind)
  /// No RAM is usable from here on. What a later change adds, is.
  case endUsable(PhysicalAddress)

  /// What the value of `mem` asks for; `nil` unless it is a number above zero.
  public init?(mem value: borrowing Word) {
    var reader = NumberReader(value, .linux)
    guard let size = try? reader.number(), size > 0, reader.isAtEnd else { return nil }
    self = .endUsable(PhysicalAddress(size))
  }

  /// What a piece of the value of `memmap` asks for; `nil` unless it is complete, its size is above
  /// zero, and its end is an address.
  public init?(memmap piece: borrowing Word) {
    var reader = NumberReader(piece, .linux)
    guard let size = try? reader.number(), size > 0 else { return nil }
    if reader.isAtEnd {
      self = .endUsable(PhysicalAddress(size))
      return
    }
    let kind: RegionKind
    switch reader.next() {
    case UInt8(ascii: "@"): kind = .usable
    case UInt8(ascii: "$"): kind = .reserved
    case UInt8(ascii: "#"): kind = .acpi
    default: return nil
    }
    guard let start = try? reader.number(), reader.isAtEnd else { return nil }
    let (end, wraps) = start.addingReportingOverflow(size)
    if wraps { return nil }
    self = .add(PhysicalAddress(start)..<PhysicalAddress(end), kind)
  }
}

extension MemoryMap {
  /// Changes the reports so far.
  ///
  /// - Precondition: the map is not normalised yet.
  /// - Throws: `MemoryMapError.tooManyEntries`; the map is then as it was.
  public mutating func apply(_ change: MemoryMapChange) throws(MemoryMapError) {
    switch change {
    case .add(let range, let kind):
      try add(start: range.lowerBound.rawValue, byteCount: range.byteCount, kind: kind)
    case .endUsable(let end):
      endUsable(at: end)
    }
  }

  private mutating func endUsable(at end: PhysicalAddress) {
    // From the last to the first: what takes the place of a region has been looked at.
    for index in (0..<count).reversed() where regions[index].kind == .usable {
      let range = regions[index].range
      if range.lowerBound >= end {
        regions.swapAt(index, count - 1)
        regions.removeLast()
      } else if range.upperBound > end {
        regions[index] = MemoryRegion(range.lowerBound..<end, .usable)
      }
    }
  }
}
