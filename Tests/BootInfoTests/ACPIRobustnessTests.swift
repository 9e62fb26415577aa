// Whatever the bytes: they are refused or read as a second, plain reader reads them, and nothing
// outside them is touched. A trap or a fault would end the run.

import Addressing
import BootInfo
import TestSupport
import Testing

/// Compares the parser with the plain readers; says how many of them took the bytes.
private func agreed(_ bytes: [UInt8], in memory: GuardedMemory) -> Int {
  let (taken, wrong) = compareACPIReaders(bytes, in: memory)
  #expect(wrong == nil)
  return taken
}

@Suite struct ACPIRobustnessTests {
  private let memory = GuardedMemory()

  private let structures = [
    ACPIBuilder.rootPointer(revision: 0, rsdt: 0x7fe_2412),
    ACPIBuilder.rootPointer(revision: 2, rsdt: 0x777_d074, xsdt: 0x777_d0e8, tail: [1, 2, 3, 4]),
    ACPIBuilder.table("RSDT", Array(1...23)), ACPIBuilder.table("XSDT", Array(1...47)),
    ACPIBuilder.completeMADT,
    ACPIBuilder.hpet(block: 0x8086_a201, address: 0xfed0_0000, tick: 128),
    ACPIBuilder.fadt(
      byteCount: 244,
      [
        40: UInt32(0x7fe_0040).bytes, 64: UInt32(0x604).bytes, 112: UInt32(0x84a5).bytes,
        116: ACPIBuilder.register(1, 0xcf9), 140: UInt64(0x1_07fe_0040).bytes,
        172: ACPIBuilder.register(1, 0x804),
      ]),
  ]

  @Test func everyPrefix() {
    for bytes in structures {
      #expect(agreed(bytes, in: memory) == 1)
      for length in bytes.indices { #expect(agreed(Array(bytes[..<length]), in: memory) == 0) }
    }
  }

  /// Bytes and lengths changed at random; half of the time with checksums that hold.
  @Test func mutated() {
    var random = SeededGenerator(seed: 23)
    var taken = 0
    let count = 20_000
    for _ in 0..<count {
      var bytes = structures.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let value: UInt8 =
          [0, 1, 2, 8, 9, 12, 0x7f, 0xff].randomElement(using: &random)!
          ^ (Bool.random(using: &random) ? 0 : .random(in: 0...255, using: &random))
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = value
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
      }
      if Bool.random(using: &random) { ACPIBuilder.repair(&bytes) }
      taken += agreed(bytes, in: memory)
    }
    // Both outcomes are met, often.
    #expect(taken > count / 10 && taken < count * 9 / 10)
  }

  /// MADTs of random entries of random lengths, all with a checksum that holds.
  @Test func randomEntries() {
    var random = SeededGenerator(seed: 5)
    var taken = 0
    let count = 5000
    for _ in 0..<count {
      var body: [UInt8] = (0..<8).map { _ in .random(in: 0...255, using: &random) }
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        let type = [0, 0, 1, 2, 5, 9, 9, 200].randomElement(using: &random)!
        let length = [8, 12, 12, 16, 16, 16, 17, 40].randomElement(using: &random)!
        let fill: UInt8? = [nil, nil, 0, 255, 1].randomElement(using: &random)!
        body += [UInt8(type), UInt8(max(length, [0: 8, 1: 12, 5: 12, 9: 16][type] ?? 2))]
        for _ in 2..<Int(body.last!) {
          body.append(fill ?? .random(in: 0...255, using: &random))
        }
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        body.removeLast(min(body.count, Int.random(in: 0...20, using: &random)))
      }
      taken += agreed(ACPIBuilder.table("APIC", body), in: memory)
    }
    #expect(taken > count / 2 && taken < count)
  }

  /// Bytes that are nothing but random, behind each signature and behind none.
  @Test func random() {
    var random = SeededGenerator(seed: 71)
    for _ in 0..<5000 {
      let head = ["RSD PTR ", "RSDT", "XSDT", "APIC", "HPET", "FACP", ""].randomElement(
        using: &random)!
      var bytes = Array(head.utf8)
      for _ in 0..<Int.random(in: 0...300, using: &random) {
        bytes.append(.random(in: 0...255, using: &random))
      }
      if bytes.count >= 24, Bool.random(using: &random) {
        let offset = head.count == 8 ? 20 : 4
        bytes = bytes.replacing(at: offset, UInt32(bytes.count).bytes)
        ACPIBuilder.repair(&bytes)
      }
      _ = agreed(bytes, in: memory)
    }
  }
}
