import Addressing
import Frames
import KernelSpace
import Machine
import PageTables

// What the address space costs, in ticks of the time stamp counter: guest instructions under QEMU's
// `-icount shift=0`, cycles elsewhere. Asked for by `bench` on the command line.

/// Runs every workload once and prints a line for each.
enum KernelBench {
  static func run() {
    do throws(AreaError) {
      try measureRanges()
      try measurePages()
      try measureOwners()
    } catch {
      print("bench: too little RAM")
    }
  }

  /// The pages that tables are measured with: 256 MiB of 4 KiB.
  private static var pageCount: UInt64 { 1 << 16 }

  private static func measureRanges() throws(AreaError) {
    var bench = try TableBench()
    let pages = bench.pages(0..<pageCount, .size4KiB)
    try row("map 4 KiB pages", pageCount) { () throws(AreaError) in try bench.map(pages) }
    try row("protect 4 KiB pages", pageCount) { () throws(AreaError) in
      try bench.protect(pages)
    }
    var sum: UInt64 = 0
    try row("query in order", pageCount) { () throws(AreaError) in
      for page in 0..<pageCount { sum &+= bench.query(page) }
    }
    try row("query at random", pageCount) { () throws(AreaError) in
      var state: UInt64 = 0x9e37_79b9_7f4a_7c15
      for _ in 0..<pageCount {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        sum &+= bench.query(state & (pageCount - 1))
      }
    }
    if sum == 0 { panic("the bench has queried nothing") }
    try row("unmap 4 KiB pages", pageCount) { () throws(AreaError) in try bench.unmap(pages) }
    let largePages = bench.pages(0..<pageCount, .size2MiB)
    try row("map 2 MiB pages", pageCount) { () throws(AreaError) in
      try bench.map(largePages, .size2MiB)
    }
    try bench.unmap(largePages)
  }

  private static func measurePages() throws(AreaError) {
    var bench = try TableBench()
    try row("map one by one", pageCount) { () throws(AreaError) in
      for page in 0..<pageCount { try bench.map(bench.pages(page..<page + 1, .size4KiB)) }
    }
    try row("unmap one by one", pageCount) { () throws(AreaError) in
      for page in 0..<pageCount { try bench.unmap(bench.pages(page..<page + 1, .size4KiB)) }
    }
    try row("map and unmap 4 pages", pageCount / 4) { () throws(AreaError) in
      for page in stride(from: 0, to: pageCount, by: 4) {
        let pages = bench.pages(page..<page + 4, .size4KiB)
        try bench.map(pages)
        try bench.unmap(pages)
      }
    }
  }

  private static func measureOwners() throws(AreaError) {
    let rounds: UInt64 = 10_000
    do throws(OutOfFrames) {
      let start = readTimeStampCounter()
      for _ in 0..<rounds { _ = try Frame<KernelFrames>() }
      show("allocate and free a frame", start, rounds)
    } catch { throw .outOfFrames(error) }
    try row("an area of 4 frames", rounds) { () throws(AreaError) in
      for _ in 0..<rounds {
        var frames: Segment<KernelFrames>?
        do throws(OutOfFrames) { frames = try Segment(frameCount: 4) } catch {
          throw .outOfFrames(error)
        }
        _ = try KernelArea.tracked(&frames, .write)
      }
      KernelHalf.flush()
    }
  }

  /// Prints what one of `count` operations takes.
  private static func row(
    _ name: StaticString, _ count: UInt64, _ body: () throws(AreaError) -> Void
  ) throws(AreaError) {
    let start = readTimeStampCounter()
    try body()
    show(name, start, count)
  }

  private static func show(_ name: StaticString, _ start: UInt64, _ count: UInt64) {
    let hundredths = (readTimeStampCounter() &- start) * 100 / count
    print(
      """
      bench: \(name, width: 28) \(hundredths / 100, width: 6).\(hundredths / 10 % 10)\
      \(hundredths % 10) ticks
      """)
  }
}

/// A page table that no CPU uses: what it maps is never touched. It maps the lower half, where no
/// table stays that is empty.
private struct TableBench: ~Copyable {
  private var table: PageTable<LinearMemory>

  init() throws(AreaError) {
    let mode = KernelState.mode
    do throws(PageTableError) {
      table = try KernelFrames.withAllocator { (frames) throws(PageTableError) in
        try PageTable(mode: mode, memory: KernelFrames.memory, from: &frames)
      }
    } catch { throw .pageTable(error) }
  }

  func pages(_ numbers: Range<UInt64>, _ size: PageSize) -> Range<VirtualAddress> {
    let start = VirtualAddress(1 << 39)
    return start + numbers.lowerBound << size.shift..<start + numbers.upperBound << size.shift
  }

  mutating func map(
    _ pages: Range<VirtualAddress>, _ size: PageSize = .size4KiB
  ) throws(AreaError) {
    try change { (table, frames) throws(PageTableError) in
      try table.map(pages, to: PhysicalAddress(0), .kernel(.write), largest: size, from: &frames)
    }
  }

  mutating func protect(_ pages: Range<VirtualAddress>) throws(AreaError) {
    try change { (table, frames) throws(PageTableError) in
      try table.protect(pages, from: &frames) { $0.rights = .none }
    }
  }

  mutating func unmap(_ pages: Range<VirtualAddress>) throws(AreaError) {
    try change { (table, frames) throws(PageTableError) in
      try table.take(pages, from: &frames) { _ in }
    }
  }

  /// The physical address behind a 4 KiB page, by its number.
  func query(_ page: UInt64) -> UInt64 {
    let mapping = try? table.reader.query(pages(page..<page + 1, .size4KiB).lowerBound)
    return mapping?.physical.rawValue ?? 0
  }

  private mutating func change(
    _ body: (
      inout PageTable<LinearMemory>, inout FrameAllocator<LinearMemory, MappedMemory>
    ) throws(PageTableError) -> FlushToken
  ) throws(AreaError) {
    let token: FlushToken
    do throws(PageTableError) {
      token = try KernelFrames.withAllocator { (frames) throws(PageTableError) in
        try body(&table, &frames)
      }
    } catch { throw .pageTable(error) }
    KernelHalf.spend(token)
  }

  /// - Precondition: nothing is mapped any more.
  deinit {
    let root = table.root
    KernelFrames.withAllocator { frames in frames.giveBack(root) }
  }
}
