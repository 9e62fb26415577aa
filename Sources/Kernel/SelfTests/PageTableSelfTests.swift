import Addressing
import KernelSpace
import Machine
import PageTables

// Changes of the live page table, seen by the CPU.

@used @section(".selftests")
private let mapping: SelfTest = {
  test("map") {
    Workbench.use { bench throws(PageTableError) in
      let page = Workbench.firstPage
      let frame = try bench.allocate(.size4KiB)
      let alias = paddrToVaddr(frame.lowerBound)
      let last = PageSize.size4KiB.byteCount - 1
      try bench.map(page, to: frame.lowerBound, .kernel(.write))

      expect(Probe.write(page.lowerBound, 0x11) == nil, "the page can be written")
      expect(Probe.write(page.lowerBound + last, 0x22) == nil, "to its last byte")
      expect(load8(alias.rawValue) == 0x11, "the linear mapping has the first byte")
      expect(load8((alias + last).rawValue) == 0x22, "and the last")
      store8(alias.rawValue, 0x33)
      expect(load8(page.lowerBound.rawValue) == 0x33, "the page has what is written there")
      expect(
        Probe.read(page.upperBound), isPageFault: 0x0, at: page.upperBound,
        "the next page is not mapped")

      try bench.unmap(page)
      bench.giveBack(frame)
    }
  }
}

@used @section(".selftests")
private let unmapping: SelfTest = {
  test("unmap") {
    Workbench.use { bench throws(PageTableError) in
      let page = Workbench.firstPage
      let address = page.lowerBound
      let frame = try bench.allocate(.size4KiB)
      // Again in the same place: a table comes where one was taken away.
      for _ in 0..<2 {
        try bench.map(page, to: frame.lowerBound, .kernel(.write))
        expect(Probe.write(address, 1) == nil, "the page can be written")
        try bench.unmap(page)
        expect(Probe.read(address), isPageFault: 0x0, at: address, "then a read faults")
        expect(Probe.write(address, 2), isPageFault: 0x2, at: address, "so does a write")
      }
      expect(load8(paddrToVaddr(frame.lowerBound).rawValue) == 1, "nothing was written")
      bench.giveBack(frame)
    }
  }
}

@used @section(".selftests")
private let protecting: SelfTest = {
  test("protect") {
    Workbench.use { bench throws(PageTableError) in
      let page = Workbench.firstPage
      let address = page.lowerBound
      let frame = try bench.allocate(.size4KiB)
      try bench.map(page, to: frame.lowerBound, .kernel(.write))
      store8(address.rawValue, 1)

      try bench.protect(page) { $0.rights = .none }
      expect(
        Probe.write(address, 2), isPageFault: 0x3, at: address, "a write to a read-only page faults"
      )
      expect(Probe.read(address) == nil, "a read does not")
      expect(load8(address.rawValue) == 1, "nothing was written")

      // Nothing is flushed: at most the CPU faults once, and the trap handler tries again.
      let token = try bench.table.protect(page, from: &bench.frames) { $0.rights = .write }
      expect(token.isEmpty, "more rights need no flush")
      expect(Probe.write(address, 3) == nil, "with the right a write succeeds")
      expect(load8(address.rawValue) == 3, "it was written")

      try bench.unmap(page)
      bench.giveBack(frame)
    }
  }
}

@used @section(".selftests")
private let noExecute: SelfTest = {
  test("no-execute") {
    Workbench.use { bench throws(PageTableError) in
      // A RET of the kernel's text, so that no frame gets writable and executable.
      let page = Workbench.firstPage
      let ret = KernelState.image.physicalAddress(of: VirtualAddress(probeSites.ret))
      let frame = ret.alignedDown(to: .size4KiB)
      let address = page.lowerBound + (ret - frame)
      try bench.map(page, to: frame, .kernel(.execute))
      expect(Probe.execute(address) == nil, "an executable page can be called")
      expect(Probe.write(address, 0), isPageFault: 0x3, at: address, "a write to it faults")
      try bench.protect(page) { $0.rights = .none }
      expect(
        Probe.execute(address), isPageFault: 0x11, at: address, "without the right a call faults")
      try bench.protect(page) { $0.rights = .execute }
      expect(Probe.execute(address) == nil, "with the right it does not")
      try bench.unmap(page)
    }
  }
}

@used @section(".selftests")
private let userPages: SelfTest = {
  test("user-pages") {
    Workbench.use { bench throws(PageTableError) in
      let data = VirtualAddress(0x40_0000)..<VirtualAddress(0x40_1000)
      let code = data.upperBound..<data.upperBound + PageSize.size4KiB.byteCount
      let frame = try bench.allocate(.size4KiB)
      let ret = KernelState.image.physicalAddress(of: VirtualAddress(probeSites.ret))
      let textFrame = ret.alignedDown(to: .size4KiB)
      try bench.map(data, to: frame.lowerBound, PageProperty(rights: .user | .write))
      try bench.map(code, to: textFrame, PageProperty(rights: .user | .execute))

      // Supervisor-mode access and execution prevention (SDM volume 2, CPUID leaf 7).
      let features = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).ebx : 0
      let smap = features & 1 << 20 != 0
      let smep = features & 1 << 7 != 0
      let address = data.lowerBound
      let function = code.lowerBound + (ret - textFrame)
      expect(
        Probe.read(address), isPageFault: smap ? 0x1 : nil, at: address,
        "a read of a user page faults just where the CPU has SMAP")
      expect(
        Probe.write(address, 0), isPageFault: smap ? 0x3 : nil, at: address,
        "so does a write")
      expect(
        Probe.execute(function), isPageFault: smep ? 0x11 : nil, at: function,
        "a call into a user page faults just where the CPU has SMEP")

      try bench.unmap(data.lowerBound..<code.upperBound)
      bench.giveBack(frame)
    }
  }
}

@used @section(".selftests")
private let splitting: SelfTest = {
  test("split") {
    Workbench.use { bench throws(PageTableError) in
      let large = Workbench.place
      let page = PageSize.size4KiB.byteCount
      let frames = try bench.allocate(.size2MiB)
      let alias = paddrToVaddr(frames.lowerBound)
      let (isLeaf, isWritable): (UInt64, UInt64) = (1 << 7, 1 << 1)
      try bench.map(large, to: frames.lowerBound, .kernel(.write))
      expect(liveEntry(of: large.lowerBound, atLevel: 2) & isLeaf != 0, "it is a 2 MiB page")
      for number in 0..<512 as Range<UInt64> {
        store8((large.lowerBound + number * page).rawValue, UInt8(truncatingIfNeeded: number))
      }

      // Touched last: what the CPU remembers of it, it has to forget. Not page 256, whose place in
      // QEMU's TLB many tables share.
      let (start, end) = (300 * page, 301 * page)
      let (first, last) = (large.lowerBound + start, large.lowerBound + (end - 1))
      expect(Probe.write(last, 1) == nil, "a page in the middle can be written")
      try bench.protect(first..<large.lowerBound + end) { $0.rights = .none }
      expect(liveEntry(of: first, atLevel: 2) & isLeaf == 0, "the 2 MiB page is split")
      expect(liveEntry(of: first, atLevel: 1) & isWritable == 0, "the middle is read-only")
      expect(Probe.write(last, 2), isPageFault: 0x3, at: last, "a write to its end faults")
      expect(Probe.write(first, 2), isPageFault: 0x3, at: first, "so does one to its start")
      expect(Probe.write(first - 1, 3) == nil, "a write before it succeeds")
      expect(Probe.write(last + 2, 4) == nil, "so does a write after it")
      expect(load8((alias + (start - 1)).rawValue) == 3, "the byte before is in its frame")
      expect(load8((alias + (end + 1)).rawValue) == 4, "so is the byte after")
      expect(load8((alias + (end - 1)).rawValue) == 1, "the middle is as it was")
      var areWhole = true
      for number in 0..<512 as Range<UInt64> {
        let byte = UInt8(truncatingIfNeeded: number)
        if load8((large.lowerBound + number * page).rawValue) != byte { areWhole = false }
        if load8((alias + number * page).rawValue) != byte { areWhole = false }
      }
      expect(areWhole, "all pages lead where they led")

      expect(Probe.read(first) == nil, "the middle can still be read")
      try bench.unmap(large)
      expect(Probe.read(first), isPageFault: 0x0, at: first, "unmapped, it is gone")
      bench.giveBack(frames)
    }
  }
}

@used @section(".selftests")
private let cursors: SelfTest = {
  test("cursor") {
    Workbench.use { bench throws(PageTableError) in
      let page = PageSize.size4KiB.byteCount
      let frames = try bench.allocate(.size2MiB)
      var cursor = try PageTableCursor(over: Workbench.place, mode: bench.table.mode)
      // Every second of eight pages, each by its own frame.
      for index in 0..<4 as Range<UInt64> {
        bench.spend(
          try cursor.map(
            &bench.table, page, to: frames.lowerBound + index * page, .kernel(.write),
            largest: .size2MiB, from: &bench.frames))
        try cursor.jump(to: cursor.position + page)
      }
      try cursor.jump(to: cursor.range.lowerBound)
      var found: UInt64 = 0
      while let mapping = cursor.findNext(bench.table) {
        expect(
          mapping.physical == frames.lowerBound + found * page
            && mapping.virtual == Workbench.place.lowerBound + 2 * found * page,
          "mappings are found where they were made")
        expect(Probe.write(mapping.virtual, 1) == nil, "and the CPU finds them")
        bench.spend(try cursor.take(&bench.table, page, from: &bench.frames) { _ in })
        expect(
          Probe.read(mapping.virtual), isPageFault: 0x0, at: mapping.virtual,
          "taken, they are gone")
        found += 1
      }
      expect(found == 4 && cursor.rest.isEmpty, "all of them, to the end of the range")
      bench.giveBack(frames)
    }
  }
}
