// The memory maps of 62 real machines: each is normalised, planned, built and judged, as a boot
// would. MemoryMaps/README.md tells where they come from.

import Addressing
import BootInfo
import Foundation
import KernelSpace
import Oracle
import PageTables
import TestSupport
import Testing

struct RealMachine: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let reports: [Report]

  init(file: URL) throws {
    testDescription = file.deletingPathExtension().lastPathComponent
    let kinds: [Substring: RegionKind] = [
      "usable": .usable, "reserved": .reserved, "acpi-data": .acpi, "acpi-nvs": .nvs,
      "unusable": .unusable, "persistent": .persistent, "soft-reserved": .reserved,
      "other": .reserved,
    ]
    let text = try String(contentsOf: file, encoding: .utf8)
    reports = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let words = line.split(separator: " ")
      return Report(UInt64(words[0], radix: 16)!, UInt64(words[1], radix: 16)!, kinds[words[2]]!)
    }
  }

  static let all: [RealMachine] = {
    let folder = Bundle.module.url(forResource: "MemoryMaps", withExtension: nil)!
    let files = try! FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    return files.filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }
      .map { try! RealMachine(file: $0) }
  }()

  /// The one machine that cannot hold the kernel: its table has one usable page.
  static let tooSmall = "119-samsung-500c-chromebook"

  private func parts(of kinds: RegionKind...) -> [Range<UInt64>] {
    reports.filter { kinds.contains($0.kind) }.map(\.range)
  }

  /// The pages that are RAM: usable RAM inward, ACPI's outward, and the others take theirs outward.
  var ram: [Range<UInt64>] {
    func outward(_ parts: [Range<UInt64>]) -> AddressSet {
      AddressSet(parts.map { $0.lowerBound & ~0xfff..<($0.upperBound + 0xfff) & ~0xfff })
    }
    let acpi = outward(parts(of: .acpi, .nvs))
    let usable = AddressSet(parts(of: .usable)).ranges.map { range in
      let start = (range.lowerBound + 0xfff) & ~0xfff
      return start..<max(start, range.upperBound & ~0xfff)
    }
    let persistent = outward(parts(of: .persistent)).subtracting(acpi)
    let others = outward(parts(of: .reserved, .unusable)).ranges + persistent
    return AddressSet(usable + acpi.ranges).subtracting(AddressSet(others))
  }

  /// Where a loader puts the image: the lowest multiple of 2 MiB with room in usable RAM.
  var image: FakeImage? {
    let twoMiB: UInt64 = 0x20_0000
    let starts = AddressSet(parts(of: .usable)).ranges.compactMap { range -> UInt64? in
      let start = max(twoMiB, (range.lowerBound + twoMiB - 1) & ~(twoMiB - 1))
      return start + FakeImage().byteCount <= range.upperBound ? start : nil
    }
    return starts.first.map { FakeImage(start: $0) }
  }
}

@Suite struct RealMachineTests {
  @Test func theyAreAllThere() {
    #expect(RealMachine.all.count == 62)
    #expect(RealMachine.all.allSatisfy { $0.reports.count >= 2 })
    #expect(
      RealMachine.all.filter { $0.image == nil }.map(\.testDescription)
        == [RealMachine.tooSmall])
  }

  @Test(arguments: RealMachine.all.filter { $0.testDescription != RealMachine.tooSmall })
  func keepsThePromises(real: RealMachine) throws {
    let image = try #require(real.image)
    for cpu in FakeCPU.all {
      let machine = FakeMachine(
        cpu: cpu, physicalAddressWidth: cpu.mode == .fourLevel ? 48 : 52, reports: real.reports,
        image: image)
      try expectComplete(machine, real)
    }
  }

  /// The same machines with a CPU of 36 bits, and with one whose addresses end inside their RAM.
  @Test(arguments: RealMachine.all.filter { $0.testDescription != RealMachine.tooSmall })
  func whatTheCPUDoesNotReachIsLeftOut(real: RealMachine) throws {
    let image = try #require(real.image)
    for width in [32, 36] {
      let machine = FakeMachine(
        physicalAddressWidth: width, reports: real.reports, image: image)
      try expectComplete(machine, real)
    }
  }

  private func expectComplete(_ machine: FakeMachine, _ real: RealMachine) throws {
    let ram = real.ram.map { $0.clamped(to: 0..<machine.limit) }
    let space = try BuiltSpace(machine)
    try space.expectComplete(ram: ram)
    #expect(space.map.ramLeftOut == real.ram.byteCount - ram.byteCount)
  }

  @Test func theOneThatIsTooSmall() throws {
    let real = try #require(RealMachine.all.first { $0.testDescription == RealMachine.tooSmall })
    #expect(
      throws: MemoryMapError.notInRAM(.kernel, at: PhysicalAddress(0x20_0000), over: nil)
    ) { try BuiltSpace(FakeMachine(reports: real.reports)) }
  }
}
