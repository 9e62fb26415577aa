// A kernel address space on a simulated machine, with the most treacherous TLB there can be. Locks
// taken in the wrong order, or held while a CPU is to forget, stop the test.

import Addressing
import Frames
import KernelSpace
import PageTables
import TestSupport
import Testing

typealias Area = KernelVirtualArea<SimulatedSpace>
typealias Space = AddressSpace<SimulatedSpace>

/// The state behind the areas of one test.
final class AreaBench {
  let machine: SimulatedMachine
  let tlb: HostileTLB
  fileprivate(set) var areas: VirtualAreas<SimulatedMemory>
  let largestPage: PageSize
  fileprivate var areasLocks = 0
  fileprivate var tableLocks = 0

  init(
    _ machine: SimulatedMachine, window: Range<VirtualAddress>? = nil,
    largestPage: PageSize = .size1GiB
  ) throws {
    self.machine = machine
    self.largestPage = largestPage
    tlb = HostileTLB(
      memory: machine.memory, root: machine.kernelTable.root, mode: machine.kernelTable.mode)
    let count = VirtualAreas<SimulatedMemory>.initialFrameCount
    let frames = try machine.frames.allocate(count, as: .bookkeeping)
    areas = VirtualAreas(
      window ?? machine.layout.vmalloc, memory: machine.memory, keeping: frames.lowerBound)
  }

  /// A machine of one region of RAM, and a window of so many pages, or all of it.
  convenience init(
    ramByteCount: UInt64 = 256 << 20, mode: PagingMode = .fourLevel, windowPages: UInt64? = nil,
    largestPage: PageSize = .size1GiB
  ) throws {
    let machine = try SimulatedMachine(
      [Report(0, 0xa_0000, .usable), Report(0x10_0000, ramByteCount, .usable)], mode: mode)
    let start = machine.layout.vmalloc.lowerBound
    try self.init(
      machine, window: windowPages.map { start..<start + $0 << 12 }, largestPage: largestPage)
  }

  /// Runs `body` on this bench. When all that it made has ended, nothing may be left after a flush.
  func run<Result>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result
  ) rethrows -> Result {
    try SimulatedSpace.$current.withValue(SimulatedSpace.Current(bench: self)) {
      try SimulatedPool.with(machine) {
        let start = census()
        defer {
          SimulatedSpace.flush()
          expectNothingIsLeft(since: start, sourceLocation: sourceLocation)
        }
        return try body()
      }
    }
  }
}

enum SimulatedSpace: KernelAddressSpace {
  typealias Pool = SimulatedPool

  struct Current: @unchecked Sendable { let bench: AreaBench }
  @TaskLocal static var current: Current?

  private static var bench: AreaBench { current!.bench }

  /// Asked for when a token is to be spent: what the CPU has still to forget must not be free yet.
  static var cache: HostileTLB {
    precondition(
      bench.areasLocks == 0 && bench.tableLocks == 0 && !bench.machine.isPoolLocked,
      "a token is spent with a lock held")
    bench.judge()
    return bench.tlb
  }
  static var largestPage: PageSize { bench.largestPage }
  static var activeRoot: PhysicalAddress { PhysicalAddress(bench.tlb.root) }
  static func activate(root: PhysicalAddress) { bench.tlb.loadCR3(root) }

  static func withAreas<Result: ~Copyable, Failure: Error>(
    _ body: (inout VirtualAreas<SimulatedMemory>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let bench = bench
    precondition(
      bench.areasLocks == 0 && bench.tableLocks == 0 && !bench.machine.isPoolLocked,
      "the areas' lock is the first to take")
    bench.areasLocks += 1
    defer { bench.areasLocks -= 1 }
    return try body(&bench.areas)
  }

  static func withPageTable<Result: ~Copyable, Failure: Error>(
    _ body: (inout PageTable<SimulatedMemory>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let bench = bench
    precondition(
      bench.tableLocks == 0 && !bench.machine.isPoolLocked,
      "the page table's lock is taken before the frames'")
    bench.tableLocks += 1
    defer { bench.tableLocks -= 1 }
    return try body(&bench.machine.kernelTable)
  }
}
