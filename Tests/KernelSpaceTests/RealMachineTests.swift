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
  let map: FirmwareMap

  init(file: URL) throws {
    testDescription = file.deletingPathExtension().lastPathComponent
    map = try FirmwareMap(parsing: String(contentsOf: file, encoding: .utf8))
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
}

@Suite struct RealMachineTests {
  @Test func theyAreAllThere() {
    #expect(RealMachine.all.count == 62)
    #expect(RealMachine.all.allSatisfy { $0.map.reports.count >= 2 })
    #expect(
      RealMachine.all.filter { $0.map.image == nil }.map(\.testDescription)
        == [RealMachine.tooSmall])
  }

  @Test(arguments: RealMachine.all.filter { $0.testDescription != RealMachine.tooSmall })
  func keepsThePromises(real: RealMachine) throws {
    let image = try #require(real.map.image)
    for cpu in FakeCPU.all {
      let machine = FakeMachine(
        cpu: cpu, physicalAddressWidth: cpu.mode == .fourLevel ? 48 : 52, reports: real.map.reports,
        image: image)
      try expectComplete(machine, real)
    }
  }

  /// The same machines with a CPU of 36 bits, and with one whose addresses end inside their RAM.
  @Test(arguments: RealMachine.all.filter { $0.testDescription != RealMachine.tooSmall })
  func whatTheCPUDoesNotReachIsLeftOut(real: RealMachine) throws {
    let image = try #require(real.map.image)
    for width in [32, 36] {
      let machine = FakeMachine(
        physicalAddressWidth: width, reports: real.map.reports, image: image)
      try expectComplete(machine, real)
    }
  }

  private func expectComplete(_ machine: FakeMachine, _ real: RealMachine) throws {
    let ram = real.map.ram.map { $0.clamped(to: 0..<machine.limit) }
    let space = try BuiltSpace(machine)
    try space.expectComplete(ram: ram)
    #expect(space.map.ramLeftOut == real.map.ram.byteCount - ram.byteCount)
  }

  @Test func theOneThatIsTooSmall() throws {
    let real = try #require(RealMachine.all.first { $0.testDescription == RealMachine.tooSmall })
    #expect(
      throws: MemoryMapError.notInRAM(.kernel, at: PhysicalAddress(0x20_0000), over: nil)
    ) { try BuiltSpace(FakeMachine(reports: real.map.reports)) }
  }
}
