// What a machine's finished address space must be, worked out from its RAM and its image without
// the planner, the page-table code or the layout.

import Oracle
import TestSupport

/// A virtual range that maps a physical one with the same rights all over.
struct Piece: Equatable {
  let virtual: UInt64
  let physical: UInt64
  let byteCount: UInt64
  let grants: Grants

  init(_ physical: Range<UInt64>, at virtual: UInt64, _ grants: Grants) {
    self.virtual = virtual
    self.physical = physical.lowerBound
    self.byteCount = physical.upperBound - physical.lowerBound
    self.grants = grants
  }

  init(_ run: Run) {
    (virtual, physical, byteCount, grants) = (run.virtual, run.physical, run.byteCount, run.grants)
  }
}

struct ExpectedSpace {
  let pieces: [Piece]
  let oracle: Machine

  /// - Parameter ram: what must be in the linear mapping.
  init(_ machine: FakeMachine, ram: [Range<UInt64>]) {
    let windows = Windows(levels: machine.cpu.mode.levels)
    let image = machine.image
    oracle = machine.oracle(ram: ram)

    let readOnly = AddressSet([image.readOnly])
    let parts: [(Range<UInt64>, Grants)] =
      AddressSet(ram).subtracting(readOnly).map { ($0, .write) }
      + AddressSet(ram).intersection(readOnly).map { ($0, []) }
    let linear = parts.sorted { $0.0.lowerBound < $1.0.lowerBound }.map { range, grants in
      Piece(range, at: windows.linear.lowerBound + range.lowerBound, grants)
    }
    let rights: [Grants] = [.execute, [], .write, .write, .write, .write, .write]
    let segments = rights.indices.map { index in
      Piece(image.physical(index), at: image.virtual(index).lowerBound, rights[index])
    }
    pieces = linear + segments
  }

  private var largestShift: UInt8 { oracle.gigabytePages ? 30 : 21 }

  /// The fewest pages by size.
  var pages: [PageCounts] {
    pieces.map {
      .fewest(
        virtual: $0.virtual, physical: $0.physical, byteCount: $0.byteCount,
        largestShift: largestShift)
    }
  }

  /// The root, the 256 tables below it, and below those one for each block of 2 MiB, 1 GiB and, on
  /// five levels, 512 GiB, that is mapped but by no single page.
  func tableCount(levels: Int) -> Int {
    var blocks: Set<[UInt64]> = []
    for piece in pieces {
      let end = piece.virtual + piece.byteCount
      for shift in levels == 4 ? [21, 30] : [21, 30, 39] as [UInt64] {
        let first = piece.virtual >> shift
        let last = (end - 1) >> shift
        let canBePages = shift <= largestShift
        // Only the blocks at the ends can be covered in part.
        for block in canBePages ? [first, last] : Array(first...last) {
          let isWhole = block << shift >= piece.virtual && (block + 1) << shift <= end
          if !(canBePages && isWhole) { blocks.insert([shift, block]) }
        }
      }
    }
    return 257 + blocks.count
  }
}
