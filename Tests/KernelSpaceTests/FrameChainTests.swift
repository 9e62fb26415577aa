// Walks over made-up stacks, whole and damaged.

import Addressing
import KernelSpace
import TestSupport
import Testing

@Suite struct FrameChainTests {
  private static let stacks: [Range<UInt64>] = [0x1_0000..<0x2_0000, 0x5_0000..<0x5_1000]
  private static let code: Range<UInt64> = 0x100_0000..<0x200_0000

  /// All steps until the walk ends, at most 100. Reading outside the stacks fails the test.
  private func walk(from frame: UInt64, _ memory: [UInt64: UInt64]) -> [FrameChain.Step] {
    var chain = FrameChain(from: VirtualAddress(frame))
    var steps: [FrameChain.Step] = []
    while steps.count < 100 {
      let step = chain.next(
        stack: { address in
          Self.stacks.first { $0.contains(address.rawValue) }
            .map { VirtualAddress($0.lowerBound)..<VirtualAddress($0.upperBound) }
        },
        load: { address in
          #expect(Self.stacks.contains { $0.contains(address.rawValue) })
          #expect(address.rawValue & 7 == 0)
          return memory[address.rawValue]
        }, isCode: { Self.code.contains($0.rawValue) })
      steps.append(step)
      guard case .caller = step else { break }
    }
    return steps
  }

  private func caller(_ address: UInt64) -> FrameChain.Step { .caller(VirtualAddress(address)) }

  private func broken(
    _ damage: (VirtualAddress) -> FrameChain.Damage, _ address: UInt64
  ) -> FrameChain.Step { .broken(damage(VirtualAddress(address))) }

  private let whole: [UInt64: UInt64] = [
    0x1_1000: 0x1_1100, 0x1_1008: 0x100_0001, 0x1_1100: 0x1_fff0, 0x1_1108: 0x100_0002,
    0x1_fff0: 0, 0x1_fff8: 0x1ff_ffff,
  ]

  @Test func wholeChain() {
    #expect(
      walk(from: 0x1_1000, whole)
        == [caller(0x100_0001), caller(0x100_0002), caller(0x1ff_ffff), .end])
    #expect(walk(from: 0, whole) == [.end])
  }

  /// From a trap's own stack to the one that was interrupted, which may lie lower.
  @Test func otherStack() {
    let memory = whole.merging([0x5_0ff0: 0x1_1100, 0x5_0ff8: 0x100_0009]) { $1 }
    #expect(
      walk(from: 0x5_0ff0, memory)
        == [caller(0x100_0009), caller(0x100_0002), caller(0x1ff_ffff), .end])
  }

  @Test func damage() {
    func steps(_ next: UInt64, _ more: [UInt64: UInt64] = [:]) -> FrameChain.Step? {
      walk(from: 0x1_1000, whole.merging([0x1_1000: next]) { $1 }.merging(more) { $1 }).last
    }
    #expect(steps(0x1_1101) == broken(FrameChain.Damage.misaligned, 0x1_1101))
    #expect(steps(0x1_1108) == broken(FrameChain.Damage.misaligned, 0x1_1108))
    #expect(steps(0x1_1000) == broken(FrameChain.Damage.notAscending, 0x1_1000))
    #expect(steps(0x1_0ff0) == broken(FrameChain.Damage.notAscending, 0x1_0ff0))
    #expect(steps(0x2_0000) == broken(FrameChain.Damage.outsideStacks, 0x2_0000))
    #expect(steps(0x3_0000) == broken(FrameChain.Damage.outsideStacks, 0x3_0000))
    #expect(steps(0x0_fff0) == broken(FrameChain.Damage.outsideStacks, 0x0_fff0))
    #expect(steps(.max - 15) == broken(FrameChain.Damage.outsideStacks, .max - 15))
    // In a stack, where nothing is mapped.
    #expect(steps(0x1_2000) == broken(FrameChain.Damage.outsideStacks, 0x1_2000))
    for address in [0, 0xff_ffff, 0x200_0000, .max] as [UInt64] {
      #expect(
        steps(0x1_1100, [0x1_1108: address]) == broken(FrameChain.Damage.notCode, address))
    }
  }

  /// Whatever lies on the stacks: the walk stays in them.
  @Test func random() {
    var random = SeededGenerator(seed: 31)
    for _ in 0..<2000 {
      var memory: [UInt64: UInt64] = [:]
      for place in stride(from: UInt64(0x5_0000), to: 0x5_1000, by: 16) {
        memory[place] = .random(in: 0x4_ff00...0x5_1100, using: &random) & ~15
        memory[place + 8] = .random(in: 0xff_f000...0x200_0fff, using: &random)
      }
      let steps = walk(from: 0x5_0000, memory)
      if case .caller = steps.last { Issue.record("a walk up a stack goes on for ever") }
    }
  }
}
