import Addressing
import Machine
import PageTables

// Memory types, as the CPU combines a live entry with its page attribute table.

@used @section(".selftests")
private let memoryTypes: SelfTest = {
  test("memory-types") {
    check(.size4KiB)
    check(.size2MiB)
  }
}

/// Maps a page of `size` with each type in turn. Nobody touches it: the linear mapping has the same
/// frames as write-back.
private func check(_ size: PageSize) {
  // The encodings of the page attribute table (SDM volume 3, table 12-10).
  let encodings: InlineArray<6, (MemoryType, UInt8)> = [
    (.uncacheable, 0), (.writeCombining, 1), (.writeThrough, 4), (.writeProtected, 5),
    (.writeBack, 6), (.uncacheableMinus, 7),
  ]
  Workbench.use { bench throws(PageTableError) in
    let start = Workbench.place.lowerBound
    let frames = try bench.allocate(size)
    for index in encodings.indices {
      let (type, encoding) = encodings[index]
      let property = PageProperty(rights: .write, memoryType: type, isGlobal: true)
      try bench.map(start..<start + size.byteCount, to: frames.lowerBound, property)
      expect(liveType(of: start, size) == encoding, "a page is mapped with the type asked for")
      try bench.unmap(start..<start + size.byteCount)
    }
    bench.giveBack(frames)
  }
}

/// The encoding that the entry of a page selects: PWT is bit 3, PCD bit 4, PAT bit 7 of a level 1
/// entry and bit 12 of others; together they choose a byte of IA32_PAT (SDM volume 3, 4.9.2).
func liveType(of address: VirtualAddress, _ size: PageSize) -> UInt8 {
  let entry = liveEntry(of: address, atLevel: size.level)
  expect(entry & 1 != 0, "the page is there, of the size asked for")
  let pat = entry >> (size == .size4KiB ? 7 : 12) & 1
  let index = entry >> 3 & 1 | (entry >> 4 & 1) << 1 | pat << 2
  return UInt8(truncatingIfNeeded: readMSR(0x277) >> (8 * index))
}

@used @section(".selftests")
private let writeBackOfData: SelfTest = {
  test("write-back-of-data") {
    Workbench.use { bench throws(PageTableError) in
      let page = Workbench.firstPage
      let frame = try bench.allocate(.size4KiB)
      try bench.map(page, to: frame.lowerBound, .kernel(.write))
      store8(page.lowerBound.rawValue, 0x77)
      let token = try bench.table.protect(page, from: &bench.frames) {
        $0.memoryType = .uncacheable
      }
      expect(token.writesBackData, "the caches have to be written back")
      bench.spend(token)
      expect(liveType(of: page.lowerBound, .size4KiB) == 0, "the page is uncacheable")
      expect(load8(page.lowerBound.rawValue) == 0x77, "its memory has what was written before")
      try bench.unmap(page)
      bench.giveBack(frame)
    }
  }
}
