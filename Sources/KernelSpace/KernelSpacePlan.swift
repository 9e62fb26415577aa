import Addressing
import BootInfo
import PageTables

// What the kernel page table will hold, worked out before a single entry is written. Pure: the same
// code plans for the running machine and for one that a test made up.

/// One contiguous mapping of the plan.
public struct PlannedMapping: Equatable, Sendable {
  public let virtual: Range<VirtualAddress>
  public let physical: PhysicalAddress
  public let property: PageProperty

  public init(_ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, _ rights: Rights) {
    self.virtual = virtual
    self.physical = physical
    self.property = .kernel(rights)
  }
}

/// The kernel's address space for one machine: its windows and what they map.
public struct KernelSpacePlan: Sendable {
  public let layout: Layout
  public let image: KernelImage
  public let memoryTypes: MemoryTypeRanges

  public init(layout: Layout, image: KernelImage, memoryTypes: MemoryTypeRanges) {
    self.layout = layout
    self.image = image
    self.memoryTypes = memoryTypes
  }

  /// The linear mapping: all RAM at base + physical address, writable, never executable; the alias
  /// of the kernel's text and read-only data is read-only. RAM that the MTRRs do not let be
  /// write-back is not in it.
  public func forEachLinearMapping<Failure: Error>(
    of map: borrowing MemoryMap, _ body: (PlannedMapping) throws(Failure) -> Void
  ) throws(Failure) {
    let readOnly = image.readOnlyPhysical
    try forEachExtent(of: map) { (extent, type) throws(Failure) in
      guard type.allowsWriteBack else { return }
      let alias = readOnly.clamped(to: extent)
      try plan(extent.lowerBound..<alias.lowerBound, .write, body)
      try plan(alias, .none, body)
      try plan(alias.upperBound..<extent.upperBound, .write, body)
    }
  }

  /// The usable RAM that the linear mapping holds: what frames may come from. Lowest first.
  public func forEachUsableRange(
    of map: borrowing MemoryMap, _ body: (Range<PhysicalAddress>) -> Void
  ) {
    for index in 0..<map.count where map[index].kind == .usable {
      forEachMapped(in: map[index].range, body)
    }
  }

  /// The parts of some RAM that the linear mapping holds.
  public func forEachMapped(
    in range: Range<PhysicalAddress>, _ body: (Range<PhysicalAddress>) -> Void
  ) {
    memoryTypes.forEachRun(in: range) { (range, type) in
      if type.allowsWriteBack { body(range) }
    }
  }

  /// The RAM that stays out of the linear mapping, and the MTRR type that keeps it out.
  public func forEachLeftOut<Failure: Error>(
    of map: borrowing MemoryMap,
    _ body: (Range<PhysicalAddress>, MTRRType) throws(Failure) -> Void
  ) throws(Failure) {
    try forEachExtent(of: map) { (extent, type) throws(Failure) in
      if !type.allowsWriteBack { try body(extent, type) }
    }
  }

  /// The kernel code window: each segment of the image with its own rights. The guard pages around
  /// the stacks are what lies between.
  public func forEachImageMapping<Failure: Error>(
    _ body: (PlannedMapping) throws(Failure) -> Void
  ) throws(Failure) {
    func segment(_ range: Range<VirtualAddress>, _ rights: Rights) throws(Failure) {
      try body(PlannedMapping(range, to: image.physicalAddress(of: range.lowerBound), rights))
    }
    try segment(image.text, .execute)
    try segment(image.readOnlyData, .none)
    try segment(image.data, .write)
    for index in image.stacks.indices { try segment(image.stacks[index], .write) }
  }

  /// The MTRR type, other than write-back, of some of the image; `nil` if there is none. Such an
  /// image cannot be mapped: its frames would have two memory types.
  public var unfitImageType: MTRRType? {
    var unfit: MTRRType?
    memoryTypes.forEachRun(in: image.physical) { (_, type) in
      if !type.allowsWriteBack { unfit = type }
    }
    return unfit
  }

  private func plan<Failure: Error>(
    _ physical: Range<PhysicalAddress>, _ rights: Rights,
    _ body: (PlannedMapping) throws(Failure) -> Void
  ) throws(Failure) {
    guard !physical.isEmpty else { return }
    let base = layout.linearMapping.lowerBound
    let virtual = base + physical.lowerBound.rawValue..<base + physical.upperBound.rawValue
    try body(PlannedMapping(virtual, to: physical.lowerBound, rights))
  }

  /// The RAM of a normalised map in pieces as large as possible: regions that touch are joined,
  /// whatever they hold, then cut where the MTRR type changes.
  private func forEachExtent<Failure: Error>(
    of map: borrowing MemoryMap,
    _ body: (Range<PhysicalAddress>, MTRRType) throws(Failure) -> Void
  ) throws(Failure) {
    var extent: Range<PhysicalAddress>?
    for index in 0..<map.count where map[index].kind.isRAM {
      let region = map[index].range
      if let open = extent, open.upperBound == region.lowerBound {
        extent = open.lowerBound..<region.upperBound
      } else {
        if let complete = extent { try memoryTypes.forEachRun(in: complete, body) }
        extent = region
      }
    }
    if let complete = extent { try memoryTypes.forEachRun(in: complete, body) }
  }
}
