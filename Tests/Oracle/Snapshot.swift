// The second, separately written page-table walker: reads a whole table, level by level, into
// plain values that tests compare with what Highland says and did.

/// All that a page table maps, read once.
public struct Snapshot: Sendable {
  /// A place in the tree where a table stands: a table that two entries point to is here twice.
  public struct Table: Equatable, Sendable {
    public let physical: UInt64
    public let level: Int
    /// The first virtual address that the table translates.
    public let virtual: UInt64
    /// The top-level entry above the table; `nil` for the root.
    public let topLevelIndex: Int?
    let grants: Grants
  }

  public let root: UInt64
  public let levels: Int
  /// All mapped pages, lowest virtual address first.
  public let leaves: [Leaf]
  /// The leaves joined to runs, lowest virtual address first.
  public let runs: [Run]
  /// All tables, the root first, then level by level.
  public let tables: [Table]
  public let topLevelEntries: [UInt64]
  /// What the CPU would refuse: entries with reserved bits set. They are not followed.
  public let problems: [String]

  /// Reads the table that CR3 points to.
  ///
  /// - Parameters:
  ///   - root: the value of CR3; its flag bits are ignored.
  ///   - levels: 4, or 5 with CR4.LA57.
  ///   - physicalWidth: CPUID's MAXPHYADDR.
  ///   - readTables: returns the 512 entries of each table asked for. It is called once a level,
  ///     with rising addresses, so that neighbouring frames can be fetched together.
  public init(
    root: UInt64, levels: Int, physicalWidth: Int = 52,
    readTables: ([UInt64]) throws -> [[UInt64]]
  ) rethrows {
    var leaves: [Leaf] = []
    var tables: [Table] = []
    var problems: [String] = []
    var topLevelEntries: [UInt64] = []
    let root = root & addressBits
    var reached = [
      Table(physical: root, level: levels, virtual: 0, topLevelIndex: nil, grants: .all)
    ]
    descent: for level in stride(from: levels, to: 0, by: -1) where !reached.isEmpty {
      tables += reached
      let addresses = Set(reached.map(\.physical)).sorted()
      let contents = Dictionary(
        uniqueKeysWithValues: zip(addresses, try readTables(addresses)))
      if level == levels { topLevelEntries = contents[root]! }
      let shift = UInt64(3 + 9 * level)
      var below: [Table] = []
      for table in reached {
        for (index, entry) in contents[table.physical]!.enumerated() where entry & 1 != 0 {
          let virtual = signExtended(table.virtual | UInt64(index) << shift, levels: levels)
          let reserved = reservedBits(of: entry, level: level, physicalWidth: physicalWidth)
          let grants = table.grants.intersection(Grants(entry: entry))
          if reserved != 0 {
            problems.append(
              "level \(level) entry \(hex(entry)) for \(hex(virtual)): reserved bits "
                + "\(hex(reserved)) are set")
          } else if isLeaf(entry, level: level) {
            leaves.append(
              Leaf(virtual: virtual, entry: entry, shift: UInt8(shift), grants: grants))
          } else {
            // Tables that contain themselves multiply; no honest table is this large.
            if tables.count + below.count == 1 << 20 {
              problems.append("more than 2^20 tables, some of them reached in many ways")
              break descent
            }
            below.append(
              Table(
                physical: entry & addressBits, level: level - 1, virtual: virtual,
                topLevelIndex: table.topLevelIndex ?? index, grants: grants))
          }
        }
      }
      reached = below
    }
    leaves.sort { $0.virtual < $1.virtual }
    self.root = root
    self.levels = levels
    self.leaves = leaves
    self.runs = Run.joining(leaves)
    self.tables = tables
    self.topLevelEntries = topLevelEntries
    self.problems = problems
  }

  /// The page that `virtual` falls into; `nil` if the CPU would fault.
  public func translate(_ virtual: UInt64) -> Leaf? {
    var low = 0
    var high = leaves.count
    while low < high {
      let middle = (low + high) / 2
      if leaves[middle].virtual <= virtual { low = middle + 1 } else { high = middle }
    }
    guard low > 0, virtual - leaves[low - 1].virtual < leaves[low - 1].size else { return nil }
    return leaves[low - 1]
  }
}

/// Copies the highest translated bit into the bits above it (SDM volume 1, 3.3.7.1).
private func signExtended(_ address: UInt64, levels: Int) -> UInt64 {
  let width = UInt64(12 + 9 * levels)
  return address >> (width - 1) & 1 == 0 ? address : address | ~0 << width
}
