import Addressing

// A change to a present entry is not over when the entry is written: until a flush, the CPU may use
// what it remembers. So the change yields a token, and what the token stands for can't be reused:
//
//     change the tables ---> token ---> spend: 1. the CPUs forget the pages    ---> reuse
//                              |               2. the emptied tables go back
//                            merge             3. the floor above frees what it kept with it
//
//     ranges   |page|page|page|   |page|      up to 8 ranges and 32 pages, above that: everything
//     tables   first -> table -> table        linked through the emptied tables themselves

/// Holding one says: the page table has changed, and a CPU may not know it yet.
///
/// Frames, tables and virtual addresses behind a token are not to be reused before it is spent. An
/// empty token may be dropped; one that is not traps. It need not be spent where it was made: a
/// floor that keeps the frames of the pages themselves waiting keeps them next to the token.
public struct FlushToken: ~Copyable {
  /// The most pages that are forgotten one by one: above that, one full flush is cheaper.
  public static var pageLimit: UInt64 { 32 }
  /// The most ranges that a token keeps apart.
  public static var rangeLimit: Int { 8 }

  /// Most tokens have one range.
  private var first = PageRange.empty
  private var others = InlineArray<7, PageRange>(repeating: .empty)
  private var tables = TableList()
  private var rangeCount: UInt8 = 0
  /// The 4 KiB pages in all ranges, or more than the limit: then the ranges mean nothing.
  private var pageCount: UInt8 = 0
  /// Whether write-back memory was given another type.
  public private(set) var writesBackData = false

  public init() {}

  /// Whether a full flush is due, not one by pages.
  public var coversEverything: Bool { pageCount > FlushToken.pageLimit }

  private mutating func coverEverything() { pageCount = UInt8(FlushToken.pageLimit) + 1 }

  public var isEmpty: Bool { pageCount == 0 && tables.isEmpty && !writesBackData }

  /// Whether tables wait for this token.
  public var holdsTables: Bool { !tables.isEmpty }

  /// Adds the translations of `range`.
  ///
  /// Pages are counted by 4 KiB whatever the page size was: a CPU may keep a large page in pieces,
  /// and INVLPG is sure to forget all of them only while the page is still there (SDM volume 3,
  /// 4.10.2.3 and 4.10.4.1). So a large page always means a full flush.
  package mutating func add(_ range: Range<VirtualAddress>) {
    guard !range.isEmpty, !coversEverything else { return }
    let count = range.byteCount >> PageSize.size4KiB.shift
    guard UInt64(pageCount) + count <= FlushToken.pageLimit else { return coverEverything() }
    pageCount += UInt8(truncatingIfNeeded: count)
    let new = PageRange(from: range.lowerBound, count: count)
    if rangeCount == 0 {
      first = new
      rangeCount = 1
    } else if rangeCount == 1, let joined = first.joined(with: new) {
      first = joined
    } else {
      addToOthers(new)
    }
  }

  private mutating func addToOthers(_ new: PageRange) {
    let count = Int(rangeCount) - 1
    if count > 0, let joined = others[count - 1].joined(with: new) {
      others[count - 1] = joined
    } else if count < others.count {
      others[count] = new
      rangeCount += 1
    } else {
      coverEverything()
    }
  }

  mutating func addWriteBackOfData() { writesBackData = true }

  /// Adds a table that nothing points to any more, all entries of which are absent. Pages that it
  /// translated must be in the token too: they lead the flush to the entries that pointed to it.
  mutating func add<Memory: PhysicalMemory>(table: PhysicalAddress, in memory: Memory) {
    tables.append(table, in: memory)
  }

  /// Makes this token stand for what `other` stood for too.
  public mutating func merge<Memory: PhysicalMemory>(
    _ other: consuming FlushToken, in memory: Memory
  ) {
    if other.coversEverything {
      coverEverything()
    } else {
      if other.rangeCount > 0 { add(other.first.addresses) }
      for index in 1..<max(1, Int(other.rangeCount)) { add(other.others[index - 1].addresses) }
    }
    tables.append(other.tables, in: memory)
    if other.writesBackData { writesBackData = true }
    other.clear()
  }

  /// Makes the CPUs forget, then gives the emptied tables back.
  ///
  /// - Precondition: no lock is held and interrupts are on, where there are other CPUs to wait for.
  @inline(__always)
  public consuming func spend<
    Cache: TranslationCache & ~Copyable, Pool: TableFramePool & ~Copyable, Memory: PhysicalMemory
  >(on cache: inout Cache, returningTablesTo pool: inout Pool, in memory: Memory) {
    if coversEverything {
      cache.invalidateAll()
    } else {
      if rangeCount > 0 { first.invalidate(on: &cache) }
      for index in 1..<max(1, Int(rangeCount)) { others[index - 1].invalidate(on: &cache) }
    }
    if writesBackData { cache.writeBackData() }
    while let table = tables.removeFirst(in: memory) { pool.giveBack(table) }
    clear()
  }

  /// Leaves an empty token, which may end.
  private mutating func clear() {
    pageCount = 0
    tables = TableList()
    writesBackData = false
  }

  deinit { if !isEmpty { flushTokenWasDropped() } }
}

/// A function of its own, so that its name is in the report of the trap.
@inline(never) private func flushTokenWasDropped() -> Never {
  preconditionFailure("a flush token was dropped unspent")
}

/// Pages in a row, in one word, so that a token is small: the first page's address, and in the bits
/// below it the number of pages.
private struct PageRange: BitwiseCopyable {
  var word: UInt64

  static var empty: PageRange { PageRange(word: 0) }

  init(word: UInt64) { self.word = word }

  /// - Precondition: `count` is at most `FlushToken.pageLimit`.
  init(from start: VirtualAddress, count: UInt64) { word = start.rawValue | count }

  var addresses: Range<VirtualAddress> {
    let start = VirtualAddress(word).alignedDown(to: .size4KiB)
    return start..<start + (word & PageSize.size4KiB.offsetMask) << PageSize.size4KiB.shift
  }

  /// Both as one, if `next` continues this range.
  func joined(with next: PageRange) -> PageRange? {
    guard addresses.upperBound == next.addresses.lowerBound else { return nil }
    return PageRange(word: word + next.word & PageSize.size4KiB.offsetMask)
  }

  @inline(__always)
  func invalidate<Cache: TranslationCache & ~Copyable>(on cache: inout Cache) {
    var page = addresses.lowerBound
    while page < addresses.upperBound {
      cache.invalidate(page: page)
      page = page + PageSize.size4KiB.byteCount
    }
  }
}
