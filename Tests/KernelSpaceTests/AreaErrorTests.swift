// Every error of areas by name. Each leaves tables, statistics and the caller's frames as they were.

import Addressing
import BootInfo
import Frames
import KernelSpace
import PageTables
import TestSupport
import Testing

@Suite struct AreaErrorTests {
  @Test func sizesAndOffsetsThatMakeNoSense() throws {
    let bench = try AreaBench()
    try bench.run {
      bench.expect(.empty) { () throws(AreaError) in try AreaBox(pages: 0).end() }
      bench.expect(.misaligned(0x1800)) { () throws(AreaError) in
        end(try Area(byteCount: 0x1800))
      }
      let area = try AreaBox(frames: 4, pages: 6)
      for _ in 0..<2 {
        bench.expect(.misaligned(0x10)) { () throws(AreaError) in
          try area.protect(0x10..<0x1000, .none)
        }
        bench.expect(.misaligned(0x1fff)) { () throws(AreaError) in try area.unmap(0..<0x1fff) }
        bench.expect(.misaligned(0x801)) { () throws(AreaError) in
          try area.split(at: 0x801).end()
        }
        bench.expect(.outsideArea(0x7000)) { () throws(AreaError) in
          try area.protect(0x5000..<0x7000, .none)
        }
        bench.expect(.outsideArea(0x7000)) { () throws(AreaError) in
          try area.unmap(0x7000..<0x7000)
        }
        for offset in [0, 0x6000, 0x7000, 1 << 63] as [UInt64] {
          bench.expect(.outsideArea(offset)) { () throws(AreaError) in
            try area.split(at: offset).end()
          }
        }
        for offset in [0x6000, UInt64.max] {
          bench.expect(.outsideArea(offset)) { () throws(AreaError) in
            _ = try area.query(offset, on: bench)
          }
        }
        bench.touch(area.range)
      }
      #expect(
        bench.touch(area.range).map { $0 == nil } == [false, false, false, false, true, true])
    }
  }

  /// All that mapping a segment can be refused for; it is still the caller's, with all its frames.
  @Test func aSegmentThatIsRefusedStaysTheCallers() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 1, at: 0x2000, pages: 4)
      var segment: TestSegment? = try TestSegment(frameCount: 2)
      let physical = frames(segment?.range)
      let refusals: [(AreaError, UInt64, Rights)] = [
        (.misaligned(0x80), 0x80, .write),
        (.outsideArea(0x5000), 0x3000, .write),
        (.outsideArea(0xffff_ffff_ffff_f000), 0xffff_ffff_ffff_f000, .write),
        (.forbidden(.execute), 0, .execute),
        (.forbidden(.user), 0, .write | .user),
        (.forbidden(.execute | .user), 0, .all),
        (.pageTable(.alreadyMapped(VirtualAddress(area.start + 0x2000))), 0x1000, .write),
      ]
      for (error, offset, rights) in refusals {
        bench.expect(error) { () throws(AreaError) in try area.map(&segment, rights, at: offset) }
        #expect(frames(segment?.range) == physical)
        #expect(physical.allSatisfy { bench.owners($0) == 1 })
      }
      var frame: TestFrame? = try TestFrame()
      let address = frame?.address.rawValue
      for (error, offset, rights) in refusals.dropLast() where offset != 0x3000 {
        bench.expect(error) { () throws(AreaError) in try area.map(&frame, rights, at: offset) }
        #expect(frame?.address.rawValue == address)
      }
      try area.map(&segment, at: 0)
      let isGone = segment.isNone
      #expect(isGone)
    }
  }

  /// Areas that come with their mapping: nothing is left of them but what waits for the flush.
  @Test func anAreaThatComesToNothing() throws {
    let bench = try AreaBench(windowPages: 1000)
    try bench.run {
      var segment: TestSegment? = try TestSegment(frameCount: 2)
      let physical = frames(segment?.range)
      let refusals: [(AreaError, UInt64, UInt64?, Rights)] = [
        (.misaligned(0x2010), 0x10, nil, .write),
        (.misaligned(0x10), 0x10, 0x4000, .write),
        (.misaligned(0x2001), 0, 0x2001, .write),
        (.empty, 0, 0, .write),
        (.outsideArea(0x2000), 0, 0x1000, .write),
        (.outsideArea(~0xfff), ~0xfff, nil, .write),
        (.outOfAddresses(pageCount: 0x102), 0x10_0000, nil, .write),
        (.forbidden(.execute), 0, nil, .execute),
      ]
      end(try Area(byteCount: 800 << 12))
      let blocker = try AreaBox(pages: 800)
      SimulatedSpace.flush()
      for (error, offset, byteCount, rights) in refusals {
        let before = bench.state()
        #expect(throws: error) {
          end(try Area.tracked(&segment, rights, at: offset, byteCount: byteCount))
        }
        SimulatedSpace.flush()
        #expect(bench.state() == before && frames(segment?.range) == physical)
      }
      blocker.end()
    }
  }

  @Test func rightsThatAreasNeverHave() throws {
    let bench = try AreaBench()
    try bench.run {
      let area = try AreaBox(frames: 2, pages: 4)
      for rights in [Rights.execute, .user, .execute | .user] {
        bench.expect(.forbidden(rights)) { () throws(AreaError) in
          try area.protect(0..<0x1000, rights | .write)
        }
        bench.expect(.forbidden(rights)) { () throws(AreaError) in
          try area.map(
            untracked: 1 << 40..<1 << 40 + 0x1000, PageProperty(rights: rights), at: 0x2000)
        }
      }
    }
  }

  @Test func untrackedPhysicalMemory() throws {
    let bench = try AreaBench(
      SimulatedMachine([
        Report(0, 0xa_0000, .usable), Report(0x10_0000, 0x400_0000, .usable),
        Report(0x20_0000, 0x30_0000, .kernel), Report(0x40_0000, 0x50_0000, .module),
        Report(0x50_0000, 0x51_0000, .bootInformation), Report(0x60_0000, 0x61_0000, .acpi),
        Report(0x61_0000, 0x62_0000, .nvs), Report(0x400_0000, 0x401_0000, .reserved),
        Report(0x402_0000, 0x403_0000, .acpi),
      ]))
    try bench.run {
      let area = try AreaBox(pages: 0x200)
      let uncacheable = PageProperty(rights: .none, memoryType: .uncacheable)
      func refuses(
        _ error: AreaError, _ physical: Range<UInt64>, _ property: PageProperty = .kernel(.none),
        sourceLocation: SourceLocation = #_sourceLocation
      ) {
        bench.expect(error, sourceLocation: sourceLocation) { () throws(AreaError) in
          try area.map(untracked: physical, property, at: 0)
        }
      }
      refuses(.owned(PhysicalAddress(0x1000), .usable), 0x1000..<0x2000)
      refuses(.owned(PhysicalAddress(0x20_0000), .kernel), 0x20_0000..<0x20_1000)
      refuses(.owned(PhysicalAddress(0x4f_f000), .module), 0x4f_f000..<0x50_0000)
      refuses(.owned(PhysicalAddress(0x50_0000), .bootInformation), 0x50_0000..<0x50_1000)
      // The one page of RAM behind a hole, behind a device, behind the firmware's.
      refuses(.owned(PhysicalAddress(0x10_0000), .usable), 0xa_0000..<0x10_1000)
      refuses(.owned(PhysicalAddress(0x3ff_f000), .usable), 0x3ff_f000..<0x401_0000)
      refuses(.owned(PhysicalAddress(0x62_0000), .usable), 0x60_0000..<0x62_1000)
      for type in [MemoryType.uncacheable, .uncacheableMinus, .writeThrough, .writeCombining] {
        let property = PageProperty(rights: .none, memoryType: type)
        refuses(.twoMemoryTypes(PhysicalAddress(0x60_0000)), 0x60_0000..<0x60_1000, property)
        refuses(.twoMemoryTypes(PhysicalAddress(0x61_f000)), 0x61_f000..<0x62_0000, property)
        refuses(.twoMemoryTypes(PhysicalAddress(0x402_0000)), 0x400_0000..<0x403_0000, property)
      }
      refuses(.misaligned(0x801), 1 << 40..<1 << 40 + 0x801)
      refuses(
        .pageTable(.misalignedPhysical(PhysicalAddress(1 << 40 + 0x10))),
        1 << 40 + 0x10..<1 << 40 + 0x1010)
      refuses(
        .pageTable(.physicalOutOfRange(PhysicalAddress(1 << 52 - 0x1000))),
        1 << 52 - 0x1000..<1 << 52 + 0x1000)

      // What nobody owns.
      try area.map(untracked: 0x60_0000..<0x62_0000, .kernel(.none), at: 0)
      try area.map(untracked: 0x400_0000..<0x402_0000, uncacheable, at: 0x4_0000)
      try area.map(untracked: 0xa_0000..<0xc_0000, uncacheable, at: 0x8_0000)
      // The same once more, but with no second type, not of one page.
      let other = PageProperty(rights: .none, memoryType: .writeCombining)
      refuses(.twoMemoryTypes(PhysicalAddress(0xb_f000)), 0xb_f000..<0xc_1000, other)
      refuses(.twoMemoryTypes(PhysicalAddress(0xa_0000)), 0xa_0000..<0xc_1000, other)
      try area.map(untracked: 0xa_0000..<0xa_1000, uncacheable, at: 0x10_0000)
      try area.map(untracked: 0xc_0000..<0xc_1000, other, at: 0x10_1000)
      #expect(bench.tlb.touch(area.start + 0x1_f000)?.physical == 0x61_f000)
      #expect(bench.tlb.touch(area.start + 0x4_0000)?.patIndex == 3)
      bench.expect(.pageTable(.alreadyMapped(VirtualAddress(area.start + 0x8_0000)))) {
        () throws(AreaError) in
        try area.map(untracked: 0xd_0000..<0xd_2000, uncacheable, at: 0x7_f000)
      }
    }
  }
}
