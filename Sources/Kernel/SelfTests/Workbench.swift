import Addressing
import Frames
import KernelSpace
import Machine
import PageTables

/// The kernel's page table and frames in the hands of a self test.
struct Workbench: ~Copyable {
  var table: PageTable<LinearMemory>
  var frames: FrameAllocator<LinearMemory, MappedMemory>
  private var cache = CPUTranslationCache()

  /// The last 2 MiB of the vmalloc window: areas begin at its other end.
  static var place: Range<VirtualAddress> {
    let end = KernelState.layout.vmalloc.upperBound
    return end - PageSize.size2MiB.byteCount..<end
  }

  static var firstPage: Range<VirtualAddress> {
    place.lowerBound..<place.lowerBound + PageSize.size4KiB.byteCount
  }

  /// Runs a test of page tables. It has to give back all frames that it takes.
  static func use(_ body: (inout Workbench) throws(PageTableError) -> Void) {
    // SAFETY: one CPU, and no interrupt handler is at the kernel's state; likewise below.
    guard let table = unsafe kernelPageTable.take(), let frames = unsafe frameAllocator.take()
    else { panic("a self test before there is a page table") }
    var bench = Workbench(table: table, frames: frames)
    do throws(PageTableError) {
      // The first frame of a section takes more for the slots of all, which stay: here and now.
      bench.giveBack(try bench.allocate(.size2MiB))
      bench.giveBack(try bench.allocate(.size4KiB))
      let freeCount = bench.frames.freeCount
      try body(&bench)
      expect(bench.frames.freeCount == freeCount, "all frames have come back")
    } catch {
      expect(false, "no call fails")
    }
    unsafe frameAllocator = consume bench.frames
    unsafe kernelPageTable = consume bench.table
  }

  /// Takes as many frames in a row as a page of `size` needs, aligned to it.
  mutating func allocate(_ size: PageSize) throws(PageTableError) -> Range<PhysicalAddress> {
    let order = size.shift - PageSize.size4KiB.shift
    do throws(OutOfFrames) {
      return try frames.allocate(1 << order, as: .data, order: order)
    } catch { throw .outOfFrames(error) }
  }

  mutating func giveBack(_ range: Range<PhysicalAddress>) { frames.giveBack(range) }

  mutating func map(
    _ virtual: Range<VirtualAddress>, to physical: PhysicalAddress, _ property: PageProperty
  ) throws(PageTableError) {
    spend(
      try table.map(virtual, to: physical, property, largest: .size2MiB, from: &frames))
  }

  mutating func protect(
    _ virtual: Range<VirtualAddress>, _ change: (inout PageProperty) -> Void
  ) throws(PageTableError) {
    spend(try table.protect(virtual, from: &frames, change))
  }

  mutating func unmap(_ virtual: Range<VirtualAddress>) throws(PageTableError) {
    spend(try table.take(virtual, from: &frames) { _ in })
  }

  mutating func spend(_ token: consuming FlushToken) {
    token.spend(on: &cache, returningTablesTo: &frames, in: table.reader.memory)
  }
}

/// A number made of all that CR3 leads to in the vmalloc window: every present entry, where it
/// stands, without the accessed and dirty bits, which the CPU sets when it likes. Read by the SDM's
/// rules (volume 3, 4.5.4) and not by the code under test.
func liveDigest() -> UInt64 {
  let levels = readCR4() & 1 << 12 != 0 ? 5 : 4
  let window = KernelState.layout.vmalloc
  let shift = UInt64(3 + 9 * levels)
  let first = window.lowerBound.rawValue >> shift & 511
  let last = (window.upperBound.rawValue - 1) >> shift & 511
  return digest(of: readCR3(), level: levels, first...last, 0xcbf2_9ce4_8422_2325)
}

private func digest(
  of table: UInt64, level: Int, _ indices: ClosedRange<UInt64>, _ seed: UInt64
) -> UInt64 {
  let addressBits: UInt64 = 0x000f_ffff_ffff_f000
  let start = paddrToVaddr(PhysicalAddress(table & addressBits)).rawValue
  var digest = seed
  for index in indices {
    let entry = load64(start + index * 8)
    guard entry & 1 != 0 else { continue }
    digest = (digest ^ (entry & ~0x60 &+ index)) &* 0x100_0000_01b3
    if level > 1, entry & 1 << 7 == 0 {
      digest = Kernel.digest(of: entry, level: level - 1, 0...511, digest)
    }
  }
  return digest
}

/// The entry of `level` on the CPU's way to `address`, read from CR3 on by the SDM's rules (volume
/// 3, 4.5.4) and not by the code under test; 0 where the way ends before.
func liveEntry(of address: VirtualAddress, atLevel level: Int) -> UInt64 {
  let addressBits: UInt64 = 0x000f_ffff_ffff_f000
  var current = readCR4() & 1 << 12 != 0 ? 5 : 4
  var entry = readCR3() | 1
  while current >= level {
    // Present, and no leaf.
    guard entry & 1 != 0, entry & 1 << 7 == 0 else { return 0 }
    let index = address.rawValue >> UInt64(3 + 9 * current) & 511
    entry = load64(paddrToVaddr(PhysicalAddress(entry & addressBits)).rawValue + index * 8)
    current -= 1
  }
  return entry
}
