// Whatever the bytes: information is refused, or all of it can be read. A trap would end the run.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct BootInformationRobustnessTests {
  /// Reads all there is, and puts it through the memory map.
  private func readAll(_ information: borrowing BootInformation) -> UInt64 {
    var sum: UInt64 = 0
    let entries = information.memoryMap
    for index in 0..<entries.count { sum &+= entries[index].byteCount }
    if let descriptors = information.efiMemoryMap {
      for index in 0..<descriptors.count { sum &+= descriptors[index].byteCount }
    }
    if let sections = information.elfSections {
      for index in 0..<sections.count { sum &+= sections[index].address }
    }
    var modules = information.modules
    while let module = modules.next() {
      sum &+= module.range.byteCount &+ UInt64(module.commandLine.bytes.byteCount)
    }
    sum &+= information.framebuffer?.byteCount ?? 0
    sum &+= UInt64(information.bootLoaderName?.byteCount ?? 0)
    sum &+= UInt64(information.rsdp?.byteCount ?? 0)
    sum &+= information.loadBase?.rawValue ?? 0
    sum &+= UInt64(information.elfSectionNamesIndex ?? 0)
    if information.commandLine.contains("exit") { sum &+= 1 }
    if let value = information.commandLine.value(ofKey: "run") {
      value.forEachByte { sum &+= UInt64($0) }
    }
    return sum
  }

  /// Parses, reads and normalises; says whether the bytes were accepted as information.
  @discardableResult
  private func survives(_ bytes: [UInt8], at address: UInt64 = 0x1_0000) -> Bool {
    do {
      try parse(bytes, at: address) { information in
        _ = readAll(information)
        var map = MemoryMap()
        do throws(MemoryMapError) {
          try information.collectMemory(into: &map)
          try map.normalise(limit: 1 << 40)
        } catch {}
      }
      return true
    } catch {
      return false
    }
  }

  @Test func everyPrefix() {
    let bytes = InformationBuilder.complete.finished()
    #expect(survives(bytes))
    for length in 0..<bytes.count {
      #expect(!survives(Array(bytes[..<length])))
      if length < 4 { continue }
      // The total size says the truth about what is there.
      let honest = UInt32(length).bytes + bytes[4..<length]
      #expect(!survives(honest), "\(length)")
    }
  }

  @Test func everyByteMutated() {
    let bytes = InformationBuilder.complete.finished()
    var accepted = 0
    for index in bytes.indices {
      for value: UInt8 in [0, 1, 7, 8, 0x7f, 0x80, 0xf8, 0xff, bytes[index] ^ 1, bytes[index] &- 1]
      {
        var mutated = bytes
        mutated[index] = value
        if survives(mutated) { accepted += 1 }
      }
    }
    // Both outcomes are met, often.
    #expect(accepted > 1000 && accepted < bytes.count * 10 - 200)
  }

  @Test func everyWordAtItsExtremes() {
    let bytes = InformationBuilder.complete.finished()
    for index in stride(from: 0, to: bytes.count - 4, by: 4) {
      for value: UInt32 in [0, 9, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_fff9, .max] {
        var mutated = bytes
        mutated.replaceSubrange(index..<index + 4, with: value.bytes)
        survives(mutated)
      }
    }
  }

  @Test func randomBytesAndAddresses() {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<3000 {
      var bytes = InformationBuilder.complete.finished()
      for _ in 0..<Int.random(in: 1...40, using: &random) {
        bytes[Int.random(in: 4..<bytes.count, using: &random)] = .random(
          in: 0...255, using: &random)
      }
      survives(bytes, at: random.next() & ~7)
    }
    survives(InformationBuilder.complete.finished(), at: .max - 7)
  }
}
