// What a page table should be after a sequence of changes, kept without any tables: the reference of
// the random tests. It goes from page to page where Highland computes.

import Addressing
import Oracle
import PageTables

/// Neighbouring pages of one size and property that map neighbouring frames.
package struct PageSegment: Equatable, CustomStringConvertible {
  package var start: UInt64
  package var end: UInt64
  package var physical: UInt64
  /// 12, 21 or 30.
  package var shift: UInt64
  package var property: PageProperty

  package init(
    start: UInt64, end: UInt64, physical: UInt64, shift: UInt64, property: PageProperty
  ) {
    (self.start, self.end, self.physical) = (start, end, physical)
    (self.shift, self.property) = (shift, property)
  }

  package var description: String {
    "\(String(start, radix: 16))..<\(String(end, radix: 16)) to \(String(physical, radix: 16))"
      + " by 2^\(shift), \(property)"
  }

  package func overlaps(_ range: Range<UInt64>) -> Bool {
    max(start, range.lowerBound) < min(end, range.upperBound)
  }

  /// The part of the segment from `lower` up to `upper`.
  package func part(_ lower: UInt64, _ upper: UInt64) -> PageSegment {
    var part = self
    (part.start, part.end) = (max(start, lower), min(end, upper))
    part.physical += part.start - start
    return part
  }
}

extension PageSegment {
  package init(_ run: MappedRun) {
    self.init(
      start: run.virtual.lowerBound.rawValue, end: run.virtual.upperBound.rawValue,
      physical: run.physical.rawValue, shift: run.size.shift, property: run.property)
  }
}

extension [PageSegment] {
  /// Appends a segment, to the last one if it continues it.
  package mutating func join(_ next: PageSegment) {
    guard next.start < next.end else { return }
    if let last, last.end == next.start, last.shift == next.shift,
      last.physical + (last.end - last.start) == next.physical, last.property == next.property
    {
      self[count - 1].end = next.end
    } else {
      append(next)
    }
  }

  package func joined() -> [PageSegment] { reduce(into: []) { $0.join($1) } }
}

package struct PageModel: Equatable {
  /// All that is mapped, lowest first.
  package private(set) var segments: [PageSegment] = []

  package init() {}

  /// The pages of a mapping: each the largest that fits where the one before ends.
  package static func pages(
    _ range: Range<UInt64>, to physical: UInt64, _ property: PageProperty, largest: PageSize
  ) -> [PageSegment] {
    var pages: [PageSegment] = []
    var start = range.lowerBound
    let (end, distance, limit) = (range.upperBound, physical &- start, largest.shift)
    while start < end {
      let first = start
      func fits(_ shift: UInt64) -> Bool {
        shift <= limit && (start | (start &+ distance)) & (1 << shift - 1) == 0
          && end - start >= 1 << shift
      }
      let shift: UInt64 = fits(30) ? 30 : fits(21) ? 21 : 12
      repeat { start += 1 << shift } while start < end && fits(shift) && !fits(shift + 9)
      pages.append(
        PageSegment(
          start: first, end: start, physical: first &+ distance, shift: shift, property: property))
    }
    return pages
  }

  /// Maps `pages`, or returns the first of them that meets an older one.
  package mutating func map(_ pages: [PageSegment]) -> UInt64? {
    for page in pages {
      if let old = segments.first(where: { $0.overlaps(page.start..<page.end) }) {
        let distance = old.start > page.start ? old.start - page.start : 0
        return page.start + distance & ~(1 << page.shift - 1)
      }
    }
    segments = (segments + pages).sorted { $0.start < $1.start }
    return nil
  }

  /// Splits the page that `boundary` lies in until one begins there: the number of splits.
  package mutating func split(at boundary: UInt64) -> Int {
    guard let position = segments.firstIndex(where: { $0.start < boundary && boundary < $0.end })
    else { return 0 }
    let old = segments[position]
    let size: UInt64 = 1 << old.shift
    let page = old.start + (boundary - old.start) / size * size
    guard page < boundary else { return 0 }
    var split = old.part(page, page + size)
    split.shift -= 9
    segments.replaceSubrange(
      position...position,
      with: [old.part(old.start, page), split, old.part(page + size, old.end)]
        .filter { $0.start < $0.end })
    return 1 + self.split(at: boundary)
  }

  /// Takes what is mapped in a range that no page straddles the ends of.
  package mutating func take(_ range: Range<UInt64>) -> [PageSegment] {
    var taken: [PageSegment] = []
    change(range) {
      taken.append($0)
      return nil
    }
    return taken.joined()
  }

  package mutating func protect(_ range: Range<UInt64>, _ change: (inout PageProperty) -> Void) {
    self.change(range) {
      var new = $0
      change(&new.property)
      return new
    }
  }

  private mutating func change(
    _ range: Range<UInt64>, _ body: (PageSegment) -> PageSegment?
  ) {
    var changed: [PageSegment] = []
    for old in segments {
      guard old.overlaps(range) else {
        changed.append(old)
        continue
      }
      let inside = body(old.part(range.lowerBound, range.upperBound))
      changed += [old.part(0, range.lowerBound), inside, old.part(range.upperBound, .max)]
        .compactMap { $0 }.filter { $0.start < $0.end }
    }
    segments = changed
  }

  /// The first segment that reaches into `range`.
  package func first(in range: Range<UInt64>) -> PageSegment? {
    segments.first { $0.overlaps(range) }
  }

  package func translate(_ address: UInt64) -> (physical: UInt64, PageSegment)? {
    guard let segment = first(in: address..<address + 1) else { return nil }
    return (segment.physical + (address - segment.start), segment)
  }

  /// The tables that it takes: the root, those of the kernel half's top-level entries, and each that
  /// something is mapped below.
  package func tableCount(_ mode: PagingMode) -> Int {
    var count = 1 + 256
    for level in 1..<mode.levels {
      let span = UInt64(12 + 9 * level)
      var last: UInt64?
      for segment in segments where segment.shift <= 3 + 9 * UInt64(level) {
        if level == mode.levels - 1, segment.start >> 63 == 1 { continue }
        let first = segment.start >> span
        let end = (segment.end - 1) >> span
        count += Int(end - first) + (last == first ? 0 : 1)
        last = end
      }
    }
    return count
  }
}

extension Snapshot {
  /// The pages as the oracle reads them, with the rights that all tables on their way grant.
  package var segments: [PageSegment] {
    leaves.reduce(into: []) { segments, leaf in
      var rights = Rights.none
      if leaf.writable { rights.insert(.write) }
      if leaf.user { rights.insert(.user) }
      if leaf.executable { rights.insert(.execute) }
      let property = PageProperty(
        rights: rights, memoryType: MemoryType(patIndex: leaf.patIndex), isGlobal: leaf.global,
        software: UInt16(leaf.entry >> 9 & 7 | (leaf.entry >> 52 & 0x7f) << 3))
      segments.join(
        PageSegment(
          start: leaf.virtual, end: leaf.virtual + leaf.size, physical: leaf.physical,
          shift: UInt64(leaf.shift), property: property))
    }
  }
}
