// Leaves joined to runs, and how few pages a run could have been cut into.

/// Leaves of any sizes that follow each other, virtually and physically, with equal rights and
/// caching: what one mapping of one range looks like from outside.
public struct Run: Equatable, Sendable {
  public let virtual: UInt64
  public let physical: UInt64
  public let grants: Grants
  public let global: Bool
  public let patIndex: UInt8
  public private(set) var byteCount: UInt64 = 0
  public private(set) var pages = PageCounts()

  init(startingAt leaf: Leaf) {
    virtual = leaf.virtual
    physical = leaf.physical
    grants = leaf.grants
    global = leaf.global
    patIndex = leaf.patIndex
  }

  public var virtualRange: Range<UInt64> { Run.range(virtual, byteCount) }
  public var physicalRange: Range<UInt64> { Run.range(physical, byteCount) }

  /// The highest page ends at 2^64, which no number holds: one byte less has to do.
  private static func range(_ start: UInt64, _ byteCount: UInt64) -> Range<UInt64> {
    let (end, overflow) = start.addingReportingOverflow(byteCount)
    return start..<(overflow ? .max : end)
  }

  private func isFollowed(by leaf: Leaf) -> Bool {
    virtual &+ byteCount == leaf.virtual && physical + byteCount == leaf.physical
      && grants == leaf.grants && global == leaf.global && patIndex == leaf.patIndex
  }

  static func joining(_ leaves: [Leaf]) -> [Run] {
    guard let first = leaves.first else { return [] }
    var runs: [Run] = []
    var run = Run(startingAt: first)
    for leaf in leaves {
      if !run.isFollowed(by: leaf) {
        runs.append(run)
        run = Run(startingAt: leaf)
      }
      run.byteCount += leaf.size
      run.pages.add(leaf)
    }
    return runs + [run]
  }
}

/// How many pages of each size.
public struct PageCounts: Equatable, Sendable, CustomStringConvertible {
  public var of1GiB: UInt64 = 0
  public var of2MiB: UInt64 = 0
  public var of4KiB: UInt64 = 0

  public init(of1GiB: UInt64 = 0, of2MiB: UInt64 = 0, of4KiB: UInt64 = 0) {
    self.of1GiB = of1GiB
    self.of2MiB = of2MiB
    self.of4KiB = of4KiB
  }

  public mutating func add(_ leaf: Leaf) {
    switch leaf.shift {
    case 30: of1GiB += 1
    case 21: of2MiB += 1
    default: of4KiB += 1
    }
  }

  public var description: String { "\(of1GiB) of 1 GiB, \(of2MiB) of 2 MiB, \(of4KiB) of 4 KiB" }

  /// The fewest pages that map a range, up to pages of `2^largestShift` bytes.
  ///
  /// A page can be used wherever an aligned block of its size lies inside the range, if virtual
  /// and physical address are equally far from such a block's start. An aligned block is made of
  /// aligned smaller blocks, so each size gets those of its blocks that no larger page covers.
  public static func fewest(
    virtual: UInt64, physical: UInt64, byteCount: UInt64, largestShift: UInt8
  ) -> PageCounts {
    func blocks(_ shift: UInt8) -> UInt64 {
      let size: UInt64 = 1 << UInt64(shift)
      guard shift <= largestShift, (virtual &- physical) % size == 0 else { return 0 }
      // Counted from the range's start, so that the end of the address space needs no care.
      let head = (0 &- virtual) % size
      return byteCount < head ? 0 : (byteCount - head) / size
    }
    return PageCounts(
      of1GiB: blocks(30), of2MiB: blocks(21) - blocks(30) << 9,
      of4KiB: byteCount >> 12 - blocks(21) << 9)
  }
}

extension Snapshot {
  /// The number of pages of each size in all of the table.
  public var pages: PageCounts {
    runs.reduce(into: PageCounts()) { sum, run in
      sum.of1GiB += run.pages.of1GiB
      sum.of2MiB += run.pages.of2MiB
      sum.of4KiB += run.pages.of4KiB
    }
  }

  /// Runs, among those that start in `range`, that are cut into other pages than the fewest.
  ///
  /// - Parameter gigabytePages: whether the CPU has 1 GiB pages (CPUID 0x8000_0001 EDX bit 26).
  public func largestPagesViolations(
    in range: Range<UInt64> = 0..<(.max), gigabytePages: Bool
  ) -> [String] {
    runs.filter { range.contains($0.virtual) }.compactMap { run in
      let fewest = PageCounts.fewest(
        virtual: run.virtual, physical: run.physical, byteCount: run.byteCount,
        largestShift: gigabytePages ? 30 : 21)
      guard fewest != run.pages else { return nil }
      return "\(hex(run.virtual)) is mapped by \(run.pages) pages; \(fewest) would do"
    }
  }
}
