import Addressing

// Reading a whole page table in address order.

/// Sees every table and every leaf of a page table, each table before what lies below it.
public protocol PageTableVisitor: ~Copyable {
  /// A table is reached. Says whether to read on below it.
  mutating func visitTable(at address: PhysicalAddress, level: Int) -> Bool

  /// A leaf is reached. `effectiveRights` are those that every entry on the way to it grants.
  mutating func visitLeaf(_ mapping: Mapping, effectiveRights: Rights)
}

extension PageTableReader {
  /// Shows `visitor` every present entry, lowest index first: the lower half, then the kernel half.
  public func visit<Visitor: PageTableVisitor & ~Copyable>(_ visitor: inout Visitor) {
    visit(root, level: mode.levels, from: 0, granted: .all, &visitor)
  }

  private func visit<Visitor: PageTableVisitor & ~Copyable>(
    _ table: PhysicalAddress, level: Int, from start: UInt64, granted: Rights,
    _ visitor: inout Visitor
  ) {
    guard visitor.visitTable(at: table, level: level) else { return }
    let entries = memory.table(at: table)
    for index in 0..<TableEntries.count {
      let entry = entries[index]
      guard entry.isPresent else { continue }
      let rights = granted.intersection(entry.rights)
      let address = start | UInt64(index) << VirtualAddress.shift(atLevel: level)
      switch entry.item(atLevel: level) {
      case .absent: break
      case .table(let next):
        visit(next, level: level - 1, from: address, granted: rights, &visitor)
      case .leaf(let physical, let size):
        let mapping = Mapping(
          virtual: canonical(address), physical: physical, size: size,
          property: entry.property(size: size))
        visitor.visitLeaf(mapping, effectiveRights: rights)
      }
    }
  }

  /// Extends the sign bit of an address put together from indices.
  private func canonical(_ address: UInt64) -> VirtualAddress {
    let unused = 64 - UInt64(mode.addressWidth.rawValue)
    return VirtualAddress(UInt64(bitPattern: Int64(bitPattern: address << unused) >> Int64(unused)))
  }
}
