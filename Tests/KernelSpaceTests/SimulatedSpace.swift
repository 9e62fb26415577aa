// A kernel address space on a simulated machine, with the most treacherous TLB there can be.

import Addressing
import Frames
import KernelSpace
import PageTables
import TestSupport

/// The state behind the areas of one test.
final class AreaBench {
  let machine: SimulatedMachine
  let tlb: HostileTLB
  fileprivate var areas: VirtualAreas<SimulatedMemory>
  let largestPage: PageSize

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

  /// Runs `body` on this bench.
  func run<Result>(_ body: () throws -> Result) rethrows -> Result {
    try SimulatedSpace.$current.withValue(SimulatedSpace.Current(bench: self)) {
      try SimulatedPool.with(machine, body)
    }
  }
}

enum SimulatedSpace: KernelAddressSpace {
  typealias Pool = SimulatedPool

  struct Current: @unchecked Sendable { let bench: AreaBench }
  @TaskLocal static var current: Current?

  private static var bench: AreaBench { current!.bench }

  static var cache: HostileTLB { bench.tlb }
  static var largestPage: PageSize { bench.largestPage }
  static var activeRoot: PhysicalAddress { PhysicalAddress(bench.tlb.root) }
  static func activate(root: PhysicalAddress) { bench.tlb.loadCR3(root) }

  static func withAreas<Result: ~Copyable, Failure: Error>(
    _ body: (inout VirtualAreas<SimulatedMemory>) throws(Failure) -> Result
  ) throws(Failure) -> Result { try body(&bench.areas) }

  static func withPageTable<Result: ~Copyable, Failure: Error>(
    _ body: (inout PageTable<SimulatedMemory>) throws(Failure) -> Result
  ) throws(Failure) -> Result { try body(&bench.machine.kernelTable) }
}
