// Address spaces: the kernel's half shared, a lower half of their own.

import Addressing
import Frames
import KernelSpace
import Oracle
import PageTables
import TestSupport
import Testing

/// An address space where a test can keep it.
final class SpaceBox {
  private var space: Space?
  let root: PhysicalAddress

  init() throws(AreaError) {
    let space = try Space()
    root = space.root
    self.space = consume space
  }

  func end() { space = nil }
  func activate() { space?.activate() }

  func map(
    _ segment: inout TestSegment?, at start: UInt64, _ rights: Rights
  ) throws(AreaError) { try space?.map(&segment, at: VirtualAddress(start), rights) }

  /// Maps new frames in a row.
  @discardableResult
  func map(
    frames count: UInt64, at start: UInt64, _ rights: Rights = .write, order: UInt64 = 0
  ) throws -> [UInt64] {
    var segment: TestSegment? = try TestSegment(frameCount: count, order: order)
    let physical = frames(segment?.range)
    try map(&segment, at: start, rights)
    return physical
  }

  func query(_ address: UInt64) throws(AreaError) -> Mapping? {
    try space?.query(VirtualAddress(address))
  }

  func protect(_ range: Range<UInt64>, _ rights: Rights) throws(AreaError) {
    try space?.protect(VirtualAddress(range.lowerBound)..<VirtualAddress(range.upperBound), rights)
  }

  func unmap(_ range: Range<UInt64>) throws(AreaError) {
    try space?.unmap(VirtualAddress(range.lowerBound)..<VirtualAddress(range.upperBound))
  }
}

@Suite struct AddressSpaceTests {
  static let modes = [PagingMode.fourLevel, .fiveLevel]

  @Test(arguments: modes) func theKernelHalfIsShared(mode: PagingMode) throws {
    let bench = try AreaBench(mode: mode)
    try bench.run {
      let (one, two) = (try SpaceBox(), try SpaceBox())
      let older = try AreaBox(frames: 2)
      // But for the accessed bit.
      func kernelHalf(_ root: PhysicalAddress? = nil) -> [UInt64] {
        bench.snapshot(of: root).topLevelEntries[256...].map { $0 & ~0x20 }
      }
      let kernel = kernelHalf()
      for space in [one, two] {
        space.activate()
        #expect(bench.tlb.root == space.root.rawValue)
        #expect(bench.snapshot(of: space.root).topLevelEntries[..<256].allSatisfy { $0 == 0 })
        #expect(kernelHalf(space.root) == kernel)
        #expect(bench.touch(older.range).allSatisfy { $0 != nil })
        // What the kernel maps now is there in both, and what it takes is gone.
        let area = try AreaBox(frames: 3)
        let physical = bench.touch(area.range)
        (space === one ? two : one).activate()
        #expect(bench.touch(area.range) == physical)
        area.end()
        SimulatedSpace.flush()
        #expect(bench.touch(area.range) == [nil, nil, nil] && bench.verdict() == nil)
        SimulatedSpace.leaveAddressSpace()
        #expect(bench.tlb.root == bench.machine.kernelTable.root.rawValue)
        #expect(bench.touch(area.range) == [nil, nil, nil])
      }
    }
  }

  @Test(arguments: modes) func theLowerHalfIsItsOwn(mode: PagingMode) throws {
    let bench = try AreaBench(mode: mode)
    try bench.run {
      let (one, two) = (try SpaceBox(), try SpaceBox())
      let end = mode.addressWidth.lowerHalfEnd.rawValue
      let low = try one.map(frames: 3, at: 0x40_0000, .execute)
      let high = try one.map(frames: 1, at: end - 0x1000, .none)
      let other = try two.map(frames: 1, at: 0x40_0000, .write)
      one.activate()
      let code = try #require(bench.tlb.touch(0x40_1000))
      #expect(code.physical == low[1] && code.grants == 0b110 && !code.isGlobal)
      #expect(bench.tlb.touch(end - 0x1000)?.physical == high[0])
      #expect(bench.tlb.touch(end - 0x1000)?.grants == 0b010)
      #expect(bench.tlb.touch(0x40_3000) == nil)
      two.activate()
      #expect(bench.tlb.touch(0x40_0000)?.physical == other[0])
      #expect(bench.tlb.touch(0x40_0000)?.grants == 0b011)
      #expect(bench.tlb.touch(0x40_1000) == nil && bench.tlb.touch(end - 0x1000) == nil)
      SimulatedSpace.leaveAddressSpace()
      #expect(bench.tlb.touch(0x40_0000) == nil)
      // The oracle reads the same, owners and all.
      let leaves = bench.snapshot(of: one.root).leaves.filter { $0.virtual < end }
      #expect(leaves.map(\.physical) == low + high)
      #expect(leaves.allSatisfy { $0.user && !$0.writable && !$0.global && $0.entry >> 9 & 1 == 1 })
      #expect((low + high + other).allSatisfy { bench.owners($0) == 1 })
    }
  }

  @Test func queryProtectUnmap() throws {
    let bench = try AreaBench()
    try bench.run {
      let space = try SpaceBox()
      let physical = try space.map(frames: 1024, at: 0x20_0000, .write, order: 9)
      space.activate()
      #expect(try space.query(0x20_1234)?.size == .size2MiB)
      #expect(try space.query(0x60_0000) == nil)
      for page in [0, 3, 4, 600] as [UInt64] { bench.tlb.touch(0x20_0000 + page << 12) }
      try space.protect(0x20_3000..<0x20_4000, .execute)
      let grants = [0, 3, 4, 600].map { bench.tlb.touch(0x20_0000 + $0 << 12)?.grants }
      #expect(grants == [0b011, 0b110, 0b011, 0b011] && bench.verdict() == nil)
      let changed = try #require(try space.query(0x20_3000))
      #expect(changed.physical.rawValue == physical[3])
      #expect(changed.property.rights == .execute | .user && !changed.property.isGlobal)

      try space.unmap(0x20_4000..<0x40_1000)
      #expect(bench.tlb.touch(0x20_4000) == nil && bench.tlb.touch(0x40_0000) == nil)
      #expect(bench.tlb.touch(0x40_1000)?.physical == physical[513])
      #expect(
        physical.indices.allSatisfy { bench.isFree(physical[$0]) == (4..<513).contains($0) })
      try space.unmap(0..<0x60_0000)
      #expect(physical.allSatisfy(bench.isFree) && bench.verdict() == nil)
      // All of its tables but the root went too.
      #expect(bench.lowerTables(of: space.root) == 0)
      try space.map(frames: 1, at: 0x20_4000)
      #expect(bench.tlb.touch(0x20_4000) != nil && bench.verdict() == nil)
      SimulatedSpace.leaveAddressSpace()
    }
  }

  @Test(arguments: modes) func itsEndGivesAllBack(mode: PagingMode) throws {
    let bench = try AreaBench(mode: mode)
    try bench.run {
      let before = (bench.census(), bench.machine.frames.freeCount)
      let space = try SpaceBox()
      let end = mode.addressWidth.lowerHalfEnd.rawValue
      var physical: [UInt64] = []
      for start in [0, 0x1f_f000, 1 << 39 - 0x2000, 1 << 46, end - 0x20_0000] as [UInt64] {
        physical += try space.map(frames: 5, at: start)
      }
      physical += try space.map(frames: 512, at: 0x4000_0000, order: 9)
      space.activate()
      for leaf in bench.snapshot(of: space.root).leaves { bench.tlb.touch(leaf.virtual) }
      SimulatedSpace.leaveAddressSpace()
      space.end()
      #expect(physical.allSatisfy(bench.isFree) && bench.isFree(space.root.rawValue))
      #expect(bench.census() == before.0 && bench.machine.frames.freeCount == before.1)
      #expect(bench.verdict() == nil)
    }
  }

  @Test func framesMayHaveOwnersInBothHalves() throws {
    let bench = try AreaBench()
    try bench.run {
      let space = try SpaceBox()
      let area = try AreaBox(frames: 2)
      guard let frame = try area.frame(0x1000) else { return }
      var share: TestSegment? = TestSegment(frame)
      let address = share?.range.lowerBound.rawValue ?? 0
      try space.map(&share, at: 0x1000, .none)
      space.activate()
      #expect(bench.owners(address) == 2)
      #expect(bench.tlb.touch(0x1000)?.physical == bench.tlb.touch(area.start + 0x1000)?.physical)
      area.end()
      SimulatedSpace.flush()
      #expect(bench.owners(address) == 1 && bench.tlb.touch(0x1000)?.physical == address)
      try space.unmap(0x1000..<0x2000)
      #expect(bench.isFree(address) && bench.verdict() == nil)
      SimulatedSpace.leaveAddressSpace()
    }
  }

  /// What is mapped where something was taken before has tables of its own, and not those that went.
  @Test(arguments: modes) func mapsAgainWhereItUnmapped(mode: PagingMode) throws {
    let bench = try AreaBench(mode: mode)
    try bench.run {
      let before = (bench.census(), bench.machine.frames.freeCount)
      let space = try SpaceBox()
      space.activate()
      for round in 0..<3 as Range<UInt64> {
        let physical = try space.map(frames: 2, at: 0x1000 + round << 12)
        #expect(bench.tlb.touch(0x2000 + round << 12)?.physical == physical[1])
        let leaves = bench.snapshot(of: space.root).leaves.filter { $0.user }
        #expect(leaves.map(\.physical) == physical)
        try space.unmap(0x1000..<0x8000)
        #expect(bench.tlb.touch(0x2000 + round << 12) == nil && bench.verdict() == nil)
        #expect(physical.allSatisfy(bench.isFree) && bench.lowerTables(of: space.root) == 0)
      }
      SimulatedSpace.leaveAddressSpace()
      space.end()
      #expect(bench.census() == before.0 && bench.machine.frames.freeCount == before.1)
    }
  }

  @Test(arguments: modes) func errors(mode: PagingMode) throws {
    let bench = try AreaBench(mode: mode)
    try bench.run {
      let space = try SpaceBox()
      try space.map(frames: 1, at: 0x5000)
      var segment: TestSegment? = try TestSegment(frameCount: 2)
      let physical = frames(segment?.range)
      let end = mode.addressWidth.lowerHalfEnd.rawValue
      let kernel = bench.machine.layout.vmalloc.lowerBound.rawValue
      func lower() -> [[UInt64]] {
        let tables = bench.snapshot(of: space.root).tables
        return bench.machine.memory.readTables(tables.map(\.physical))
      }
      func refuses(
        _ error: AreaError, sourceLocation: SourceLocation = #_sourceLocation,
        _ operation: () throws(AreaError) -> Void
      ) {
        let before = lower()
        bench.expect(error, sourceLocation: sourceLocation, from: operation)
        #expect(lower() == before, sourceLocation: sourceLocation)
        #expect(frames(segment?.range) == physical, sourceLocation: sourceLocation)
      }
      let refusals: [(AreaError, UInt64, Rights)] = [
        (.forbidden(.write | .execute), 0, .write | .execute),
        (.forbidden(.write | .execute), 0, .all),
        (.pageTable(.alreadyMapped(VirtualAddress(0x5000))), 0x4000, .write),
        (.pageTable(.misalignedVirtual(VirtualAddress(0x10))), 0x10, .write),
        (.pageTable(.notCanonical(VirtualAddress(end - 0x1000))), end - 0x1000, .write),
        (.pageTable(.notCanonical(VirtualAddress(end))), end, .write),
        (.pageTable(.notCanonical(VirtualAddress(kernel))), kernel, .write),
        (.pageTable(.notCanonical(VirtualAddress(~0xfff))), ~0xfff, .write),
      ]
      for (error, start, rights) in refusals {
        refuses(error) { () throws(AreaError) in try space.map(&segment, at: start, rights) }
      }
      refuses(.forbidden(.write | .execute)) { () throws(AreaError) in
        try space.protect(0x5000..<0x6000, .write | .execute)
      }
      refuses(.pageTable(.notCanonical(VirtualAddress(kernel)))) { () throws(AreaError) in
        try space.protect(kernel..<kernel + 0x1000, .write)
      }
      refuses(.pageTable(.notCanonical(VirtualAddress(0)))) { () throws(AreaError) in
        try space.unmap(0..<kernel)
      }
      refuses(.pageTable(.misalignedVirtual(VirtualAddress(0x5800)))) { () throws(AreaError) in
        try space.unmap(0x5000..<0x5800)
      }
      refuses(.pageTable(.notCanonical(VirtualAddress(end)))) { () throws(AreaError) in
        _ = try space.query(end)
      }
      // What the kernel has mapped is no business of the lower half's owner.
      let area = try AreaBox(frames: 1)
      refuses(.pageTable(.notCanonical(VirtualAddress(area.start)))) { () throws(AreaError) in
        _ = try space.query(area.start)
      }
    }
  }

  @Test func shortageOfFrames() throws {
    let bench = try AreaBench(ramByteCount: 32 << 20)
    try bench.run {
      let space = try SpaceBox()
      var segment: TestSegment? = try TestSegment(frameCount: 2)
      for count in 0..<8 as Range<UInt64> {
        let hoard = Hoard(on: bench, leaving: count)
        defer { hoard.end() }
        let before = bench.state()
        do throws(AreaError) {
          // Two tables on each of two levels, and one above.
          try space.map(&segment, at: 0x3fff_f000, .write)
          #expect(count == 5)
          break
        } catch {
          #expect(error == .outOfFrames(OutOfFrames(needed: 5, available: Int(count))))
          #expect(bench.state() == before && bench.lowerTables(of: space.root) == 0)
        }
      }
      let isGone = segment.isNone
      #expect(isGone)
      let hoard = Hoard(on: bench, leaving: 0)
      #expect(throws: AreaError.outOfFrames(OutOfFrames(needed: 1, available: 0))) {
        end(try Space())
      }
      hoard.end()
    }
  }

  @Test func endingTheActiveOneTraps() async {
    await #expect(processExitsWith: .failure) {
      let bench = try AreaBench()
      try bench.run {
        let space = try SpaceBox()
        space.activate()
        space.end()
      }
    }
    await #expect(processExitsWith: .success) {
      let bench = try AreaBench()
      try bench.run {
        let space = try SpaceBox()
        space.activate()
        SimulatedSpace.leaveAddressSpace()
        space.end()
      }
    }
  }
}
