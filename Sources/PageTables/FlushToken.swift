import Addressing

// A change to a present entry is not over when the entry is written: until a flush, the CPU may use
// what it remembers. So the change yields a token, and what the token stands for can't be reused:
//
//     change the tables ---> token ---> spend: 1. the CPUs forget the pages    ---> reuse
//                              |               2. the emptied tables go back
//                            merge             3. the floor above frees what it kept with it
//
//     ranges   |page|page|page|   |page|      up to 3 ranges and 32 pages, above that: everything
//     tables   table -> table -> table        linked through the emptied tables themselves
//
// Many tokens are made, and most are soon merged or spent: a token is four words, which is what the
// compiler hands from function to function in registers.

/// Holding one says: the page table has changed, and a CPU may not know it yet.
///
/// Frames, tables and virtual addresses behind a token are not to be reused before it is spent. An
/// empty token may be dropped; one that is not traps. It need not be spent where it was made: a
/// floor that keeps the frames of the pages themselves waiting keeps them next to the token.
public struct FlushToken: ~Copyable {
  /// The most pages that are forgotten one by one: above that, one full flush is cheaper.
  public static var pageLimit: UInt64 { 32 }
  /// The most ranges that a token keeps apart.
  public static var rangeLimit: Int { 3 }

  /// The pages to forget; where everything is, they mean nothing.
  private var first = PageRange.empty
  private var second = PageRange.empty
  private var third = PageRange.empty
  /// The list of tables, and in the bits below their address two flags.
  private var word: UInt64 = 0

  private static var everything: UInt64 { 1 << 0 }
  private static var data: UInt64 { 1 << 1 }

  public init() {}

  /// The token of one change.
  @inline(__always)
  init(_ range: Range<VirtualAddress>) {
    let count = range.byteCount >> PageSize.size4KiB.shift
    if count <= FlushToken.pageLimit {
      first = PageRange(from: range.lowerBound, count: count)
    } else {
      coverEverything()
    }
  }

  /// Whether a full flush is due, not one by pages.
  public var coversEverything: Bool { word & FlushToken.everything != 0 }

  private mutating func coverEverything() { word |= FlushToken.everything }

  /// Whether write-back memory was given another type.
  public var writesBackData: Bool { word & FlushToken.data != 0 }

  mutating func addWriteBackOfData() { word |= FlushToken.data }

  private var tables: TableList {
    get { TableList(last: PhysicalAddress(word).alignedDown(to: .size4KiB)) }
    set { word = newValue.last.rawValue | word & PageSize.size4KiB.offsetMask }
  }

  /// Whether tables wait for this token.
  public var holdsTables: Bool { !tables.isEmpty }

  public var isEmpty: Bool { first.isEmpty && word == 0 }

  /// Adds the translations of `range`.
  ///
  /// Pages are counted by 4 KiB whatever the page size was: a CPU may keep a large page in pieces,
  /// and INVLPG is sure to forget all of them only while the page is still there (SDM volume 3,
  /// 4.10.2.3 and 4.10.4.1). So a large page always means a full flush.
  package mutating func add(_ range: Range<VirtualAddress>) {
    guard !range.isEmpty, !coversEverything else { return }
    let count = range.byteCount >> PageSize.size4KiB.shift
    guard first.count + second.count + third.count + count <= FlushToken.pageLimit else {
      return coverEverything()
    }
    let new = PageRange(from: range.lowerBound, count: count)
    guard first.append(new) || second.append(new) || third.append(new) else {
      return coverEverything()
    }
  }

  /// Adds a table that nothing points to any more, all entries of which are absent. Pages that it
  /// translated must be in the token too: they lead the flush to the entries that pointed to it.
  mutating func add<Memory: PhysicalMemory>(table: PhysicalAddress, in memory: Memory) {
    tables.append(table, in: memory)
  }

  /// Makes this token stand for what `other` stood for too.
  @inline(__always)
  public mutating func merge<Memory: PhysicalMemory>(
    _ other: consuming FlushToken, in memory: Memory
  ) {
    // Pages are nothing new to a token of everything.
    if !coversEverything || other.word != 0 { mergeAll(other, in: memory) } else { other.clear() }
  }

  @inline(never)
  private mutating func mergeAll<Memory: PhysicalMemory>(
    _ other: consuming FlushToken, in memory: Memory
  ) {
    if other.coversEverything {
      coverEverything()
    } else if !coversEverything, !other.first.isEmpty {
      add(other.first.addresses)
      add(other.second.addresses)
      add(other.third.addresses)
    }
    if !other.tables.isEmpty { tables.append(other.tables, in: memory) }
    if other.writesBackData { addWriteBackOfData() }
    other.clear()
  }

  /// Makes the CPUs forget, then gives the emptied tables back.
  ///
  /// - Precondition: no lock is held and interrupts are on, where there are other CPUs to wait for.
  @inline(__always)
  public consuming func spend<
    Cache: TranslationCache & ~Copyable, Pool: TableFramePool & ~Copyable, Memory: PhysicalMemory
  >(on cache: inout Cache, returningTablesTo pool: inout Pool, in memory: Memory) {
    // Most tokens are empty or of one range.
    if word == 0, second.isEmpty {
      first.invalidate(on: &cache)
    } else {
      invalidateAll(on: &cache)
      var tables = tables
      while let table = tables.removeFirst(in: memory) { pool.giveBack(table) }
    }
    clear()
  }

  @inline(never)
  private func invalidateAll<Cache: TranslationCache & ~Copyable>(on cache: inout Cache) {
    if coversEverything {
      cache.invalidateAll()
    } else {
      first.invalidate(on: &cache)
      second.invalidate(on: &cache)
      third.invalidate(on: &cache)
    }
    if writesBackData { cache.writeBackData() }
  }

  /// Leaves an empty token, which may end.
  private mutating func clear() { (first, word) = (.empty, 0) }

  deinit { if !isEmpty { flushTokenWasDropped() } }
}

/// A function of its own, so that its name is in the report of the trap.
@inline(never) private func flushTokenWasDropped() -> Never {
  preconditionFailure("a flush token was dropped unspent")
}

/// Pages in a row, in one word, so that a token is small: the first page's address, and in the bits
/// below it the number of pages.
private struct PageRange: BitwiseCopyable {
  private var word: UInt64

  static var empty: PageRange { PageRange(word: 0) }

  private init(word: UInt64) { self.word = word }

  /// - Precondition: `count` is at most `FlushToken.pageLimit`.
  init(from start: VirtualAddress, count: UInt64) { word = start.rawValue | count }

  var isEmpty: Bool { word == 0 }

  var count: UInt64 { word & PageSize.size4KiB.offsetMask }

  var addresses: Range<VirtualAddress> {
    let start = VirtualAddress(word).alignedDown(to: .size4KiB)
    return start..<start + count << PageSize.size4KiB.shift
  }

  /// Becomes both in one, if `next` continues this range, or this one is empty; says whether.
  mutating func append(_ next: PageRange) -> Bool {
    if isEmpty {
      self = next
      return true
    }
    guard addresses.upperBound == next.addresses.lowerBound else { return false }
    word += next.count
    return true
  }

  @inline(__always)
  func invalidate<Cache: TranslationCache & ~Copyable>(on cache: inout Cache) {
    var page = VirtualAddress(word).alignedDown(to: .size4KiB)
    var rest = count
    while rest > 0 {
      cache.invalidate(page: page)
      page = page + PageSize.size4KiB.byteCount
      rest -= 1
    }
  }
}
