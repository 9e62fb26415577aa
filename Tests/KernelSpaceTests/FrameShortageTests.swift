// Too little RAM for the page tables: a typed error at every possible supply, and nothing else.

import Addressing
import BootInfo
import KernelSpace
import PageTables
import TestSupport
import Testing

@Suite struct FrameShortageTests {
  @Test(arguments: FakeCPU.all)
  func everySupplyButEnoughIsAnError(cpu: FakeCPU) throws {
    let machine = FakeMachine.pc(ramByteCount: 6 << 30, cpu: cpu)
    let map = try machine.map()
    let plan = try machine.plan()
    let enough = ExpectedSpace(machine, ram: FakeMachine.pcRAM(ramByteCount: 6 << 30))
      .tableCount(levels: cpu.mode.levels)

    func build(_ frames: inout SimulatedFrames) throws(PageTableError) {
      _ = try initKernelPageTable(
        plan, map, mode: cpu.mode, features: machine.features, memory: frames.memory, from: &frames)
    }
    for supply in 0..<enough {
      var frames = SimulatedFrames(of: SimulatedMemory(byteCount: 2 << 20), supply: supply)
      do throws(PageTableError) {
        try build(&frames)
        Issue.record("\(supply) frames are enough")
      } catch {
        guard case .outOfFrames(let shortage) = error else {
          Issue.record("\(error) with \(supply) frames")
          continue
        }
        // What is said is what is there: the frames that were not taken, and fewer than needed.
        #expect(shortage.available == frames.supply && shortage.needed > shortage.available)
        #expect(frames.takenCount + frames.supply == supply && frames.reservedCount == 0)
        if supply == 0 { #expect(shortage.needed == 1) }
        if 1...256 ~= supply { #expect(shortage.needed == 256) }
      }
    }
    var frames = SimulatedFrames(of: SimulatedMemory(byteCount: 2 << 20), supply: enough)
    try build(&frames)
    #expect(frames.supply == 0)
  }
}
