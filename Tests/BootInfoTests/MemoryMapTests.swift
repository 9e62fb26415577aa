// The rules of the memory map one by one, and every error by name.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct MemoryMapTests {
  @Test func usableShrinksAllElseGrows() throws {
    #expect(
      try normalised([
        Report(0x1001, 0x5fff, .usable), Report(0x8fff, 0x9001, .reserved),
        Report(0xb800, 0xb801, .acpi), Report(0xd001, 0xdfff, .usable),
      ]).regions == [
        Report(0x2000, 0x5000, .usable), Report(0x8000, 0xa000, .reserved),
        Report(0xb000, 0xc000, .acpi),
      ])
  }

  @Test func usableReportsThatMeetInsideAPageKeepIt() throws {
    #expect(
      try normalised([Report(0, 0x1018, .usable), Report(0x1018, 0x3000, .usable)]).regions
        == [Report(0, 0x3000, .usable)])
    #expect(
      try normalised([Report(0, 0x1018, .usable), Report(0x1019, 0x3000, .usable)]).regions
        == [Report(0, 0x1000, .usable), Report(0x2000, 0x3000, .usable)])
  }

  @Test func touchingRegionsOfOneKindMerge() throws {
    #expect(
      try normalised([
        Report(0x3000, 0x4000, .usable), Report(0x1000, 0x2000, .usable),
        Report(0x2000, 0x3000, .usable), Report(0x4000, 0x5000, .nvs),
        Report(0x5000, 0x6000, .nvs), Report(0x7000, 0x8000, .nvs),
      ]).regions == [
        Report(0x1000, 0x4000, .usable), Report(0x4000, 0x6000, .nvs),
        Report(0x7000, 0x8000, .nvs),
      ])
  }

  /// Every pair of kinds over one page: the lower raw value stays.
  @Test func priority() throws {
    let firmware: [RegionKind] = [.unusable, .framebuffer, .reserved, .nvs, .acpi, .persistent]
    let all = firmware + [.bootInformation, .usable]
    for (first, strong) in all.enumerated() {
      for weak in all[first...] {
        let reports = [
          Report(0, 0x4000, .usable), Report(0x1000, 0x3000, weak), Report(0x2000, 0x3000, strong),
        ]
        var map = MemoryMap()
        try map.add(reports)
        try map.normalise(limit: 1 << 52)
        for index in 0..<map.count where map[index].range.contains(PhysicalAddress(0x2000)) {
          #expect(map[index].kind == strong)
        }
      }
    }
    #expect(
      try normalised([
        Report(0, 0x6000, .usable), Report(0x1000, 0x3000, .kernel),
        Report(0x2000, 0x4000, .module),
        Report(0x3000, 0x5000, .bootInformation),
      ]).regions == [
        Report(0, 0x1000, .usable), Report(0x1000, 0x3000, .kernel),
        Report(0x3000, 0x4000, .module), Report(0x4000, 0x5000, .bootInformation),
        Report(0x5000, 0x6000, .usable),
      ])
  }

  @Test func emptyReportsAddNothing() throws {
    var map = MemoryMap()
    try map.add(start: 0x1800, byteCount: 0, kind: .reserved)
    try map.add(start: .max, byteCount: 0, kind: .kernel)
    #expect(map.count == 0)
  }

  @Test func clamping() throws {
    var map = MemoryMap()
    try map.add(start: 0x1000, byteCount: 0x1000, kind: .usable)
    try map.add(start: (1 << 52) - 0x1800, byteCount: .max, kind: .reserved)
    try map.add(start: 1 << 52, byteCount: 0x1000, kind: .unusable)
    try map.add(start: .max, byteCount: .max, kind: .usable)
    try map.add(start: .max - 0xfff, byteCount: 0x1000, kind: .usable)
    try map.normalise(limit: 1 << 52)
    #expect(
      Outcome(of: map).regions == [
        Report(0x1000, 0x2000, .usable), Report((1 << 52) - 0x2000, 1 << 52, .reserved),
      ])
    #expect(
      try normalised([Report(0, .max, .usable)]).regions == [Report(0, 1 << 52, .usable)])
  }

  @Test func ramPastTheLimitIsLeftOut() throws {
    let outcome = try normalised(
      [
        Report(0x1000, 0x1_2000, .usable), Report(0x1_3000, 0x1_4000, .acpi),
        Report(0x1_5000, 0x1_6000, .nvs), Report(0x1_7000, 0x1_8000, .reserved),
        Report(0x1_1000, 0x1_1010, .bootInformation),
      ], limit: 0x1_0fff)
    #expect(
      outcome.regions == [Report(0x1000, 0x1_0000, .usable), Report(0x1_7000, 0x1_8000, .reserved)])
    #expect(outcome.ramLeftOut == 0x4000)
  }

  @Test func totals() throws {
    var map = MemoryMap()
    try map.add([
      Report(0, 0x8000, .usable), Report(0x1000, 0x3000, .kernel), Report(0x8000, 0x9000, .acpi),
      Report(0x9000, 0xb000, .reserved), Report(0x1_0000, 0x1_1000, .usable),
    ])
    try map.normalise(limit: 1 << 52)
    #expect(map.byteCount(of: .usable) == 0x7000)
    #expect(map.byteCount(of: .kernel) == 0x2000)
    #expect(map.byteCount(of: .reserved) == 0x2000)
    #expect(map.byteCount(of: .unusable) == 0)
    #expect(map.ramByteCount == 0xa000)
  }

  @Test func kernelOverHole() {
    let hole = [Report(0, 0x2800, .usable), Report(0x1000, 0x3000, .kernel)]
    #expect(
      throws: MemoryMapError.notInRAM(.kernel, at: PhysicalAddress(0x2000), over: nil)
    ) { try normalised(hole) }
    let before = [Report(0x1800, 0x4000, .usable), Report(0x1900, 0x3000, .kernel)]
    #expect(
      throws: MemoryMapError.notInRAM(.kernel, at: PhysicalAddress(0x1000), over: nil)
    ) { try normalised(before) }
  }

  @Test func kernelOrModuleOverFirmware() {
    for kind: RegionKind in [.unusable, .framebuffer, .reserved, .nvs, .acpi, .persistent] {
      for image: RegionKind in [.kernel, .module] {
        // The firmware's byte is outside the image, but inside its last page.
        let reports = [
          Report(0, 0x8000, .usable), Report(0x1000, 0x2800, image), Report(0x2fff, 0x3000, kind),
        ]
        #expect(
          throws: MemoryMapError.notInRAM(image, at: PhysicalAddress(0x2000), over: kind)
        ) { try normalised(reports) }
      }
    }
  }

  @Test func kernelOrModulePastLimit() {
    for image: RegionKind in [.kernel, .module] {
      let reports = [Report(0, 0x8000, .usable), Report(0x1000, 0x4000, image)]
      #expect(throws: MemoryMapError.pastLimit(image, at: PhysicalAddress(0x3000))) {
        try normalised(reports, limit: 0x3000)
      }
      #expect(throws: MemoryMapError.pastLimit(image, at: PhysicalAddress(0x1000))) {
        try normalised(reports, limit: 0)
      }
    }
  }

  @Test func bootInformationOutsideRAMGivesWay() throws {
    #expect(
      try normalised([
        Report(0, 0x2800, .usable), Report(0x1000, 0x4000, .bootInformation),
        Report(0x3000, 0x3800, .reserved),
      ]).regions == [
        Report(0, 0x1000, .usable), Report(0x1000, 0x2000, .bootInformation),
        Report(0x3000, 0x4000, .reserved),
      ])
  }

  @Test func noUsableRAM() {
    for reports in [
      [], [Report(0x1000, 0x2000, .reserved)], [Report(0x1000, 0x2000, .acpi)],
      [Report(0x1001, 0x2fff, .usable)], [Report(0x9000, 0xa000, .usable)],
      [Report(0, 0x1000, .usable), Report(0, 0x1000, .kernel)],
    ] {
      #expect(throws: MemoryMapError.noUsableRAM) { try normalised(reports, limit: 0x8000) }
    }
  }

  @Test func capacity() throws {
    var map = MemoryMap()
    let reports = (0..<MemoryMap.kernelCapacity).map {
      Report(UInt64($0) * 0x2000, UInt64($0) * 0x2000 + 0x1000, .usable)
    }
    try map.add(reports.shuffled())
    #expect(throws: MemoryMapError.tooManyEntries) {
      try map.add(start: 0, byteCount: 1, kind: .reserved)
    }
    try map.add(start: 0, byteCount: 0, kind: .reserved)
    try map.normalise(limit: 1 << 52)
    #expect(Outcome(of: map).regions == reports)
  }

  /// Reports that fit can cut each other into more regions than fit.
  @Test func tooManyRegions() throws {
    let holes = (0..<600).map {
      Report(UInt64($0) * 0x2000, UInt64($0) * 0x2000 + 0x1000, .reserved)
    }
    func withHoles(_ count: Int) throws -> Int {
      try normalised([Report(0, 1 << 30, .usable)] + holes[..<count]).regions.count
    }
    #expect(try withHoles(512) == 1024)
    #expect(throws: MemoryMapError.tooManyEntries) { try withHoles(513) }
  }

  @Test func namesDiffer() {
    let names = (UInt8(0)..<10).compactMap { RegionKind(rawValue: $0) }.map { "\($0.name)" }
    #expect(Set(names).count == 10)
    #expect(RegionKind(rawValue: 10) == nil)
  }
}
