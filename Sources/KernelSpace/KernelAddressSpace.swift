import Addressing
import Frames
import PageTables

/// The kernel half of the address space: a type whose static storage is all that areas need, each
/// part behind its own lock. They are taken in this order and never the other way round:
///
///     areas --> page table --> frames (of the pool)
///
/// The kernel has one such type, and so has each test.
public protocol KernelAddressSpace {
  associatedtype Pool: FramePool
  associatedtype Cache: TranslationCache

  /// What this CPU remembers of the page table.
  static var cache: Cache { get }
  /// The largest page that the CPU has.
  static var largestPage: PageSize { get }

  /// The root of the page table that this CPU uses.
  static var activeRoot: PhysicalAddress { get }
  /// Makes this CPU use the page table at `root`, which has the kernel half.
  static func activate(root: PhysicalAddress)

  /// Calls `body` with the areas' state, while nobody else has it.
  static func withAreas<Result: ~Copyable, Failure: Error>(
    _ body: (inout VirtualAreas<Pool.Memory>) throws(Failure) -> Result
  ) throws(Failure) -> Result

  /// Calls `body` with the kernel page table, while nobody else has it.
  static func withPageTable<Result: ~Copyable, Failure: Error>(
    _ body: (inout PageTable<Pool.Memory>) throws(Failure) -> Result
  ) throws(Failure) -> Result
}

/// The frames of a pool as a page table's source: the lock is held for one call each.
struct PoolTables<Pool: FramePool>: TableFramePool {
  mutating func reserve(_ count: Int) throws(OutOfFrames) {
    try Pool.withAllocator { (frames) throws(OutOfFrames) in try frames.reserve(count) }
  }

  mutating func takeFrame() -> PhysicalAddress {
    Pool.withAllocator { frames in frames.takeFrame() }
  }

  mutating func giveBack(_ frame: PhysicalAddress) {
    Pool.withAllocator { frames in frames.giveBack(frame) }
  }
}

extension KernelAddressSpace {
  /// Leaves an address space: nothing is in the lower half any more.
  public static func leaveAddressSpace() { activate(root: withPageTable { table in table.root }) }

  /// Makes the CPUs forget what `token` stands for.
  ///
  /// - Precondition: no lock is held.
  @inline(__always)
  public static func spend(_ token: consuming FlushToken) {
    if !token.isEmpty { forget(token) }
  }

  @inline(never)
  private static func forget(_ token: consuming FlushToken) {
    var cache = cache
    var tables = PoolTables<Pool>()
    token.spend(on: &cache, returningTablesTo: &tables, in: Pool.memory)
  }

  /// Makes the CPUs forget all that was unmapped, then frees what waited for it.
  ///
  /// - Precondition: no lock is held, and no other CPU is flushing: it would not be waited for.
  public static func flush() {
    let taken = withAreas { areas in
      withPageTable { table in areas.pruneTables(of: &table) }
      return areas.takeQueue()
    }
    guard let queue = taken else { return }
    let retired = queue.retired
    spend(queue.token)
    withAreas { areas in
      Pool.withAllocator { frames in areas.release(retired, to: &frames) }
    }
  }

  /// Does something that may run short, once more after a flush if it did.
  ///
  /// - Precondition: no lock is held.
  @inline(__always)
  static func retrying<Result: ~Copyable>(
    _ operation: () throws(AreaError) -> Result
  ) throws(AreaError) -> Result {
    var hasFlushed = false
    while true {
      do throws(AreaError) {
        return try operation()
      } catch {
        guard !hasFlushed, error.isShortage else { throw error }
        flush()
        hasFlushed = true
      }
    }
  }

  /// Unmaps a range piece by piece, and flushes as often as what waits for it fills its room.
  ///
  /// - Parameters:
  ///   - takePiece: unmaps the first piece of a range and returns its end.
  ///   - finish: what to do after the last piece.
  @inline(__always)
  static func take(
    _ range: Range<VirtualAddress>,
    takePiece: (Range<VirtualAddress>, inout VirtualAreas<Pool.Memory>) -> VirtualAddress,
    finish: (inout VirtualAreas<Pool.Memory>) -> Void
  ) {
    var rest = range
    while !rest.isEmpty {
      let isFlushDue = withAreas { areas in
        rest = takePiece(rest, &areas)..<rest.upperBound
        if rest.isEmpty { finish(&areas) }
        return areas.isFlushDue
      }
      if isFlushDue { flush() }
    }
  }
}
