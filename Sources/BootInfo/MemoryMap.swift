// The map of physical memory: filled with what firmware and boot loader report, in any order and
// with any contradiction, then normalised once. MemoryMap+Normalise.swift holds the rules.

public import Addressing

/// The regions of physical memory.
///
/// Before `normalise` these are the reports as added, each already rounded unless usable. After it
/// they are sorted, disjoint, made of whole 4 KiB pages, and no two that touch are of one kind.
///
/// Its memory is the caller's: see `init`.
public struct MemoryMap: ~Copyable {
  var regions: FixedArray<MemoryRegion>

  /// What `normalise` sorts: two events a region.
  var events: FixedArray<Event>

  public var count: Int { regions.count }

  /// The most reports that fit, and the most regions that can result.
  public var capacity: Int { regions.capacity }

  /// The regions below this index are the result of the last `normalise`, not reports.
  var normalisedCount = 0

  /// The bytes of RAM that `normalise` left out because they lie past its limit.
  public internal(set) var ramLeftOut: UInt64 = 0

  /// What a region takes of the map's memory. The longest map seen on a real machine has 225
  /// entries; Highland promises room for 512 and has it for 1024.
  public static var bytesPerRegion: Int {
    MemoryLayout<MemoryRegion>.stride + 2 * MemoryLayout<Event>.stride
  }

  /// An empty map in `storage`.
  ///
  /// - Parameter storage: `bytesPerRegion` for each region there may be, 8-byte aligned, that
  ///   nobody else uses as long as the map lives.
  @unsafe public init(unsafeStorage storage: UnsafeMutableRawBufferPointer) {
    let capacity = storage.count / Self.bytesPerRegion
    let split = capacity * MemoryLayout<MemoryRegion>.stride
    // SAFETY: two disjoint parts of memory that the caller vouches for.
    regions = unsafe FixedArray(unsafeStorage: .init(rebasing: storage[..<split]))
    events = unsafe FixedArray(unsafeStorage: .init(rebasing: storage[split...]))
  }

  public subscript(index: Int) -> MemoryRegion { regions[index] }

  /// Adds a report as it came. Nothing is asked of the numbers: an empty report adds nothing, one
  /// that runs past 2^52, or past 2^64, ends at 2^52.
  ///
  /// - Throws: `MemoryMapError.tooManyEntries`; the map is then as it was.
  public mutating func add(
    start: UInt64, byteCount: UInt64, kind: RegionKind
  ) throws(MemoryMapError) {
    let (sum, wraps) = start.addingReportingOverflow(byteCount)
    let widest: UInt64 = 1 << UInt64(PhysicalAddress.widest)
    var lower = PhysicalAddress(start)
    var upper = PhysicalAddress(wraps ? widest : min(sum, widest))
    guard lower < upper else { return }
    // Usable RAM keeps its bytes for now: two reports may meet inside a page and make it whole.
    if kind != .usable {
      lower = lower.alignedDown(to: .size4KiB)
      upper = upper.alignedUp(to: .size4KiB) ?? upper
    }
    try append(MemoryRegion(lower..<upper, kind))
  }

  mutating func append(_ region: MemoryRegion) throws(MemoryMapError) {
    guard regions.append(region) else { throw .tooManyEntries }
  }
}

extension MemoryMap {
  /// What lies at `address`; `nil` for a hole. - Complexity: O(log regions)
  ///
  /// - Precondition: the map is normalised.
  public func kind(at address: PhysicalAddress) -> RegionKind? {
    let index = indexOfRegion(endingAfter: address)
    return index < count && regions[index].range.contains(address) ? regions[index].kind : nil
  }

  /// The first region that ends above `address`, or the count of regions.
  ///
  /// - Precondition: the map is normalised.
  public func indexOfRegion(endingAfter address: PhysicalAddress) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if regions[middle].range.upperBound <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Whether any of `range` is RAM. - Complexity: O(log regions + regions in the range)
  ///
  /// - Precondition: the map is normalised.
  public func hasRAM(in range: Range<PhysicalAddress>) -> Bool {
    guard !range.isEmpty else { return false }
    var index = indexOfRegion(endingAfter: range.lowerBound)
    while index < count, regions[index].range.lowerBound < range.upperBound {
      if regions[index].kind.isRAM { return true }
      index += 1
    }
    return false
  }

  /// The bytes in regions of one kind. - Complexity: O(regions)
  public func byteCount(of kind: RegionKind) -> UInt64 {
    var sum: UInt64 = 0
    for index in 0..<count where regions[index].kind == kind {
      sum += regions[index].range.byteCount
    }
    return sum
  }

  /// The bytes of RAM, free or not: what the linear mapping covers. - Complexity: O(regions)
  public var ramByteCount: UInt64 {
    var sum: UInt64 = 0
    for index in 0..<count where regions[index].kind.isRAM {
      sum += regions[index].range.byteCount
    }
    return sum
  }
}

/// Why a memory map cannot be used.
public enum MemoryMapError: Error, Equatable {
  /// More than `capacity` reports, or regions.
  case tooManyEntries
  /// The kernel or a module lies, from this page on, where the firmware reports no usable RAM but
  /// the second kind, or nothing at all.
  case notInRAM(RegionKind, at: PhysicalAddress, over: RegionKind?)
  /// The kernel or a module lies, from this page on, where the linear mapping cannot reach.
  case pastLimit(RegionKind, at: PhysicalAddress)
  /// Not one page of usable RAM.
  case noUsableRAM
}
