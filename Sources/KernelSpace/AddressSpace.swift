import Addressing
import Frames
import PageTables

// An address space of its own below, the kernel's above:
//
//     root   +-------------+-------------+
//            | 256 entries | 256 entries |
//            +-----|-------+------|------+
//         tables of its own       the kernel half's tables, which all address spaces share
//
// The kernel half's top-level entries never change after activation, so what the kernel maps later
// is there in every address space, and none has to be touched for it.

/// A page table that shares the kernel half, and owns what it maps in the lower half.
public struct AddressSpace<Space: KernelAddressSpace>: ~Copyable {
  private var table: PageTable<Space.Pool.Memory>

  /// An address space with nothing in its lower half.
  ///
  /// - Throws: `outOfFrames`.
  public init() throws(AreaError) {
    table = try Space.retrying { () throws(AreaError) in
      do throws(PageTableError) {
        return try Space.withPageTable { (kernel) throws(PageTableError) in
          try Space.Pool.withAllocator { (frames) throws(PageTableError) in
            try PageTable(sharingKernelHalfOf: kernel, from: &frames)
          }
        }
      } catch { throw AreaError(error) }
    }
  }

  public var root: PhysicalAddress { table.root }

  /// Maps frames, which the address space then owns, for user mode. On failure they stay in
  /// `segment`.
  ///
  /// - Throws: `forbidden` for what is writable and executable; `outOfFrames`; `pageTable`, also
  ///   where the range is not in the lower half, as `notCanonical`.
  /// - Precondition: there is a segment.
  public mutating func map(
    _ segment: inout Segment<Space.Pool>?, at start: VirtualAddress, _ rights: Rights
  ) throws(AreaError) {
    guard let physical = segment?.range else { preconditionFailure() }
    try Self.check(rights)
    let pages = try Self.lowerHalf(start, physical.byteCount, table.mode)
    let property = PageProperty(rights: rights | .user).tracked()
    try change { (table, frames) throws(PageTableError) in
      try table.map(
        pages, to: physical.lowerBound, property, largest: Space.largestPage, from: &frames)
    }
    segment.take()?.forget()
  }

  /// What is mapped at an address of the lower half.
  ///
  /// - Throws: `pageTable` where it is not in the lower half, as `notCanonical`.
  public func query(_ address: VirtualAddress) throws(AreaError) -> Mapping? {
    _ = try Self.lowerHalf(address, 1, table.mode)
    do throws(PageTableError) { return try table.reader.query(address) } catch {
      throw AreaError(error)
    }
  }

  /// Gives other rights to all that is mapped in a range of the lower half.
  public mutating func protect(
    _ range: Range<VirtualAddress>, _ rights: Rights
  ) throws(AreaError) {
    try Self.check(rights)
    let range = try Self.lowerHalf(range.lowerBound, range.byteCount, table.mode)
    try change { (table, frames) throws(PageTableError) in
      var token = try table.protect(range, from: &frames) { $0.rights = rights | .user }
      // As for areas: looser rights, too, hold when this returns.
      token.add(range)
      return token
    }
  }

  /// Unmaps all that is mapped in a range of the lower half; its frames are released.
  public mutating func unmap(_ range: Range<VirtualAddress>) throws(AreaError) {
    let range = try Self.lowerHalf(range.lowerBound, range.byteCount, table.mode)
    try change { (table, frames) throws(PageTableError) in
      try table.splitEnds(of: range, from: &frames)
    }
    Self.take(range, from: &table)
  }

  /// Makes it the address space of this CPU.
  public func activate() { Space.activate(root: table.root) }

  /// - Precondition: it is not active: see `KernelAddressSpace.leaveAddressSpace`.
  deinit {
    precondition(Space.activeRoot != table.root)
    // What ends does not change: the table is emptied through a second owner.
    var rest = PageTable(forWindowOf: table)
    Self.take(VirtualAddress(0)..<rest.mode.addressWidth.lowerHalfEnd, from: &rest)
    let root = table.root
    Space.Pool.withAllocator { frames in frames.giveBack(root) }
  }
}

extension AddressSpace {
  private static func check(_ rights: Rights) throws(AreaError) {
    if rights.contains(.write | .execute) { throw .forbidden(.write | .execute) }
  }

  private static func lowerHalf(
    _ start: VirtualAddress, _ byteCount: UInt64, _ mode: PagingMode
  ) throws(AreaError) -> Range<VirtualAddress> {
    let (end, overflow) = start.rawValue.addingReportingOverflow(byteCount)
    guard !overflow, VirtualAddress(end) <= mode.addressWidth.lowerHalfEnd else {
      throw .pageTable(.notCanonical(start))
    }
    return start..<VirtualAddress(end)
  }

  /// Changes the table; where frames run short, once more after a flush.
  private mutating func change(
    _ body: (
      inout PageTable<Space.Pool.Memory>,
      inout FrameAllocator<Space.Pool.Memory, Space.Pool.Window>
    ) throws(PageTableError) -> FlushToken
  ) throws(AreaError) {
    let token = try Space.retrying { () throws(AreaError) in
      do throws(PageTableError) {
        return try Space.Pool.withAllocator { (frames) throws(PageTableError) in
          try body(&table, &frames)
        }
      } catch { throw AreaError(error) }
    }
    Space.spend(token)
  }

  /// Unmaps a range at the ends of which pages end, piece by piece, and releases the frames.
  private static func take(
    _ range: Range<VirtualAddress>, from table: inout PageTable<Space.Pool.Memory>
  ) {
    Space.take(
      range,
      takePiece: { (rest, areas) in
        Space.Pool.withAllocator { frames in
          areas.take(firstPieceOf: rest, from: &table, &frames, keepsTables: false)
        }
      }, finish: { _ in })
    Space.flush()
  }
}
