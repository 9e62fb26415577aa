// Stacks, and areas looked up by address.

import Addressing
import Frames
import KernelSpace
import PageTables
import TestSupport
import Testing

@Suite struct KernelStackTests {
  /// Its pages can be written to, up to its top, and both guards are bare.
  @Test(arguments: [1, 4] as [UInt64])
  func aStack(pages: UInt64) throws {
    let bench = try AreaBench()
    try bench.run {
      let stack = try KernelStack<SimulatedSpace>(pageCount: pages)
      let range = stack.range
      #expect(stack.top == range.upperBound)
      #expect(range.byteCount == pages << 12)
      let leaves = bench.leaves()
      #expect(leaves.map(\.virtual) == (0..<pages).map { range.lowerBound.rawValue + $0 << 12 })
      end(stack)
    }
  }

  @Test func noStack() throws {
    let bench = try AreaBench()
    bench.run {
      #expect(throws: AreaError.empty) { end(try KernelStack<SimulatedSpace>(pageCount: 0)) }
      do throws(AreaError) {
        end(try KernelStack<SimulatedSpace>(pageCount: 1 << 20))
        Issue.record("more frames than there are")
      } catch {
        guard case .outOfFrames = error else {
          Issue.record("\(error)")
          return
        }
      }
    }
  }

  @Test func areasByAddress() throws {
    let bench = try AreaBench()
    try bench.run {
      let (one, two) = (try AreaBox(frames: 2), try AreaBox(frames: 3))
      let page: UInt64 = 4096
      func isInOneArea(_ start: VirtualAddress, _ end: VirtualAddress) -> Bool {
        SimulatedSpace.withAreas { areas in areas.isInOneArea(start..<end) }
      }
      for area in [one, two] {
        let (start, end) = (area.range.lowerBound, area.range.upperBound)
        #expect(isInOneArea(start, end))
        #expect(isInOneArea(start + page, end))
        #expect(!isInOneArea(start - page, end))
        #expect(!isInOneArea(start, end + page))
      }
      #expect(!isInOneArea(one.range.lowerBound, two.range.upperBound))
      let window = bench.machine.layout.vmalloc
      #expect(!isInOneArea(window.upperBound - 2 * page, window.upperBound - page))

      let found = SimulatedSpace.withAreas { areas in
        var found: [(Range<VirtualAddress>, UInt64)] = []
        var position = window.lowerBound
        while let next = areas.firstReservation(endingAbove: position) {
          found.append((next.range, next.areaCount))
          position = next.range.upperBound
        }
        return found
      }
      #expect(
        found.map(\.0)
          == [one, two].map { $0.range.lowerBound - page..<$0.range.upperBound + page })
      #expect(found.map(\.1) == [1, 1])
    }
  }

  /// An image in RAM that an MTRR calls uncacheable, and one beside it.
  @Test func unfitImage() throws {
    var machine = FakeMachine.pc(ramByteCount: 64 << 20, physicalAddressWidth: 36)
    #expect(try machine.plan().unfitImageType == nil)
    machine.registers = Registers(
      width: 36, defaultType: 6, variable: [(0, 0xf_ffe0_0000, 0x20_0000)])
    #expect(try machine.plan().unfitImageType == .uncacheable)
    machine.registers = Registers(
      width: 36, defaultType: 6, variable: [(0, 0xf_ffe0_0000, 0x60_0000)])
    #expect(try machine.plan().unfitImageType == nil)
  }
}
