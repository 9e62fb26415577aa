import Addressing
import BootInfo
import PageTables

// The kernel's own check of what it promises about its address space, on the live tables. It reads
// every table once, by code that shares nothing with what built them but the format of an entry,
// and holds what it finds against the plan.

/// The promises that page tables alone can prove or break.
public enum Promise: UInt8, Sendable, BitwiseCopyable {
  /// Only RAM is in the linear mapping, and all of it that may be.
  case onlyRAM = 1
  /// No page is writable and executable, under any alias; only kernel text is executable. Nothing
  /// is open to user mode.
  case noWritableCode = 2
  /// The lower half is empty.
  case emptyLowerHalf = 3
  /// No table is reached twice, and every top-level entry of the kernel half is there.
  case ownTables = 4
  /// The largest pages that alignment and the CPU allow are used.
  case largestPages = 5
  /// No frame is mapped with two memory types.
  case oneMemoryType = 10

  /// All of them, in their order.
  public static var audited: InlineArray<6, Promise> {
    [.onlyRAM, .noWritableCode, .emptyLowerHalf, .ownTables, .largestPages, .oneMemoryType]
  }

  /// What is promised, as the report says it.
  public var words: StaticString {
    switch self {
    case .onlyRAM: "only RAM is in the linear mapping, and all of it"
    case .noWritableCode: "no page is writable and executable, under any alias"
    case .emptyLowerHalf: "the lower half is empty"
    case .ownTables: "no table is shared, all 256 top-level entries are there"
    case .largestPages: "the largest pages that fit are used"
    case .oneMemoryType: "no frame has two memory types"
    }
  }
}

/// The outcome: what is mapped, and where each promise is broken, if it is.
public struct AddressSpaceAudit: Sendable {
  public private(set) var survey = AddressSpaceSurvey()
  private var violations = InlineArray<11, VirtualAddress?>(repeating: nil)
  /// Something mapped outside the linear mapping and the kernel image.
  public private(set) var stray: VirtualAddress?

  /// The first address where `promise` is broken.
  public func violation(of promise: Promise) -> VirtualAddress? {
    violations[Int(promise.rawValue)]
  }

  private mutating func broken(_ promise: Promise, at address: VirtualAddress) {
    let index = Int(promise.rawValue)
    if violations[index] == nil { violations[index] = address }
  }

  /// Audits the page table that `reader` reads.
  ///
  /// - Parameters:
  ///   - map: the normalised memory map: what is RAM.
  ///   - isNewTable: says, of each table reached, whether it lies in a frame that is a table's, and
  ///     was not asked about before.
  ///   - isAccountedFor: says, of what is mapped in a window that changes after activation, whether
  ///     it belongs there.
  /// - Complexity: O(tables + regions).
  public init<Memory: PhysicalMemory>(
    of reader: PageTableReader<Memory>, against plan: KernelSpacePlan,
    _ map: borrowing MemoryMap, largestPage: PageSize, isNewTable: (PhysicalAddress) -> Bool,
    isAccountedFor: (LeafRun, Window) -> Bool
  ) {
    var ram = RAMCursor()
    var runs = LeafRuns()
    var traversal = PageTableTraversal(reader)
    while let item = traversal.next() {
      switch item {
      case .table(let address, let level, let start):
        // A shared table counts once and is not read again: below it all would be seen twice.
        if isNewTable(address) {
          survey.countTable(atLevel: level)
        } else {
          broken(.ownTables, at: start)
          traversal.skipTable()
        }
      case .leaves(let leaf, let count, let rights):
        if let run = runs.add(leaf, count, rights) {
          check(run, plan, map, &ram, largestPage, isAccountedFor)
        }
      }
    }
    if let run = runs.finish() { check(run, plan, map, &ram, largestPage, isAccountedFor) }
    checkCoverage(plan, map, reader)
    checkTopLevel(reader)
  }

  private mutating func check(
    _ run: LeafRun, _ plan: KernelSpacePlan, _ map: borrowing MemoryMap, _ ram: inout RAMCursor,
    _ largestPage: PageSize, _ isAccountedFor: (LeafRun, Window) -> Bool
  ) {
    let start = run.virtual.lowerBound
    let window = plan.layout.window(of: start)
    survey.count(run, in: window)
    // In the vmalloc window, what a change of rights has split stays split.
    if window != .vmalloc, run.pages != run.bestPages(largest: largestPage) {
      broken(.largestPages, at: start)
    }
    if window != .vmalloc || map.hasRAM(in: run.physicalRange) { checkWriteBack(run, plan) }
    checkRights(run, plan.image)

    switch window {
    case .linearMapping:
      let base = plan.layout.linearMapping.lowerBound
      if start - base != run.physical.rawValue {
        broken(.onlyRAM, at: start)
      } else if let gap = ram.firstGap(in: run.physicalRange, of: map) {
        broken(.onlyRAM, at: base + gap.rawValue)
      }
    case .kernelCode:
      // As far as the plan's segments, that come in rising order, reach without a gap.
      var reached = start
      plan.forEachImageMapping { segment in
        if segment.virtual.contains(reached) { reached = segment.virtual.upperBound }
      }
      if plan.image.physicalAddress(of: start) != run.physical {
        stray = stray ?? start
      } else if reached < run.virtual.upperBound {
        stray = stray ?? reached
      }
    case .frameMetadata, .vmalloc:
      if !isAccountedFor(run, window) { stray = stray ?? start }
    default:
      stray = stray ?? start
    }
  }

  /// RAM is write-back, by the page table and by the MTRRs.
  private mutating func checkWriteBack(_ run: LeafRun, _ plan: KernelSpacePlan) {
    let start = run.virtual.lowerBound
    if run.memoryType != .writeBack { broken(.oneMemoryType, at: start) }
    plan.memoryTypes.forEachRun(in: run.physicalRange) { (range, type) in
      guard !type.allowsWriteBack else { return }
      broken(.oneMemoryType, at: start + (range.lowerBound - run.physical))
    }
  }

  private mutating func checkRights(_ run: LeafRun, _ image: KernelImage) {
    let start = run.virtual.lowerBound
    let rights = run.effectiveRights
    if rights.contains(.user) { broken(.noWritableCode, at: start) }
    if rights.contains(.execute) {
      let startsInText =
        image.text.contains(start) && image.physicalAddress(of: start) == run.physical
      if !startsInText || rights.contains(.write) {
        broken(.noWritableCode, at: start)
      } else if run.virtual.upperBound > image.text.upperBound {
        broken(.noWritableCode, at: image.text.upperBound)
      }
    }
    let readOnly = run.physicalRange.clamped(to: image.readOnlyPhysical)
    if rights.contains(.write), !readOnly.isEmpty {
      broken(.noWritableCode, at: start + (readOnly.lowerBound - run.physical))
    }
  }

  /// What is in the linear mapping is RAM, each byte once; it is all of it if the sums agree. If
  /// they do not, the first page that is missing is looked for, unless there are tables that are
  /// none of ours to read.
  private mutating func checkCoverage<Memory: PhysicalMemory>(
    _ plan: KernelSpacePlan, _ map: borrowing MemoryMap, _ reader: PageTableReader<Memory>
  ) {
    var planned: UInt64 = 0
    plan.forEachLinearMapping(of: map) { planned += $0.virtual.byteCount }
    guard survey.pages(in: .linearMapping).byteCount != planned,
      violation(of: .ownTables) == nil
    else { return }
    plan.forEachLinearMapping(of: map) { mapping in
      var address = mapping.virtual.lowerBound
      while address < mapping.virtual.upperBound {
        guard let page = try? reader.query(address) else { return broken(.onlyRAM, at: address) }
        address = page.virtual + page.size.byteCount
      }
    }
  }

  private mutating func checkTopLevel<Memory: PhysicalMemory>(_ reader: PageTableReader<Memory>) {
    let root = reader.memory.table(at: reader.root)
    let middle = TableEntries.count / 2
    let span = reader.mode.addressWidth.topLevelEntrySpan
    for index in 0..<middle {
      // Not only absent: no bit of it is set.
      if root[index] != .absent {
        broken(.emptyLowerHalf, at: VirtualAddress(UInt64(index) * span))
      }
      if !root[middle + index].isPresent {
        broken(.ownTables, at: reader.mode.addressWidth.upperHalf + UInt64(index) * span)
      }
    }
  }
}

extension LeafRun {
  /// The pages that a run of these addresses needs at least, worked out from its ends alone.
  func bestPages(largest: PageSize) -> PageCounts {
    func whole(_ size: PageSize) -> UInt64 {
      guard size <= largest,
        (virtual.lowerBound.rawValue ^ physical.rawValue) & size.offsetMask == 0,
        let first = virtual.lowerBound.alignedUp(to: size)
      else { return 0 }
      let end = virtual.upperBound.alignedDown(to: size)
      return first < end ? (end - first) >> size.shift : 0
    }
    var best = PageCounts()
    best.size1GiB = whole(.size1GiB)
    best.size2MiB = whole(.size2MiB) - best.size1GiB << 9
    best.size4KiB = whole(.size4KiB) - whole(.size2MiB) << 9
    return best
  }
}

/// Walks along the RAM of a map while the ranges asked for grow.
private struct RAMCursor {
  private var index = 0

  /// The first address of `range` that is no RAM, be the RAM of several regions; `nil` if all of
  /// it is. Ranges must come in rising order.
  mutating func firstGap(
    in range: Range<PhysicalAddress>, of map: borrowing MemoryMap
  ) -> PhysicalAddress? {
    while index < map.count, map[index].range.upperBound <= range.lowerBound { index += 1 }
    var reached = range.lowerBound
    var next = index
    while reached < range.upperBound {
      guard next < map.count, map[next].kind.isRAM, map[next].range.lowerBound <= reached else {
        return reached
      }
      reached = map[next].range.upperBound
      next += 1
    }
    return nil
  }
}
