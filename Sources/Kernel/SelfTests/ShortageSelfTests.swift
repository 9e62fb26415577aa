import Addressing
import Machine
import PageTables

// Changes of the live page table for which there are no frames.

/// A source that has run dry.
private struct NoFrames: TableFrameSource {
  func reserve(_ count: Int) throws(OutOfFrames) {
    if count > 0 { throw OutOfFrames(needed: count, available: 0) }
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
      var none = NoFrames()
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
      var none = NoFrames()
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
