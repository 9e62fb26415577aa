// A machine for tests of what lies above page tables: memory, an empty kernel page table, and the
// frame allocator over a made-up memory map, taken over from the early one as the kernel does.

import Addressing
import BootInfo
import Frames
import PageTables

public final class SimulatedMachine {
  public let reports: [Report]
  public let memory: SimulatedMemory
  public let layout: Layout
  public var kernelTable: PageTable<SimulatedMemory>
  public var frames: FrameAllocator<SimulatedMemory, TranslatedMemory>
  /// What was handed out before the takeover, besides the tables of `kernelTable`.
  public let earlyFrames: Set<PhysicalAddress>
  /// Whether the pool's lock is held: it is the last one to take.
  public fileprivate(set) var isPoolLocked = false

  /// - Parameters:
  ///   - earlyFrames: how many frames were handed out before the takeover, besides tables.
  ///   - faultyFrames: the numbers of frames that are no memory.
  public init(
    _ reports: [Report], mode: PagingMode = .fourLevel, earlyFrames: Int = 0,
    faultyFrames: Set<UInt64> = []
  ) throws {
    let map = try MemoryMap(reports)
    let end = (0..<map.count).map { map[$0].range.upperBound.rawValue }.max()!
    let memory = SimulatedMemory(
      from: PhysicalAddress(0), byteCount: Int(end), handsOutOnUse: true)
    memory.faultyFrames = Set(faultyFrames.map { PhysicalAddress($0 << 12) })
    var early = EarlyFrameAllocator(
      unsafeStorage: hostStorage(
        MemoryMap.kernelCapacity * EarlyFrameAllocator<SimulatedMemory>.bytesPerRange),
      of: memory)
    Self.forEachUsableRange(map) { early.add($0) }
    var table = try PageTable(mode: mode, memory: memory, from: &early)
    try table.populateKernelHalf(from: &early)
    try early.reserve(earlyFrames)
    var taken: Set<PhysicalAddress> = []
    for _ in 0..<earlyFrames {
      let frame = early.takeFrame()
      memory.handOut(frame)
      taken.insert(frame)
    }
    self.earlyFrames = taken
    layout = Layout(addressWidth: mode.addressWidth)
    frames = try FrameAllocator.takeOver(
      from: early, map, slots: layout.frameMetadata.lowerBound, in: table, memory: memory,
      window: TranslatedMemory(table.reader), forEachUsableRange: Self.forEachUsableRange)
    self.reports = reports
    self.memory = memory
    kernelTable = table
  }

  // For the macros of tests, which would copy the allocator.
  public var frameCount: UInt64 { frames.frameCount }
  public var freeCount: UInt64 { frames.freeCount }
  public var usedCount: UInt64 { frames.usedCount }
  public var longestRun: UInt64 { frames.longestRun }
  public var bookkeepingFrameCount: Int { frames.bookkeepingFrameCount }

  private static func forEachUsableRange(
    _ map: borrowing MemoryMap, _ body: (Range<PhysicalAddress>) -> Void
  ) {
    for index in 0..<map.count where map[index].kind == .usable { body(map[index].range) }
  }
}

/// Virtual memory as the CPU sees it: the first access to a page is translated by the page table,
/// and the CPU remembers what it found.
public final class TranslatedMemory: VirtualMemory {
  private let reader: PageTableReader<SimulatedMemory>
  private var known: [UInt64: TableEntries] = [:]

  public init(_ reader: PageTableReader<SimulatedMemory>) { self.reader = reader }

  /// Traps unless the page is mapped and can be written.
  public func page(at address: VirtualAddress) -> TableEntries {
    if let page = known[address.rawValue] { return page }
    guard let mapping = try? reader.query(address), mapping.property.rights == .write else {
      preconditionFailure("access to \(address) is a page fault")
    }
    let page = reader.memory.table(at: mapping.translate(address))
    known[address.rawValue] = page
    return page
  }
}

/// The pool of the machine that a test runs on: `SimulatedPool.with(machine) { ... }`.
public enum SimulatedPool: FramePool {
  @TaskLocal private static var machine: Holder?

  private struct Holder: @unchecked Sendable { let machine: SimulatedMachine }

  public static func with<Result>(
    _ machine: SimulatedMachine, _ body: () throws -> Result
  ) rethrows -> Result {
    try $machine.withValue(Holder(machine: machine), operation: body)
  }

  public static var memory: SimulatedMemory { machine!.machine.memory }

  public static func withAllocator<Result: ~Copyable, Failure: Error>(
    _ body: (inout FrameAllocator<SimulatedMemory, TranslatedMemory>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let machine = machine!.machine
    machine.isPoolLocked = true
    defer { machine.isPoolLocked = false }
    return try body(&machine.frames)
  }
}
