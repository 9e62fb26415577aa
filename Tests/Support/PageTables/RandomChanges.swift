// Random sequences of map, protect, take and lookups, with a hostile TLB at every step. Where no
// token is outstanding, model, table, TLB and frame counts must agree; pages behind an outstanding
// token are left alone, all others must work.

import Addressing
import Oracle
import PageTables

package final class RandomChanges {
  package let bench: Workbench
  package var tlb: HostileTLB { bench.tlb }
  package var model = PageModel()
  package var generator: SeededGenerator
  package private(set) var counts = Counts()
  /// What outstanding tokens stand for: all bytes in question, widened to the largest page.
  private var pending = FlushToken()
  private var pendingRanges: [Range<UInt64>] = []
  private let spots: [UInt64]
  package private(set) var failure: String?

  package struct Counts {
    /// Changes and lookups, each compared with the model.
    package var operations = 0
    package var mapped = 0
    package var refused = 0
    package var taken = 0
    package var protected = 0
    package var splits = 0
    package var starved = 0
    package var merged = 0
    package var silent = 0
    package var relinked = 0
    package var fullFlushes = 0
  }

  package convenience init(_ mode: PagingMode, seed: UInt64) throws {
    try self.init(mode, SeededGenerator(seed: seed))
  }

  package init(_ mode: PagingMode, _ generator: SeededGenerator) throws {
    bench = try Workbench(mode)
    self.generator = generator
    try bench.table.populateKernelHalf(from: &bench.frames)
    // A boundary of top-level entries in the kernel half, one in the lower half, and its end.
    let span = mode.addressWidth.topLevelEntrySpan
    spots = [
      mode.addressWidth.upperHalf.rawValue + 2 * span, 3 * span,
      mode.addressWidth.lowerHalfEnd.rawValue - 2 << 30,
    ]
  }

  package func run(_ operationCount: Int) -> Counts {
    for number in 1...operationCount {
      if failure != nil || generator.isExhausted { break }
      counts.operations += 1
      let range = randomRange()
      let pages = samples(of: range)
      for page in pages { tlb.touch(page, writes: .random(using: &generator)) }
      switch UInt8.random(in: 0..<8, using: &generator) {
      case 0..<3: map(range, pages)
      case 3..<5: take(range, pages)
      case 5..<7: protect(range, pages)
      default: find(in: range)
      }
      for page in pages { use(page) }
      counts.operations += pages.count
      if pendingRanges.isEmpty { checkFrames() }
      if number % 512 == 0 || number == operationCount { checkEverything() }
    }
    if failure == nil { emptyTheTable() } else { spendPending() }
    return counts
  }

  // MARK: Operations

  private func map(_ range: Range<UInt64>, _ pages: [UInt64]) {
    if pendingRanges.contains(where: { $0.overlaps(range) }) { spendPending() }
    let (physical, largest) = randomTarget(for: range)
    let property = PageProperty.random(&generator)
    let cut = PageModel.pages(range, to: physical, property, largest: largest)
    let old = model
    let meeting = model.map(cut)
    do throws(PageTableError) {
      let token = try attempt { () throws(PageTableError) in
        try bench.table.map(
          virtual(range), to: PhysicalAddress(physical), property, largest: largest,
          from: &bench.frames)
      }
      guard meeting == nil else { return fail("\(range) was mapped over \(meeting!)") }
      for page in pages { tlb.touch(page) }
      if !token.isEmpty { counts.relinked += 1 }
      spend(token)
      counts.mapped += 1
    } catch {
      model = old
      counts.refused += 1
      guard let meeting, error == .alreadyMapped(VirtualAddress(meeting)) else {
        return fail("mapping \(range): \(error), \(meeting as Any)")
      }
    }
  }

  private func take(_ range: Range<UInt64>, _ pages: [UInt64]) {
    let splits = model.split(at: range.lowerBound) + model.split(at: range.upperBound)
    let expected = model.take(range)
    var pieces: [PageSegment] = []
    do throws(PageTableError) {
      let token = try attempt { () throws(PageTableError) in
        try bench.table.take(virtual(range), from: &bench.frames) { run in
          pieces.append(PageSegment(run))
          for page in pages { tlb.touch(page) }
        }
      }
      guard pieces == expected else { return fail("taken \(pieces), not \(expected)") }
      guard token.isEmpty == expected.isEmpty else { return fail("token of taking \(expected)") }
      counts.taken += expected.isEmpty ? 0 : 1
      finish(token, of: range, pages, splits)
    } catch { fail("taking \(range): \(error)") }
  }

  private func protect(_ range: Range<UInt64>, _ pages: [UInt64]) {
    let splits = model.split(at: range.lowerBound) + model.split(at: range.upperBound)
    let change = randomChange()
    var mustFlush = splits > 0
    model.protect(range) { property in
      let old = property
      change(&property)
      if property.memoryType != old.memoryType || property.isGlobal != old.isGlobal
        || property.rights.intersection(old.rights) != old.rights
      {
        mustFlush = true
      }
    }
    do throws(PageTableError) {
      let token = try attempt { () throws(PageTableError) in
        try bench.table.protect(virtual(range), from: &bench.frames, change)
      }
      guard token.isEmpty == !mustFlush else { return fail("token of protecting \(range)") }
      if token.isEmpty { counts.silent += 1 }
      counts.protected += 1
      finish(token, of: range, pages, splits)
    } catch { fail("protecting \(range): \(error)") }
  }

  private func find(in range: Range<UInt64>) {
    var rest = range
    while let expected = model.first(in: rest) {
      guard let found = try? bench.table.reader.nextMapping(in: virtual(rest)) else {
        return fail("\(expected) was not found in \(rest)")
      }
      let start = max(rest.lowerBound, expected.start)
      let page = start - (start - expected.start) % 1 << expected.shift
      guard found.virtual.rawValue == page, found.size.shift == expected.shift,
        found.physical.rawValue == expected.physical + (page - expected.start),
        found.property == expected.property
      else { return fail("found \(found), not \(expected)") }
      // On to the last page of what the model has in one piece.
      let last = max(found.virtual.rawValue, expected.end - 1 << expected.shift)
      rest = min(last + 1 << expected.shift, rest.upperBound)..<rest.upperBound
    }
    let found = try? bench.table.reader.nextMapping(in: virtual(rest))
    if let found { fail("found \(found), nothing was expected") }
  }

  // MARK: Tokens

  /// Spends a token now, or lets it wait with others.
  private func finish(
    _ token: consuming FlushToken, of range: Range<UInt64>, _ pages: [UInt64], _ splits: Int
  ) {
    counts.splits += splits
    for page in pages { tlb.touch(page) }
    if !token.isEmpty, Int.random(in: 0..<4, using: &generator) == 0 {
      pending.merge(token, in: bench.memory)
      counts.merged += 1
      let mask: UInt64 = splits > 0 ? 1 << 30 - 1 : 0
      let lower = range.lowerBound & ~mask
      pendingRanges.append(lower..<max(range.upperBound, (range.upperBound &+ mask) & ~mask))
    } else {
      spend(token)
    }
  }

  private func spend(_ token: consuming FlushToken) {
    if token.coversEverything { counts.fullFlushes += 1 }
    bench.spend(token)
  }

  private func spendPending() {
    var token = FlushToken()
    swap(&token, &pending)
    spend(token)
    pendingRanges = []
  }

  // MARK: Checks

  /// Makes a change, sometimes with no frame first, then with one, and so on until it succeeds:
  /// before that, it must not change anything.
  private func attempt(
    _ change: () throws(PageTableError) -> FlushToken
  ) throws(PageTableError) -> FlushToken {
    guard Int.random(in: 0..<16, using: &generator) == 0 else { return try change() }
    let supply = bench.frames.supply
    let before = bench.memory.copy()
    var needed = 0
    for available in 0... {
      bench.frames.supply = available
      defer { bench.frames.supply += supply - available }
      do throws(PageTableError) {
        let token = try change()
        if needed != available { fail("\(needed) frames were asked for, \(available) sufficed") }
        return token
      } catch {
        if !bench.memory.isUnchanged(since: before) { fail("a call that failed changed memory") }
        guard case .outOfFrames(let shortage) = error else { throw error }
        if shortage.available != available { fail("\(shortage) with \(available)") }
        needed = shortage.needed
        counts.starved += 1
      }
    }
    fatalError("there is always a number that suffices")
  }

  /// A page must translate as the model says, unless a token for it is outstanding.
  private func use(_ page: UInt64) {
    guard !pendingRanges.contains(where: { $0.contains(page) }) else { return }
    // While a token is outstanding, stale tables on the way are no fault as long as they don't show.
    if pendingRanges.isEmpty, let contradiction = tlb.contradiction(at: page) {
      return fail("the TLB has \(contradiction) at \(String(page, radix: 16))")
    }
    let used = tlb.touch(page)
    let expected = model.translate(page)
    guard used?.physical == expected?.physical,
      used?.patIndex == expected?.1.property.memoryType.patIndex
    else { return fail("\(used as Any) instead of \(expected as Any)") }
    let mapping = try? bench.table.reader.query(VirtualAddress(page))
    guard mapping?.translate(VirtualAddress(page)).rawValue == expected?.physical,
      mapping?.property == expected?.1.property
    else { return fail("\(mapping as Any) instead of \(expected as Any)") }
  }

  private func checkFrames() {
    let expected = model.tableCount(bench.table.mode)
    if bench.frames.inUseCount != expected || bench.frames.reservedCount != 0 {
      fail("\(bench.frames.inUseCount) tables instead of \(expected)")
    }
  }

  private func checkEverything() {
    spendPending()
    checkFrames()
    if let contradiction = tlb.anyContradiction() { fail("the TLB has \(contradiction)") }
    if let complaint = tlb.complaints.first { fail(complaint) }
    let snapshot = bench.snapshot()
    if snapshot.segments != model.segments.joined() { fail("the oracle reads something else") }
    if snapshot.tables.count != bench.frames.inUseCount { fail("tables are lost") }
    if !snapshot.problems.isEmpty { fail(snapshot.problems[0]) }
    tlb.loadCR3(bench.table.root)
  }

  /// In the end all goes, and only the tables of the kernel half stay.
  private func emptyTheTable() {
    for spot in spots {
      take(spot - 2 << 30..<spot + 2 << 30, [])
    }
    checkEverything()
    if model.segments != [] || bench.frames.inUseCount != 257 { fail("something is left") }
  }

  private func fail(_ reason: String) {
    if failure == nil { failure = "operation \(counts.operations): \(reason)" }
  }

  // MARK: Random arguments

  /// Bounds near a few spots, and near page boundaries of each size there.
  private func randomRange() -> Range<UInt64> {
    let spot = spots.randomElement(using: &generator)!
    func bound(near start: UInt64) -> UInt64 {
      let near: [UInt64] = [0, 0, 0, 1, 2, 511]
      let (large, small) = (
        near.randomElement(using: &generator)!, near.randomElement(using: &generator)!
      )
      return start + large << 21 + (Bool.random(using: &generator) ? 0 : small << 12)
    }
    let gib = spot - 2 << 30 + UInt64.random(in: 0..<4, using: &generator) << 30
    let (one, other) = (bound(near: gib), bound(near: gib))
    if one != other, Int.random(in: 0..<4, using: &generator) > 0 {
      return min(one, other)..<max(one, other)
    }
    if Bool.random(using: &generator) {
      let count = UInt64.random(in: 1..<300, using: &generator)
      return one..<min(one + count << 12, spot + 2 << 30)
    }
    // Whole pages of 1 GiB, or over their boundaries.
    let start = Bool.random(using: &generator) ? gib : one
    let end = start + UInt64.random(in: 1..<3, using: &generator) << 30
    return start..<min(end, spot + 2 << 30)
  }

  /// Where to map a range: for large ranges such that large pages fit.
  private func randomTarget(for range: Range<UInt64>) -> (UInt64, PageSize) {
    let sizes: [PageSize] = [.size4KiB, .size2MiB, .size1GiB]
    let isLarge = range.upperBound - range.lowerBound > 4 << 20
    var congruent = sizes.randomElement(using: &generator)!
    if isLarge, congruent == .size4KiB { congruent = .size1GiB }
    let largest = congruent == .size4KiB ? sizes.randomElement(using: &generator)! : congruent
    let physical = UInt64.random(in: 0..<1 << 40, using: &generator) & ~congruent.offsetMask
    let offset = congruent == .size4KiB ? 0 : range.lowerBound & congruent.offsetMask
    return (physical & ~0xfff | offset, largest)
  }

  private func randomChange() -> (inout PageProperty) -> Void {
    let new = PageProperty.random(&generator)
    switch UInt8.random(in: 0..<6, using: &generator) {
    case 0: return { $0 = new }
    case 1: return { $0.rights = new.rights }
    case 2: return { $0.memoryType = new.memoryType }
    case 3: return { $0.isGlobal = new.isGlobal }
    case 4: return { $0.software = new.software }
    default: return { $0.rights.insert(new.rights) }
    }
  }

  /// Pages in and around a range that an error would show at.
  private func samples(of range: Range<UInt64>) -> [UInt64] {
    let (first, end) = (range.lowerBound, range.upperBound)
    let pageCount = (end - first) >> 12
    let inside = first + UInt64.random(in: 0..<pageCount, using: &generator) << 12
    return [first &- 0x1000, first, inside, end - 0x1000, end, first | 0x1f_f000, end & ~0x1f_ffff]
      .filter { VirtualAddress($0).isCanonical(in: bench.table.mode.addressWidth) }
  }
}
