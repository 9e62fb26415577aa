// A second normaliser that looks at every quarter of every page of a small address space and knows
// nothing of events, sorting or merging.

import Addressing
import BootInfo

/// The page-by-page normaliser.
package struct PlainMemoryMap {
  package static let pageCount = 48
  package static let quarter: UInt64 = 1024

  package private(set) var outcome = Outcome(regions: [], ramLeftOut: 0)

  /// The errors of which the sweep must report one; none if it must succeed.
  package private(set) var errors: [MemoryMapError] = []

  package init(_ reports: [Report], limit: UInt64) {
    var notInRAM: MemoryMapError?
    var pastLimit: MemoryMapError?
    for page in 0..<UInt64(Self.pageCount) {
      let (start, end) = (page * 4096, (page + 1) * 4096)
      let touching = reports.filter { $0.start < end && $0.end > start && $0.start < $0.end }
      let whole = stride(from: start, to: end, by: Int(Self.quarter)).allSatisfy { place in
        touching.contains {
          $0.kind == .usable && $0.start <= place && $0.end >= place + Self.quarter
        }
      }
      let kinds = touching.map(\.kind).filter { $0 != .usable || whole }
      guard let winner = kinds.min(by: { $0.rawValue < $1.rawValue }) else { continue }

      let image = [RegionKind.kernel, .module].first(where: kinds.contains)
      if let image, image != winner || !whole {
        let over = image == winner ? nil : winner
        notInRAM = notInRAM ?? .notInRAM(image, at: PhysicalAddress(start), over: over)
        continue
      }
      if winner == .bootInformation, !whole { continue }
      if winner.isRAM, start >= limit {
        if image != nil {
          pastLimit = pastLimit ?? .pastLimit(winner, at: PhysicalAddress(start))
        }
        outcome.ramLeftOut += 4096
        continue
      }
      if let last = outcome.regions.last, last.end == start, last.kind == winner {
        outcome.regions[outcome.regions.count - 1].end = end
      } else {
        outcome.regions.append(Report(start, end, winner))
      }
    }
    errors = [notInRAM, pastLimit].compactMap { $0 }
    if errors.isEmpty, !outcome.regions.contains(where: { $0.kind == .usable }) {
      errors = [.noUsableRAM]
    }
  }
}
