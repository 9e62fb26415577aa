import Addressing
import Frames
import KernelSpace
import Machine
import PageTables

// Changes of the live page table for which there are no frames.

/// A source that has run dry, but for a few frames.
private struct FewFrames: TableFrameSource {
  var available = 0

  func reserve(_ count: Int) throws(OutOfFrames) {
    if count > available { throw OutOfFrames(needed: count, available: available) }
  }

  func takeFrame() -> PhysicalAddress { preconditionFailure() }
}

@used @section(".selftests")
private let mapShortage: SelfTest = {
  test("map-without-frames") {
    Workbench.use { bench throws(PageTableError) in
      let page = Workbench.firstPage
      let address = page.lowerBound
      // The tables of the root's entries are there from the start; those below are missing.
      let levels = KernelState.mode.levels
      let before = liveEntry(of: address, atLevel: levels - 1)
      let frame = try bench.allocate(.size4KiB)
      var none = FewFrames()
      var caught: PageTableError?
      do throws(PageTableError) {
        bench.spend(
          try bench.table.map(
            page, to: frame.lowerBound, .kernel(.write), largest: .size2MiB, from: &none))
      } catch { caught = error }
      expect(
        caught == .outOfFrames(OutOfFrames(needed: levels - 2, available: 0)),
        "mapping says how many frames it needs")
      expect(liveEntry(of: address, atLevel: levels - 1) == before, "the table is as it was")
      expect(Probe.read(address), isPageFault: 0x0, at: address, "nothing is mapped")
      bench.giveBack(frame)
    }
  }
}

@used @section(".selftests")
private let splitShortage: SelfTest = {
  test("split-without-frames") {
    Workbench.use { bench throws(PageTableError) in
      let large = Workbench.place
      let frames = try bench.allocate(.size2MiB)
      try bench.map(large, to: frames.lowerBound, .kernel(.write))
      let before = liveEntry(of: large.lowerBound, atLevel: 2)
      var none = FewFrames()
      var caught: PageTableError?
      do throws(PageTableError) {
        bench.spend(
          try bench.table.protect(Workbench.firstPage, from: &none) { $0.rights = .none })
      } catch { caught = error }
      expect(
        caught == .outOfFrames(OutOfFrames(needed: 1, available: 0)),
        "protecting a part says that it needs a frame")
      expect(liveEntry(of: large.lowerBound, atLevel: 2) == before, "the page is as it was")
      expect(Probe.write(large.lowerBound, 1) == nil, "it can be written")
      try bench.unmap(large)
      bench.giveBack(frames)
    }
  }
}

/// Expects `change` to need `needed` frames at once, and with fewer, however few, to say so and to
/// leave the live table as it was.
private func expectShortages(
  _ needed: Int, _ change: (inout FewFrames) throws(PageTableError) -> Void
) {
  let before = liveDigest()
  for available in 0..<needed {
    var frames = FewFrames(available: available)
    var caught: PageTableError?
    do throws(PageTableError) { try change(&frames) } catch { caught = error }
    expect(
      caught == .outOfFrames(OutOfFrames(needed: needed, available: available)),
      "it says how many frames it needs")
    expect(liveDigest() == before, "the table is as it was")
  }
}

@used @section(".selftests")
private let everyShortage: SelfTest = {
  test("every-shortage-of-a-change") {
    Workbench.use { bench throws(PageTableError) in
      // Two large pages' worth of addresses, and the frames for both.
      let size = PageSize.size2MiB.byteCount
      let place = Workbench.place.lowerBound - size..<Workbench.place.upperBound
      let levels = KernelState.mode.levels
      let one = try bench.allocate(.size2MiB)
      let two = try bench.allocate(.size2MiB)
      let page = PageSize.size4KiB.byteCount

      // A page; and two pages on both sides of a table's end: the tables of level 1 are two.
      expectShortages(levels - 2) { frames throws(PageTableError) in
        _ = try bench.table.map(
          Workbench.firstPage, to: one.lowerBound, .kernel(.write), largest: .size2MiB,
          from: &frames)
      }
      expectShortages(levels - 1) { frames throws(PageTableError) in
        _ = try bench.table.map(
          place.lowerBound + size - page..<place.lowerBound + size + page, to: one.lowerBound,
          .kernel(.write), largest: .size2MiB, from: &frames)
      }

      // Splits of the large pages at both ends of a range.
      try bench.map(place.lowerBound..<place.lowerBound + size, to: one.lowerBound, .kernel(.write))
      try bench.map(place.lowerBound + size..<place.upperBound, to: two.lowerBound, .kernel(.write))
      let inner = place.lowerBound + page..<place.upperBound - page
      expectShortages(2) { frames throws(PageTableError) in
        bench.spend(try bench.table.protect(inner, from: &frames) { $0.rights = .none })
      }
      expectShortages(2) { frames throws(PageTableError) in
        bench.spend(try bench.table.take(inner, from: &frames) { _ in })
      }
      expectShortages(1) { frames throws(PageTableError) in
        bench.spend(
          try bench.table.take(place.lowerBound..<place.upperBound - page, from: &frames) { _ in })
      }
      try bench.unmap(place)
      bench.giveBack(one)
      bench.giveBack(two)
    }
  }
}

/// Runs `body`, which allocates frames, again and again: each time one of its allocations fails, and
/// `count - 1` more after it. It must succeed, or say what it lacks and leave all as it was.
///
/// - Returns: how often it failed.
private func failEachAllocation(
  _ count: UInt64, of body: () throws(AreaError) -> Void
) -> Int {
  func setFailing(_ numbers: Range<UInt64>) {
    KernelFrames.withAllocator { frames in frames.failures.fail(next: numbers) }
  }
  func allocationCount() -> UInt64 {
    KernelFrames.withAllocator { frames in frames.failures.count }
  }
  let start = allocationCount()
  do throws(AreaError) { try body() } catch { expect(false, "it succeeds where none fails") }
  let total = allocationCount() - start
  var failed = 0
  var number: UInt64 = 1
  while number <= total {
    KernelHalf.flush()
    let before = liveDigest()
    setFailing(number..<number + count)
    var caught: AreaError?
    do throws(AreaError) { try body() } catch { caught = error }
    setFailing(0..<0)
    if let caught {
      failed += 1
      if case .outOfFrames = caught {
        expect(liveDigest() == before, "the table is as it was")
      } else {
        expect(false, "it says that frames are lacking")
      }
    }
    number += 1
  }
  return failed
}

@used @section(".selftests")
private let areaAllocations: SelfTest = {
  testAreas("every-allocation-of-an-area") { () throws(AreaError) in
    // The first areas may need nodes and tables that stay.
    drop(try makeArea(4))
    let once = failEachAllocation(1) { () throws(AreaError) in drop(try makeArea(4)) }
    let lasting = failEachAllocation(1000) { () throws(AreaError) in drop(try makeArea(4)) }
    expect(once >= 1 && lasting >= once, "some of its allocations are needed")

    var area = try KernelArea(byteCount: 1024 * pageByteCount)
    let filled = failEachAllocation(1000) { () throws(AreaError) in
      var frames: Segment<KernelFrames>? = try makeSegment(4)
      let middle = 510 * pageByteCount
      try area.map(&frames, .write, at: middle)
      try area.unmap(middle..<middle + 4 * pageByteCount)
    }
    expect(filled >= 1, "so are some of a mapping's")
  }
}
