import Addressing
import BootInfo
import Frames
import PageTables

// What is mapped in an area. A page's first software bit says whether the area owns its frame.

extension PageProperty {
  /// Whether the frame behind the page belongs to the area or the address space that maps it.
  var isTracked: Bool { software & 1 != 0 }

  func tracked() -> PageProperty {
    var property = self
    property.software |= 1
    return property
  }
}

/// What is mapped at an address of an area: the physical page, and how. It says nothing about
/// tomorrow: who wants to keep the frame asks for `KernelVirtualArea.frame(at:)`.
public enum MappedItem: Equatable, Sendable {
  /// A frame that the area owns.
  case tracked(PhysicalAddress, PageProperty)
  /// Physical memory that nobody owns.
  case untracked(PhysicalAddress, PageProperty)
}

extension KernelVirtualArea {
  /// Maps frames, which the area then owns. On failure they stay in `segment`.
  ///
  /// - Throws: `misaligned`, `outsideArea`, `forbidden`, `outOfFrames`; `pageTable(.alreadyMapped)`.
  /// - Precondition: there is a segment.
  public mutating func map(
    _ segment: inout Segment<Space.Pool>?, _ rights: Rights, at offset: UInt64
  ) throws(AreaError) {
    guard let physical = segment?.range else { preconditionFailure() }
    let property = try Self.checked(.kernel(rights))
    try Self.map(try pages(at: offset, physical.byteCount), to: physical, property.tracked())
    segment.take()?.forget()
  }

  /// Maps one frame: see `map(_:_:at:)`.
  public mutating func map(
    _ frame: inout Frame<Space.Pool>?, _ rights: Rights, at offset: UInt64
  ) throws(AreaError) {
    guard let physical = frame?.address.pageRange else { preconditionFailure() }
    let property = try Self.checked(.kernel(rights))
    try Self.map(try pages(at: offset, physical.byteCount), to: physical, property.tracked())
    frame.take()?.forget()
  }

  /// Maps physical memory that is nobody's: a device, or a table of the firmware.
  ///
  /// - Throws: as above; `owned` where RAM begins that has, or may get, an owner; `twoMemoryTypes`
  ///   where the firmware's RAM would be anything but write-back, or what an area maps already would
  ///   have another type here.
  /// - Complexity: O(all areas' mappings), but for the work of mapping.
  public mutating func map(
    untracked physical: Range<PhysicalAddress>, _ property: PageProperty, at offset: UInt64
  ) throws(AreaError) {
    let property = try Self.checked(property)
    let pages = try pages(at: offset, physical.byteCount)
    try Space.Pool.withAllocator { (frames) throws(AreaError) in
      try frames.checkUnowned(physical, property.memoryType)
    }
    let other = Space.withAreas { areas in
      Space.withPageTable { table in
        areas.firstMapping(of: physical, notOfType: property.memoryType, in: table.reader)
      }
    }
    if let other { throw .twoMemoryTypes(other) }
    try Self.map(pages, to: physical, property)
  }

  /// What is mapped at an offset, if anything.
  ///
  /// - Throws: `outsideArea`.
  public func query(_ offset: UInt64) throws(AreaError) -> MappedItem? {
    guard offset < byteCount else { throw .outsideArea(offset) }
    let address = range.lowerBound + offset
    guard
      let mapping = Space.withPageTable({ table in try? table.reader.query(address) })
    else { return nil }
    let page = mapping.translate(address).alignedDown(to: .size4KiB)
    return mapping.property.isTracked
      ? .tracked(page, mapping.property) : .untracked(page, mapping.property)
  }

  /// One more owner of the tracked frame at an offset; `nil` if there is none.
  ///
  /// - Throws: `outsideArea`.
  public func frame(at offset: UInt64) throws(AreaError) -> Frame<Space.Pool>? {
    guard case .tracked(let page, _) = try query(offset) else { return nil }
    Space.Pool.withAllocator { frames in frames.addOwner(page.pageRange) }
    return Frame(owning: page)
  }

  /// Gives other rights to all that is mapped at some offsets. They hold when it returns.
  ///
  /// - Throws: `misaligned`, `outsideArea`, `forbidden`, `outOfFrames`.
  public mutating func protect(
    _ offsets: Range<UInt64>, _ rights: Rights
  ) throws(AreaError) {
    let pages = try pages(at: offsets)
    let rights = try Self.checked(.kernel(rights)).rights
    try Self.change { (table, frames) throws(PageTableError) in
      var token = try table.protect(pages, from: &frames) { $0.rights = rights }
      // Looser rights need no flush, but without one a CPU may fault once by the old ones.
      token.add(pages)
      return token
    }
  }

  /// Unmaps all that is mapped at some offsets; frames that the area owned are released. It is gone
  /// when it returns.
  ///
  /// - Throws: `misaligned`, `outsideArea`; `outOfFrames`, for the pieces of a large page.
  public mutating func unmap(_ offsets: Range<UInt64>) throws(AreaError) {
    let pages = try pages(at: offsets)
    try Self.splitPages(atEndsOf: pages)
    Self.take(pages, endingPartOf: nil)
    Space.flush()
  }

  @inline(__always)
  private func pages(
    at offset: UInt64, _ byteCount: UInt64
  ) throws(AreaError) -> Range<VirtualAddress> {
    let (end, overflow) = offset.addingReportingOverflow(byteCount)
    guard !overflow else { throw .outsideArea(offset) }
    return try pages(at: offset..<end)
  }

  /// The property as areas may have it.
  @inline(__always)
  private static func checked(_ property: PageProperty) throws(AreaError) -> PageProperty {
    let forbidden = property.rights.intersection(.execute | .user)
    guard forbidden == .none else { throw .forbidden(forbidden) }
    var property = property
    property.isGlobal = true
    property.software &= ~1
    return property
  }

  @inline(__always)
  private static func map(
    _ pages: Range<VirtualAddress>, to physical: Range<PhysicalAddress>, _ property: PageProperty
  ) throws(AreaError) {
    try change { (table, frames) throws(PageTableError) in
      try table.map(
        pages, to: physical.lowerBound, property, largest: Space.largestPage, from: &frames)
    }
  }

  /// Sees to it that pages end where `pages` does.
  static func splitPages(atEndsOf pages: Range<VirtualAddress>) throws(AreaError) {
    try change { (table, frames) throws(PageTableError) in
      try table.splitEnds(of: pages, from: &frames)
    }
  }

  /// Changes the kernel page table; where frames run short, once more after a flush. What the CPUs
  /// have to forget of it they have when this returns.
  @inline(__always)
  private static func change(
    _ body: (
      inout PageTable<Space.Pool.Memory>,
      inout FrameAllocator<Space.Pool.Memory, Space.Pool.Window>
    ) throws(PageTableError) -> FlushToken
  ) throws(AreaError) {
    let token = try Space.retrying { () throws(AreaError) in
      do throws(PageTableError) {
        return try Space.withPageTable { (table) throws(PageTableError) in
          try Space.Pool.withAllocator { (frames) throws(PageTableError) in
            try body(&table, &frames)
          }
        }
      } catch { throw AreaError(error) }
    }
    Space.spend(token)
  }
}

extension VirtualAreas {
  /// Where some physical memory is mapped with another type than `type` by an area, if it is.
  func firstMapping(
    of physical: Range<PhysicalAddress>, notOfType type: MemoryType,
    in reader: PageTableReader<Memory>
  ) -> PhysicalAddress? {
    var place = VirtualAddress(0)
    while let reserved = firstReservation(endingAbove: place)?.range {
      place = reserved.upperBound
      var rest = reserved
      while let mapping = try? reader.nextMapping(in: rest) {
        let pages = mapping.physical..<mapping.physical + mapping.size.byteCount
        if pages.overlaps(physical), mapping.property.memoryType != type {
          return pages.clamped(to: physical).lowerBound
        }
        rest = mapping.virtual + mapping.size.byteCount..<reserved.upperBound
      }
    }
    return nil
  }

  /// Unmaps a range, if there is room to note all its pages; else its first pages that are of one
  /// size, as many as there is room for.
  ///
  /// - Parameter keepsTables: whether empty tables stay until the reservation's flush: the areas to
  ///   come need tables there.
  /// - Returns: the end of what was unmapped; nothing is mapped below it.
  /// - Precondition: pages end where the range does.
  @inline(__always)
  mutating func take<Window: VirtualMemory>(
    firstPieceOf range: Range<VirtualAddress>, from table: inout PageTable<Memory>,
    _ frames: inout FrameAllocator<Memory, Window>, keepsTables: Bool
  ) -> VirtualAddress {
    let room = UInt64(queue.retired.room) << PageSize.size4KiB.shift
    var piece = range
    if range.byteCount > room {
      guard let first = try? table.reader.nextMapping(in: range) else { return range.upperBound }
      let boundary = (first.virtual + 1).alignedUp(to: first.size.larger ?? first.size)
      var end = first.virtual + first.size.byteCount
      if first.size == .size4KiB {
        // Up to the end of the table there are pages of this size alone.
        end = min(boundary ?? end, min(range.upperBound, first.virtual + room))
      }
      piece = first.virtual..<end
    }
    var noFrames = NoFrames()
    do throws(PageTableError) {
      let token = try table.take(
        piece, from: &noFrames, keepsTables: keepsTables
      ) { run in
        guard run.property.isTracked else { return }
        let physical = run.physical..<run.physical + run.virtual.byteCount
        frames.setBusy(physical)
        queue.retired.add(frames: physical, in: memory)
      }
      queue.token.merge(token, in: memory)
    } catch { preconditionFailure() }
    return piece.upperBound
  }
}

/// Where nothing has to be split, no frames are needed.
private struct NoFrames: TableFrameSource {
  mutating func reserve(_ count: Int) throws(OutOfFrames) {
    guard count == 0 else { throw OutOfFrames(needed: count, available: 0) }
  }

  mutating func takeFrame() -> PhysicalAddress { preconditionFailure() }
}

extension FrameAllocator {
  /// Refuses RAM that has, or may get, an owner, and a second memory type for the firmware's.
  fileprivate func checkUnowned(
    _ range: Range<PhysicalAddress>, _ type: MemoryType
  ) throws(AreaError) {
    var index = map.indexOfRegion(endingAfter: range.lowerBound)
    while index < map.count, map[index].range.lowerBound < range.upperBound {
      let kind = map[index].kind
      let part = map[index].range.clamped(to: range)
      switch kind {
      case .usable, .bootInformation, .kernel, .module: throw .owned(part.lowerBound, kind)
      case .acpi, .nvs:
        if type != .writeBack { throw .twoMemoryTypes(part.lowerBound) }
        try checkFirmware(part, kind)
      case .unusable, .framebuffer, .reserved, .persistent: break
      }
      index += 1
    }
  }

  /// Refuses what was the firmware's, and has been reclaimed.
  private func checkFirmware(
    _ range: Range<PhysicalAddress>, _ kind: RegionKind
  ) throws(AreaError) {
    var frame = range.lowerBound
    while frame < range.upperBound {
      guard use(of: frame)?.kind == .firmware else { throw .owned(frame, kind) }
      frame = frame.pageRange.upperBound
    }
  }
}
