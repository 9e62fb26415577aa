import Addressing

/// Reads a page table, live or not, without owning it: from its root and the paging mode alone.
public struct PageTableReader<Memory: PhysicalMemory> {
  public let root: PhysicalAddress
  public let mode: PagingMode
  public let memory: Memory

  public init(root: PhysicalAddress, mode: PagingMode, memory: Memory) {
    self.root = root
    self.mode = mode
    self.memory = memory
  }

  /// The mapping that `address` falls into; `nil` if there is none.
  ///
  /// - Throws: `notCanonical`.
  @inline(__always)
  public func query(_ address: VirtualAddress) throws(PageTableError) -> Mapping? {
    var entries = memory.table(at: root)
    switch mode {
    case .fourLevel:
      guard address.isCanonical(in: .bits48) else { throw .notCanonical(address) }
    case .fiveLevel:
      guard address.isCanonical(in: .bits57) else { throw .notCanonical(address) }
      let entry = entries[address.index(atLevel: 5)]
      guard entry.isPresent else { return nil }
      entries = memory.table(at: entry.table)
    }
    // From here on the levels are known when this is compiled: a loop without a loop.
    for level in stride(from: 4, to: 1, by: -1) {
      let entry = entries[address.index(atLevel: level)]
      guard entry.isTable(atLevel: level) else {
        guard entry.isPresent else { return nil }
        return Mapping(of: address, entry, level == 2 ? .size2MiB : .size1GiB)
      }
      entries = memory.table(at: entry.table)
    }
    let entry = entries[address.index(atLevel: 1)]
    return entry.isPresent ? Mapping(of: address, entry, .size4KiB) : nil
  }

  /// The first mapping that reaches into `range`, which may begin below it; `nil` if nothing is
  /// mapped there. To go on after it, ask from its end; to jump, ask from anywhere.
  ///
  /// - Throws: `misalignedVirtual`, `notCanonical`.
  /// - Complexity: a walk per table, a load per absent entry.
  public func nextMapping(
    in range: Range<VirtualAddress>
  ) throws(PageTableError) -> Mapping? {
    try mode.check(range)
    var address = range.lowerBound
    while address < range.upperBound {
      var table = root
      var level = mode.levels
      descent: while true {
        let entries = memory.table(at: table)
        let index = address.index(atLevel: level)
        switch entries[index].item(atLevel: level) {
        case .leaf(_, let size):
          return Mapping(of: address, entries[index], size)
        case .table(let next):
          table = next
          level -= 1
        case .absent:
          let rest = (address..<range.upperBound).clamped(to: address.tableSpan(atLevel: level))
          address = rest.upperBound
          for index in rest.indices(atLevel: level) where entries[index].isPresent {
            address = rest.address(ofIndex: index, atLevel: level)
            break
          }
          break descent
        }
      }
    }
    return nil
  }

  /// Every entry that the CPU would read to translate `address`, from the root down.
  public func walk(_ address: VirtualAddress) -> Walk {
    var walk = Walk()
    var table = root
    for level in stride(from: mode.levels, to: 0, by: -1) {
      let index = address.index(atLevel: level)
      let entry = memory.table(at: table)[index]
      walk.append(WalkStep(level: level, table: table, index: index, entry: entry))
      guard case .table(let next) = entry.item(atLevel: level) else { break }
      table = next
    }
    return walk
  }
}

/// One page and where it leads.
public struct Mapping: Equatable, Sendable {
  public let virtual: VirtualAddress
  public let physical: PhysicalAddress
  /// The leaf, without what the CPU notes in it. What it says is read when it is asked for.
  private let leaf: PageTableEntry
  public let size: PageSize

  /// The page that holds `address`.
  @inline(__always)
  init(of address: VirtualAddress, _ leaf: PageTableEntry, _ size: PageSize) {
    virtual = address.alignedDown(to: size)
    physical = leaf.page(of: size)
    self.leaf = leaf.withoutUsage
    self.size = size
  }

  /// What the leaf says. In a table that Highland built it is the last word: the entries on the way
  /// to it grant everything.
  public var property: PageProperty { leaf.property(size: size) }

  public func translate(_ address: VirtualAddress) -> PhysicalAddress {
    physical + (address - virtual)
  }
}

/// One entry on the way from the root to a page.
public struct WalkStep: Equatable, Sendable, BitwiseCopyable {
  public let level: Int
  public let table: PhysicalAddress
  public let index: Int
  public let entry: PageTableEntry
}

/// The way from the root to a page, or to the entry where it ends.
public struct Walk: Sendable {
  public private(set) var count = 0
  private var steps = InlineArray<5, WalkStep>(
    repeating: WalkStep(level: 0, table: PhysicalAddress(0), index: 0, entry: .absent))

  public subscript(position: Int) -> WalkStep {
    precondition(position < count)
    return steps[position]
  }

  mutating func append(_ step: WalkStep) {
    steps[count] = step
    count += 1
  }
}
