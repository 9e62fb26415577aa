// Sentences about what only the running kernel knows: its areas, the firmware's regions, registers.

import Oracle
import Testing

@Suite struct FaultCauseTests {
  /// The areas of the deeds have two pages; the first is mapped. `offset` is from there.
  @Test(arguments: [
    ("area-guard", -1, "read in the guard page below the area"),
    ("area-guard-above", 0x2000, "write in the guard page above the area"),
    ("area-unmapped", 0x1000, "read in the area"),
    ("area-ended", 0, "read in the area"),
  ])
  func area(_ name: String, _ offset: Int, _ start: String) throws {
    let report = try FaultReport(of: name, on: .all)
    _ = try #require(try report.rip(after: "#PF page fault"))
    let area = try #require(report.register("cr2")) &- UInt64(bitPattern: Int64(offset))
    #expect(Windows(levels: 5).vmalloc.contains(area))
    let end =
      switch name {
      case "area-unmapped": ", where it has nothing mapped"
      case "area-ended": ", which has ended and waits for a flush"
      default: ""
      }
    #expect(
      report.explanation.contains("cause \(start) of 8 KiB at \(digits(area))\(end)"),
      "\(report.explanation)")
  }

  @Test func readOnlyArea() throws {
    let report = try FaultReport(of: "area-read-only", on: .plain)
    #expect(
      report.explanation.contains(
        "cause write to an area of the vmalloc window, which is read-only"))
  }

  /// A stack in an area runs over.
  @Test func stackInArea() throws {
    let report = try FaultReport(of: "area-stack", on: .all)
    _ = try #require(try report.rip(after: "#DF double fault"))
    let area = try #require(report.register("rsp"))
    #expect(
      report.explanation == [
        "cause stack overflow: rsp lies in the guard page below the area of 8 KiB at "
          + digits(area)
      ])
    #expect(report.register("cr2") == area - 8)
  }

  /// The region is the firmware's, as it was printed.
  @Test func reservedRegion() throws {
    let guest = try Guest(commandLine: "fault=reserved-in-linear")
    let ending = try guest.finish()
    #expect(ending.status == 35)
    let regions = KernelReport(ending.lines).normalised
    let region = try #require(regions.first { $0.range.contains(0xf_0000) })
    #expect(region.kind == "reserved")
    #expect(
      ending.lines.contains(
        "  cause     read in the linear mapping of physical 0x0000_0000_000f_0000, which is not RAM "
          + "but reserved, as all from \(digits(region.range.lowerBound)) to "
          + digits(region.range.upperBound)))
  }

  /// Of 1 GiB, the last 128 MiB are used last.
  @Test func slotOfUnusedSection() throws {
    let guest = try Guest(Hardware(memory: "1G"), commandLine: "fault=slot-unused")
    let ending = try guest.finish()
    #expect(ending.status == 35)
    let last = try #require(
      KernelReport(ending.lines).normalised.last { $0.kind == "usable" }?.range.upperBound)
    #expect(
      ending.lines.contains(
        "  cause     read of the slot of frame \(digits(last - 4096)), which is RAM, but no frame of "
          + "its 128 MiB has been used yet"))
  }

  @Test func nonCanonicalAddress() throws {
    let report = try FaultReport(of: "non-canonical", on: .plain)
    _ = try #require(try report.rip(after: "#GP general protection"))
    let cause = try #require(report.explanation.first)
    let start = "cause perhaps "
    #expect(cause.hasPrefix(start))
    let register = cause.dropFirst(start.count).prefix { $0 != "," }
    #expect(report.register(String(register)) == 0x8000_0000_0000)
    #expect(cause.hasSuffix(", which holds no canonical address: the CPU does not say"))
  }
}
