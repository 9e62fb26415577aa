import Addressing

/// A page table that this value owns: made with its root, changed only through it.
///
/// It is generic over how a table's physical address becomes memory. Where table frames come from
/// is told to each operation that may need some.
public struct PageTable<Memory: PhysicalMemory>: ~Copyable {
  /// Reads the table: queries, walks, visits.
  public let reader: PageTableReader<Memory>

  /// Physical addresses at or past this are none of this CPU's (CPUID's MAXPHYADDR).
  let physicalEnd: PhysicalAddress

  /// Whether a table was ever taken away. Until its token is spent, a CPU may remember the entry that
  /// led to it, and walk there; so from then on, whatever makes such an entry present again is
  /// followed by a flush, which new entries do not need else. Where that token was spent long ago,
  /// that flush is one page too many.
  var tablesWereTaken = false

  /// Where the last change was, if it was in a table of level 1 that is still there.
  var last: LastTable

  /// An empty table: one root without entries.
  ///
  /// - Throws: `outOfFrames`.
  public init<Source: TableFrameSource & ~Copyable>(
    mode: PagingMode, memory: Memory, physicalAddressWidth: Int = PhysicalAddress.widest,
    from frames: inout Source
  ) throws(PageTableError) {
    do throws(OutOfFrames) { try frames.reserve(1) } catch { throw .outOfFrames(error) }
    let root = frames.takeFrame()
    memory.table(at: root).clear()
    reader = PageTableReader(root: root, mode: mode, memory: memory)
    physicalEnd = PhysicalAddress(1 << UInt64(physicalAddressWidth))
    last = LastTable(none: Descent(root: memory.table(at: root), level: mode.levels))
  }

  /// A second owner of `table`, for a window of the kernel half that nobody else changes: the
  /// top-level entries never do, so the owners never meet. Or the last owner, where the first one
  /// changes nothing any more: neither notices what the other takes away.
  package init(forWindowOf table: borrowing PageTable) {
    reader = table.reader
    physicalEnd = table.physicalEnd
    tablesWereTaken = table.tablesWereTaken
    last = LastTable(none: table.last.descent)
  }

  /// An empty lower half under the kernel half of `table`: the 256 entries of the kernel half are
  /// copied once, and never change.
  ///
  /// - Throws: `outOfFrames`.
  public init<Source: TableFrameSource & ~Copyable>(
    sharingKernelHalfOf table: borrowing PageTable, from frames: inout Source
  ) throws(PageTableError) {
    let memory = table.reader.memory
    do throws(OutOfFrames) { try frames.reserve(1) } catch { throw .outOfFrames(error) }
    let root = frames.takeFrame()
    let (old, new) = (memory.table(at: table.root), memory.table(at: root))
    let middle = TableEntries.count / 2
    new.fill(0..<middle, with: .absent)
    for index in middle..<TableEntries.count { new[index] = old[index] }
    reader = PageTableReader(root: root, mode: table.mode, memory: memory)
    physicalEnd = table.physicalEnd
    last = LastTable(none: Descent(root: new, level: table.mode.levels))
  }

  public var root: PhysicalAddress { reader.root }
  public var mode: PagingMode { reader.mode }

  /// Whether the entry is one of the kernel half in the root, which every address space has a copy
  /// of: once there, it never changes again.
  func isShared(_ index: Int, atLevel level: Int) -> Bool {
    level == mode.levels && index >= TableEntries.count / 2
  }
}

/// Why a page table could not do what was asked. It is then as it was before.
public enum PageTableError: Error, Equatable {
  /// The virtual range is not canonical, or spans both halves; its start.
  case notCanonical(VirtualAddress)
  /// A cursor would leave its range; where it was to go, or from where.
  case outsideRange(VirtualAddress)
  /// A virtual bound is not on a 4 KiB boundary.
  case misalignedVirtual(VirtualAddress)
  /// The physical start is not on a 4 KiB boundary.
  case misalignedPhysical(PhysicalAddress)
  /// The physical range, that starts here, ends past what the CPU can address.
  case physicalOutOfRange(PhysicalAddress)
  /// Something is mapped at this address already.
  case alreadyMapped(VirtualAddress)
  /// There are not enough frames for the tables.
  case outOfFrames(OutOfFrames)
}
