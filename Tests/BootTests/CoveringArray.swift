// Rows of a table of values in which the values meet each other, as few as a simple search finds.

/// Which values of some parameters go together in a row, by their indices.
struct CoveringArray {
  /// The rows, each with an index for every parameter, in the order in which they were found.
  private(set) var rows: [[Int]] = []

  /// Two values of different parameters that meet in a row.
  private struct Pair: Hashable { let first, value, second, other: Int }

  /// Every two values of different parameters meet in a row, if they do in any that is possible. The
  /// same rows each time: of equally good ones, the first is taken.
  init(valueCounts: [Int], isPossible: ([Int]) -> Bool) {
    let candidates = Self.allRows(valueCounts).filter(isPossible)
    var pairs = candidates.map(Self.pairs)
    var missing = pairs.reduce(into: Set()) { $0.formUnion($1) }
    while !missing.isEmpty {
      var best = 0
      for index in pairs.indices {
        pairs[index].formIntersection(missing)
        if pairs[index].count > pairs[best].count { best = index }
      }
      rows.append(candidates[best])
      missing.subtract(pairs[best])
    }
  }

  /// All rows, the last parameter's values changing first.
  static func allRows(_ valueCounts: [Int]) -> [[Int]] {
    valueCounts.reduce([[]]) { rows, count in
      rows.flatMap { row in (0..<count).map { row + [$0] } }
    }
  }

  private static func pairs(in row: [Int]) -> Set<Pair> {
    Set(
      row.indices.flatMap { second in
        (0..<second).map { Pair(first: $0, value: row[$0], second: second, other: row[second]) }
      })
  }
}
