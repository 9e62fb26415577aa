// The plan against brute force: every page of small made-up machines, one at a time.

import Addressing
import BootInfo
import KernelSpace
import PageTables
import TestSupport
import Testing

/// A machine of 16 MiB with regions of all kinds and an image in the middle of one of them.
private func smallMachine(seed: UInt64, withRegisters: Bool) -> FakeMachine {
  var random = SeededGenerator(seed: seed)
  let kinds: [RegionKind] = [
    .unusable, .framebuffer, .reserved, .nvs, .acpi, .persistent, .usable, .usable, .usable,
  ]
  // The planner asks for no alignment of the image, so that it may lie anywhere.
  let image = FakeImage(start: 0x1000 * .random(in: 0x300...0x500, using: &random))
  let around = image.report.range
  var reports = [Report(around.lowerBound - 0x4000, around.upperBound + 0x3000, .usable)]
  for (lower, upper) in [(0, reports[0].start), (reports[0].end, 0x100_0000)] {
    var start: UInt64 = lower
    while start < upper {
      let end = min(upper, start + 0x1000 * .random(in: 1...200, using: &random))
      let kind = kinds.randomElement(using: &random)!
      if Int.random(in: 0..<5, using: &random) > 0 { reports.append(Report(start, end, kind)) }
      start = end
    }
  }
  // What the boot loader put into usable RAM.
  let carved: [RegionKind] = [.module, .bootInformation]
  for (report, kind) in zip(reports.dropFirst().filter { $0.kind == .usable }, carved) {
    reports.append(Report(report.start, min(report.end, report.start + 0x6000), kind))
  }
  return FakeMachine(
    physicalAddressWidth: 36, reports: reports, image: image,
    registers: withRegisters ? .random(granuleShift: 12, width: 36, from: &random) : nil)
}

extension Set<UInt64> {
  /// Inserts the pages of a range, of which none may be there yet.
  fileprivate mutating func insert(pagesOf range: Range<PhysicalAddress>) {
    for page in stride(from: 0, to: range.byteCount, by: 0x1000) {
      #expect(insert(range.lowerBound.rawValue + page).inserted)
    }
  }
}

@Suite struct KernelSpacePlanTests {
  private static let linear: UInt64 = 0xffff_8000_0000_0000

  /// The kind of a page: the strongest of the reports of it, by the order the kernel documents.
  private func kind(of page: UInt64, in machine: FakeMachine) -> RegionKind? {
    let order: [RegionKind] = [
      .unusable, .framebuffer, .reserved, .nvs, .acpi, .persistent, .kernel, .module,
      .bootInformation, .usable,
    ]
    let kinds = (machine.reports + [machine.image.report])
      .filter { $0.range.contains(page) }.map(\.kind)
    return order.first { kinds.contains($0) }
  }

  @Test(arguments: 0..<20, [true, false])
  func linearMappingsAgreeWithBruteForce(seed: UInt64, withRegisters: Bool) throws {
    let machine = smallMachine(seed: seed, withRegisters: withRegisters)
    let map = try machine.map()
    let plan = try machine.plan()

    var planned: [UInt64: Rights] = [:]
    var previous: PlannedMapping?
    plan.forEachLinearMapping(of: map) { mapping in
      #expect(mapping.virtual.lowerBound.rawValue == Self.linear + mapping.physical.rawValue)
      #expect(mapping.property == .kernel(mapping.property.rights) && !mapping.virtual.isEmpty)
      if let previous {
        // In rising order, and what could be one mapping is one.
        #expect(previous.virtual.upperBound <= mapping.virtual.lowerBound)
        #expect(
          previous.virtual.upperBound < mapping.virtual.lowerBound
            || previous.property != mapping.property)
      }
      previous = mapping
      for page in stride(from: 0, to: mapping.virtual.byteCount, by: 0x1000) {
        planned[mapping.physical.rawValue + page] = mapping.property.rights
      }
    }
    var leftOut: [UInt64: MTRRType] = [:]
    plan.forEachLeftOut(of: map) { range, type in
      #expect(leftOut[range.lowerBound.rawValue &- 0x1000] != type)
      for page in stride(from: 0, to: range.byteCount, by: 0x1000) {
        leftOut[range.lowerBound.rawValue + page] = type
      }
    }
    var usable: Set<UInt64> = []
    plan.forEachUsableRange(of: map) { usable.insert(pagesOf: $0) }
    var boot: Set<UInt64> = []
    plan.forEachMapped(in: plan.image.bootPart) { boot.insert(pagesOf: $0) }
    for index in 0..<map.count where map[index].kind == .bootInformation {
      plan.forEachMapped(in: map[index].range) { boot.insert(pagesOf: $0) }
    }

    var expected: [UInt64: Rights] = [:]
    var expectedUsable: Set<UInt64> = []
    var expectedBoot: Set<UInt64> = []
    let bootPart = machine.image.start..<machine.image.start + 0x6000
    var expectedLeftOut: [UInt64: MTRRType] = [:]
    let ramKinds: [RegionKind?] = [.usable, .kernel, .module, .bootInformation, .acpi, .nvs]
    for page in stride(from: 0, to: 0x100_0000 as UInt64, by: 0x1000) {
      let kind = kind(of: page, in: machine)
      guard ramKinds.contains(kind) else { continue }
      let type = machine.registers?.type(at: page) ?? .writeBack
      if type == .writeBack {
        expected[page] = machine.image.readOnly.contains(page) ? Rights.none : .write
        if kind == .usable { expectedUsable.insert(page) }
        if kind == .bootInformation || bootPart.contains(page) { expectedBoot.insert(page) }
      } else {
        expectedLeftOut[page] = type
      }
    }
    #expect(planned == expected)
    #expect(usable == expectedUsable && boot == expectedBoot)
    #expect(leftOut == expectedLeftOut)
    #expect(expected.count + expectedLeftOut.count > 800)
  }

  /// Some of the brute force's machines leave nothing out or everything; not all of them do.
  @Test func theMachinesDiffer() throws {
    let counts = try (0..<20).map { seed -> Int in
      let machine = smallMachine(seed: UInt64(seed), withRegisters: true)
      var count = 0
      try machine.plan().forEachLeftOut(of: machine.map()) { _, _ in count += 1 }
      return count
    }
    #expect(counts.contains(0) && counts.contains { $0 > 1 })
  }

  /// RAM of six kinds in seven regions, one extent.
  @Test func regionsThatTouchAreOneMapping() throws {
    let kinds: [RegionKind] = [.acpi, .usable, .nvs, .module, .bootInformation, .usable, .acpi]
    var reports = [Report(0x100_0000, 0x140_0000, .usable)]
    for (index, kind) in kinds.enumerated() {
      let start = 0x100_0000 + 0x8_0000 * UInt64(index)
      reports.append(Report(start, start + 0x8_0000, kind))
    }
    reports.append(Report(0x138_0000, 0x140_0000, .reserved))
    reports.append(Report(0x20_0000, 0x40_0000, .usable))
    let machine = FakeMachine(reports: reports)
    let map = try machine.map()
    var ranges: [Range<UInt64>] = []
    try machine.plan().forEachLinearMapping(of: map) { mapping in
      let start = mapping.physical.rawValue
      ranges.append(start..<start + mapping.virtual.byteCount)
    }
    let readOnly = machine.image.readOnly
    #expect(map.count > 9)
    #expect(
      ranges == [
        0x20_0000..<readOnly.lowerBound, readOnly, readOnly.upperBound..<0x40_0000,
        0x100_0000..<0x138_0000,
      ])
  }

  /// Registers that single out RAM, but are off: MTRRs that decide nothing.
  @Test func disabledMTRRsDecideNothing() throws {
    var machine = FakeMachine.pc(ramByteCount: 16 << 20, physicalAddressWidth: 36)
    machine.registers = Registers(
      width: 36, defaultType: 0, variable: [(0, 0xf_fff0_0000, 0x80_0000)])
    let map = try machine.map()
    func leftOut() throws -> [Range<UInt64>] {
      var ranges: [Range<UInt64>] = []
      try machine.plan().forEachLeftOut(of: map) { range, _ in
        ranges.append(range.lowerBound.rawValue..<range.upperBound.rawValue)
      }
      return ranges
    }
    #expect(try leftOut() == FakeMachine.pcRAM(ramByteCount: 16 << 20))
    machine.registers!.values[0x2ff]! |= 6
    #expect(try leftOut() == [0x80_0000..<0x90_0000])
    machine.registers!.values[0x2ff]! &= ~(1 << 11)
    #expect(try leftOut() == [])
  }

  @Test(arguments: [0x20_0000, 0x1_2340_0000] as [UInt64])
  func imageMappingsLeaveGuardPagesOut(start: UInt64) throws {
    let machine = FakeMachine(
      reports: [],
      image: FakeImage(start: start, textByteCount: 0x2_f000, readOnlyDataByteCount: 0xc000))
    var rights: [UInt64: Rights] = [:]
    try machine.plan().forEachImageMapping { mapping in
      for page in stride(from: 0, to: mapping.virtual.byteCount, by: 0x1000) {
        let virtual = mapping.virtual.lowerBound.rawValue + page
        #expect(mapping.physical.rawValue + page == virtual - FakeImage.linkedAt + start)
        #expect(mapping.property == .kernel(mapping.property.rights))
        #expect(rights.updateValue(mapping.property.rights, forKey: virtual) == nil)
      }
    }
    // Page by page: boot part, text, read-only data, data, four stacks between guard pages.
    let stack: [Rights?] = [nil, .write, .write, .write, .write]
    var expected = [Rights?](repeating: nil, count: 6)
    expected += [Rights?](repeating: .execute, count: 0x2f)
    expected += [Rights?](repeating: Rights.none, count: 0xc)
    expected += [Rights?](repeating: .write, count: 0x1d)
    expected += stack + stack + stack + stack + [nil]
    #expect(UInt64(expected.count) << 12 == machine.image.byteCount)
    for (page, right) in expected.enumerated() {
      #expect(rights[FakeImage.linkedAt + UInt64(page) << 12] == right)
    }
    #expect(rights.count == expected.count(where: { $0 != nil }))
  }
}
