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

  private var ranges = InlineArray<8, Range<VirtualAddress>>(
    repeating: VirtualAddress(0)..<VirtualAddress(0))
  private var rangeCount = 0
  /// The 4 KiB pages in all ranges, or more than the limit: then the ranges mean nothing.
  private var pageCount: UInt64 = 0
  private var tables = TableList()
  /// Whether write-back memory was given another type.
  public private(set) var writesBackData = false

  public init() {}

  /// Whether a full flush is due, not one by pages.
  public var coversEverything: Bool { pageCount > FlushToken.pageLimit }

  public var isEmpty: Bool { pageCount == 0 && tables.isEmpty && !writesBackData }

  /// Whether tables wait for this token.
  public var holdsTables: Bool { !tables.isEmpty }

  /// Adds the translations of `range`.
  ///
  /// Pages are counted by 4 KiB whatever the page size was: a CPU may keep a large page in pieces,
  /// and INVLPG is sure to forget all of them only while the page is still there (SDM volume 3,
  /// 4.10.2.3 and 4.10.4.1). So a large page always means a full flush.
  mutating func add(_ range: Range<VirtualAddress>) {
    guard !range.isEmpty, !coversEverything else { return }
    pageCount += range.byteCount >> PageSize.size4KiB.shift
    if rangeCount > 0, ranges[rangeCount - 1].upperBound == range.lowerBound {
      ranges[rangeCount - 1] = ranges[rangeCount - 1].lowerBound..<range.upperBound
    } else if rangeCount < FlushToken.rangeLimit {
      ranges[rangeCount] = range
      rangeCount += 1
    } else {
      pageCount = FlushToken.pageLimit + 1
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
      pageCount = other.pageCount
    } else {
      for index in 0..<other.rangeCount { add(other.ranges[index]) }
    }
    tables.append(other.tables, in: memory)
    if other.writesBackData { writesBackData = true }
    other.clear()
  }

  /// Makes the CPUs forget, then gives the emptied tables back.
  ///
  /// - Precondition: no lock is held and interrupts are on, where there are other CPUs to wait for.
  public consuming func spend<
    Cache: TranslationCache & ~Copyable, Pool: TableFramePool & ~Copyable, Memory: PhysicalMemory
  >(on cache: inout Cache, returningTablesTo pool: inout Pool, in memory: Memory) {
    if coversEverything {
      cache.invalidateAll()
    } else {
      for index in 0..<rangeCount {
        let range = ranges[index]
        var page = range.lowerBound
        while page < range.upperBound {
          cache.invalidate(page: page)
          page = page + PageSize.size4KiB.byteCount
        }
      }
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
