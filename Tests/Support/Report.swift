// Memory maps from plain values, as tests write them.

import Addressing
import BootInfo

/// A report for a memory map, or a region of one.
public struct Report: Equatable, Sendable {
  public var start: UInt64
  public var end: UInt64
  public var kind: RegionKind

  public init(_ start: UInt64, _ end: UInt64, _ kind: RegionKind) {
    (self.start, self.end, self.kind) = (start, end, kind)
  }

  public var range: Range<UInt64> { start..<end }
}

extension MemoryMap {
  /// A normalised map of these reports.
  public init(_ reports: [Report], limit: UInt64 = 1 << 52) throws(MemoryMapError) {
    self.init()
    try add(reports)
    try normalise(limit: limit)
  }

  public mutating func add(_ reports: [Report]) throws(MemoryMapError) {
    for report in reports {
      try add(start: report.start, byteCount: report.end - report.start, kind: report.kind)
    }
  }

  public mutating func normalise(limit: UInt64 = 1 << 52) throws(MemoryMapError) {
    try normalise(limit: PhysicalAddress(limit))
  }
}
