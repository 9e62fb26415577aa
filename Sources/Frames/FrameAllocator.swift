import Addressing
import BootInfo
import PageTables

// The machine's frames, once all RAM is mapped: which are free, and what the others are used for.
//
// RAM comes in by region, in as many steps as there are regions. What is kept per frame, its slot in
// the frame metadata window, appears section by section as frames are used, and nothing is written
// into a frame that nobody asked for. The frames that all this takes count as used.
//
//     RAM = free runs (FreeRanges) + frames at hand + used

/// Hands out frames and takes them back.
public struct FrameAllocator<Memory: PhysicalMemory, Window: VirtualMemory>: ~Copyable {
  let memory: Memory
  var free: FreeRanges<Memory>
  var metadata: FrameMetadata<Memory, Window>
  /// Frames at hand: see FrameAllocator+Singles.swift.
  var row: Range<UInt64> = 0..<0
  var singles = FrameList()

  /// Which allocations fail on purpose.
  public var failures: AllocationFailures

  /// The frames taken in.
  public private(set) var frameCount: UInt64

  /// Takes over from `early`: the RAM it has handed out counts as used, for page tables.
  ///
  /// - Parameters:
  ///   - map: what each stretch of memory is, normalised.
  ///   - slots: where the frame metadata window begins, in `kernelPageTable`.
  ///   - forEachUsableRange: calls back with the usable RAM of the map: whole frames, each once.
  /// - Throws: `OutOfFrames`.
  public static func takeOver(
    from early: consuming EarlyFrameAllocator<Memory>, _ map: consuming MemoryMap,
    slots: VirtualAddress,
    in kernelPageTable: borrowing PageTable<Memory>, memory: Memory, window: Window,
    forEachUsableRange: (borrowing MemoryMap, (Range<PhysicalAddress>) -> Void) -> Void
  ) throws(OutOfFrames) -> FrameAllocator {
    var (rangeCount, frameCount) = (0, UInt64(0))
    forEachUsableRange(map) { range in
      rangeCount += 1
      frameCount += handedOut(range).length
    }
    // A node for each usable range, and one more for each cut that a used range makes in it.
    let tables = UInt64(early.taken)
    let nodeFrames = (2 * rangeCount + nodeReserve) / 64 + 1
    try early.reserve(nodeFrames)
    var free = FreeRanges(memory: memory)
    for _ in 0..<nodeFrames { free.lend(early.takeFrame()) }
    forEachUsableRange(map) { range in add(range, except: early, to: &free) }

    let metadata = FrameMetadata(
      of: map, at: slots, in: kernelPageTable, memory: memory, window: window)
    var allocator = FrameAllocator(
      memory: memory, free: free, metadata: metadata, failures: early.failures,
      frameCount: frameCount)
    try allocator.beginMetadata()
    try allocator.markFrames(of: early, tables: tables)
    return allocator
  }

  private mutating func beginMetadata() throws(OutOfFrames) {
    let count = metadata.setFrameCount
    try failures.countAllocation(of: Int(count))
    let setFrames = try place(for: count, order: 0, in: 0..<UInt64.max)
    if let faulty = firstFaulty(in: setFrames, probes: TableEntries.probeCount) {
      throw outOfFrames(needing: count, faulty: faulty)
    }
    free.remove(setFrames)
    metadata.keepSet(in: PhysicalAddress(frame: setFrames.lowerBound))
    try mark(setFrames, .metadata)
  }

  private init(
    memory: Memory, free: consuming FreeRanges<Memory>,
    metadata: consuming FrameMetadata<Memory, Window>, failures: AllocationFailures,
    frameCount: UInt64
  ) {
    self.memory = memory
    self.free = free
    self.metadata = metadata
    self.failures = failures
    self.frameCount = frameCount
  }

  /// The frames of usable RAM that may be handed out: all but frame 0.
  private static func handedOut(_ range: Range<PhysicalAddress>) -> Range<UInt64> {
    max(range.frames.lowerBound, 1)..<max(range.frames.upperBound, 1)
  }

  /// Adds usable RAM, but for what `early` has handed out.
  private static func add(
    _ range: Range<PhysicalAddress>, except early: borrowing EarlyFrameAllocator<Memory>,
    to free: inout FreeRanges<Memory>
  ) {
    var rest = handedOut(range)
    early.forEachUsedRange { used in
      let part = used.frames.clamped(to: rest)
      guard !part.isEmpty else { return }
      if rest.lowerBound < part.lowerBound { free.insert(rest.lowerBound..<part.lowerBound) }
      rest = part.upperBound..<rest.upperBound
    }
    if !rest.isEmpty { free.insert(rest) }
  }

  /// Notes what `early` has handed out: `tables` tables, then frames for nodes.
  private mutating func markFrames(
    of early: borrowing EarlyFrameAllocator<Memory>, tables: UInt64
  ) throws(OutOfFrames) {
    let trampoline = early.trampoline
    var tables = tables
    try early.forEachUsedRange { (range) throws(OutOfFrames) in
      if range.lowerBound == trampoline {
        try mark(range.frames, .trampoline)
      } else {
        let (first, end) = (range.frames.lowerBound, range.frames.upperBound)
        let nodes = first + min(tables, range.frames.length)
        try mark(first..<nodes, .pageTable)
        try mark(nodes..<end, .bookkeeping)
        tables -= nodes - first
      }
    }
  }

  private mutating func mark(_ frames: Range<UInt64>, _ kind: FrameKind) throws(OutOfFrames) {
    try backSections(of: frames, sparing: 0..<0)
    metadata.fill(frames, with: FrameSlot(.reserved, kind))
  }

  /// Takes in RAM that was the kernel's or the boot loader's, and that nobody needs any more.
  ///
  /// - Throws: `OutOfFrames` if there are no frames to note it; it then stays out.
  public mutating func reclaim(_ range: Range<PhysicalAddress>) throws(OutOfFrames) {
    let frames = range.frames
    try replenish(sparing: 0..<0)
    // The slots of boot information say from the start that it is unused.
    if map.kind(at: range.lowerBound) != .bootInformation {
      try backSections(of: frames, sparing: 0..<0)
      metadata.fill(frames, with: .unused)
    }
    frameCount += frames.length
    free.insert(frames)
  }

  /// What each stretch of physical memory is.
  public var map: MemoryMap { _read { yield metadata.map } }

  public var freeCount: UInt64 { free.count + countAtHand }
  public var usedCount: UInt64 { frameCount - freeCount }
  /// The frames that its own bookkeeping has taken so far. It keeps them.
  public var bookkeepingFrameCount: Int { free.lentFrameCount }
  /// The frames of the longest free run.
  public var longestRun: UInt64 { free.longest }

  /// Takes `count` frames in a row.
  ///
  /// What need not lie low comes from above 4 GiB as long as there is any: devices that reach no
  /// farther have no other choice.
  ///
  /// - Parameters:
  ///   - kind: what they are for. Data has no owner yet: see `FrameAllocator+Owners.swift`.
  ///   - order: the first frame's number is a multiple of 2 to this power; below 64.
  ///   - limit: where the frames must end.
  ///   - isZeroed: whether to fill them with zeros.
  /// - Throws: `OutOfFrames` if no free run is long enough, or a frame that is not for data does not
  ///   keep any; that one is never handed out.
  /// - Complexity: O(log free runs) expected, and a store per frame.
  public mutating func allocate(
    _ count: UInt64, as kind: FrameKind, order: UInt64 = 0, below limit: PhysicalAddress? = nil,
    isZeroed: Bool = false
  ) throws(OutOfFrames) -> Range<PhysicalAddress> {
    try failures.countAllocation(of: Int(truncatingIfNeeded: count))
    // What the kernel builds on has to be memory; whoever has data finds out.
    let probes = kind == .data ? 0 : TableEntries.probeCount
    let run: Range<UInt64>
    do throws(OutOfFrames) {
      run = try takeRun(count, order: order, below: limit, probes: probes)
    } catch {
      // The frames at hand may complete a run.
      guard error.faultyFrame == nil, returnAllAtHand() else { throw error }
      run = try takeRun(count, order: order, below: limit, probes: probes)
    }
    metadata.fill(run, with: FrameSlot(.reserved, kind))
    let range = PhysicalAddress(frame: run.lowerBound)..<PhysicalAddress(frame: run.upperBound)
    if isZeroed { clear(range) }
    return range
  }

  /// Takes frames back.
  ///
  /// - Precondition: they were handed out, and nobody uses them.
  public mutating func giveBack(_ range: Range<PhysicalAddress>) {
    metadata.fill(range.frames, with: .unused)
    insert(range.frames)
  }

  func clear(_ range: Range<PhysicalAddress>) {
    var frame = range.lowerBound
    while frame < range.upperBound {
      memory.table(at: frame).clear()
      frame = frame + PageSize.size4KiB.byteCount
    }
  }
}
