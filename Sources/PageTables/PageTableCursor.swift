import Addressing

// A place in a page table, and the range that it may go about in:
//
//     range   |--------------------------------------------|
//                      ^ position  --- map, protect, take --->
//
// Each change begins at the position and moves it past what was changed; so a loop over a range
// says how far it goes, and no address twice. The table that was changed last is remembered by the
// page table itself: going on there takes no walk.

/// Goes over a range of a page table that is handed to each of its operations.
public struct PageTableCursor: Equatable, Sendable {
  public let range: Range<VirtualAddress>
  /// Where the next operation begins: in the range, or at its end.
  public private(set) var position: VirtualAddress

  /// A cursor at the beginning of a range.
  ///
  /// - Throws: `misalignedVirtual`, `notCanonical`.
  public init(over range: Range<VirtualAddress>, mode: PagingMode) throws(PageTableError) {
    try mode.check(range)
    self.range = range
    position = range.lowerBound
  }

  /// What lies between the position and the end.
  public var rest: Range<VirtualAddress> { position..<range.upperBound }

  /// Goes to an address of the range, forward or back.
  ///
  /// - Throws: `misalignedVirtual`, `outsideRange`.
  public mutating func jump(to address: VirtualAddress) throws(PageTableError) {
    guard address.isAligned(to: .size4KiB) else { throw .misalignedVirtual(address) }
    guard address >= range.lowerBound, address <= range.upperBound else {
      throw .outsideRange(address)
    }
    position = address
  }

  /// The mapping at the position; `nil` if there is none, or no rest.
  public func query<Memory: PhysicalMemory>(_ table: borrowing PageTable<Memory>) -> Mapping? {
    rest.isEmpty ? nil : try? table.reader.query(position)
  }

  /// Goes to the next mapping, from the position on, and returns it; to the end, if there is none.
  public mutating func findNext<Memory: PhysicalMemory>(
    _ table: borrowing PageTable<Memory>
  ) -> Mapping? {
    guard let mapping = try? table.reader.nextMapping(in: rest) else {
      position = range.upperBound
      return nil
    }
    position = max(position, mapping.virtual)
    return mapping
  }

  /// Maps the next `byteCount` bytes, and goes past them: see `PageTable.map`.
  ///
  /// - Throws: `outsideRange`, and what that throws; the position then stays.
  public mutating func map<Memory: PhysicalMemory, Source: TableFrameSource & ~Copyable>(
    _ table: inout PageTable<Memory>, _ byteCount: UInt64, to physical: PhysicalAddress,
    _ property: PageProperty, largest: PageSize, from frames: inout Source
  ) throws(PageTableError) -> FlushToken {
    let next = try next(byteCount)
    let token = try table.map(next, to: physical, property, largest: largest, from: &frames)
    position = next.upperBound
    return token
  }

  /// Gives new properties to the next `byteCount` bytes, and goes past them: see
  /// `PageTable.protect`.
  public mutating func protect<Memory: PhysicalMemory, Source: TableFrameSource & ~Copyable>(
    _ table: inout PageTable<Memory>, _ byteCount: UInt64, from frames: inout Source,
    _ change: (inout PageProperty) -> Void
  ) throws(PageTableError) -> FlushToken {
    let next = try next(byteCount)
    let token = try table.protect(next, from: &frames, change)
    position = next.upperBound
    return token
  }

  /// Unmaps the next `byteCount` bytes, and goes past them: see `PageTable.take`.
  public mutating func take<Memory: PhysicalMemory, Source: TableFrameSource & ~Copyable>(
    _ table: inout PageTable<Memory>, _ byteCount: UInt64, from frames: inout Source,
    _ body: (MappedRun) -> Void
  ) throws(PageTableError) -> FlushToken {
    let next = try next(byteCount)
    let token = try table.take(next, from: &frames, body)
    position = next.upperBound
    return token
  }

  private func next(_ byteCount: UInt64) throws(PageTableError) -> Range<VirtualAddress> {
    guard byteCount <= rest.byteCount else { throw .outsideRange(position) }
    return position..<position + byteCount
  }
}
