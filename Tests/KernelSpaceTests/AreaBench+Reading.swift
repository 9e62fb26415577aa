// How tests of areas see what there is: the tables by the oracle, the slots word by word, and what
// the CPU remembers. Nothing here asks the code under test, but for whether addresses are reserved.

import Addressing
import Frames
import KernelSpace
import Oracle
import PageTables
import TestSupport
import Testing

/// A frame's slot, read by FrameSlot.swift's picture: word 0 in bits 39-32 has the kind, in 47-40
/// the state, below the reference count.
struct RawSlot: Hashable {
  let word: UInt64

  var count: UInt64 { word & 0xffff_ffff }
  var isUnused: Bool { word >> 40 & 0xff == 0 }
  var isBusy: Bool { word >> 40 & 0xff == 4 }
  var isTable: Bool { word >> 32 & 0xff == 6 }
  var isKept: Bool { [5, 7, 8].contains(word >> 32 & 0xff) }
  var isData: Bool { word >> 32 & 0xff == 9 }
}

/// How many frames are what.
struct Census: Equatable {
  var data = 0
  var tables = 0
  /// The trampoline, slots, nodes of trees and queues: what is lent for good.
  var kept = 0
  var unused = 0

  mutating func add(_ slot: RawSlot) {
    if slot.isUnused {
      unused += 1
    } else if slot.isData {
      data += 1
    } else if slot.isTable {
      tables += 1
    } else if slot.isKept {
      kept += 1
    }
  }
}

extension AreaBench {
  /// The slot of a frame; `nil` if it has none.
  func slot(_ physical: UInt64) -> RawSlot? {
    let base = machine.layout.frameMetadata.lowerBound.rawValue
    return word(at: base + (physical >> 12) * 16).map { RawSlot(word: $0.pointee) }
  }

  /// A word of the kernel half, found entry by entry.
  private func word(at address: UInt64) -> UnsafeMutablePointer<UInt64>? {
    let memory = machine.memory
    var table = machine.kernelTable.root.rawValue
    var level = machine.kernelTable.mode.levels
    while true {
      let shift = UInt64(3 + 9 * level)
      let entry = memory.entry(Int(address >> shift & 511), ofTableAt: table)!.pointee
      guard entry & 1 != 0 else { return nil }
      table = entry & 0x000f_ffff_ffff_f000
      if level == 1 || level <= 3 && entry & 1 << 7 != 0 {
        let page = table & ~(1 << shift - 1) | address & (1 << shift - 1) & ~0xfff
        return memory.entry(Int(address & 0xfff) / 8, ofTableAt: page)
      }
      level -= 1
    }
  }

  /// The owners of a frame.
  func owners(_ physical: UInt64) -> UInt64 {
    guard let slot = slot(physical), !slot.isUnused else { return 0 }
    return slot.count
  }

  func isFree(_ physical: UInt64) -> Bool { slot(physical)?.isUnused ?? true }

  func census() -> Census {
    var census = Census()
    let base = machine.layout.frameMetadata.lowerBound.rawValue
    for page in 0..<machine.memory.range.byteCount >> 20 {
      guard let words = word(at: base + page << 12) else { continue }
      for index in stride(from: 0, to: 512, by: 2) { census.add(RawSlot(word: words[index])) }
    }
    return census
  }

  /// Expects that all has come back since `start`, but for what is lent for good.
  func expectNothingIsLeft(since start: Census, sourceLocation: SourceLocation) {
    let (now, snapshot) = (census(), snapshot())
    let problem = verdict()
    #expect(problem == nil, sourceLocation: sourceLocation)
    #expect(now.data == start.data, "owned frames", sourceLocation: sourceLocation)
    #expect(now.tables - start.tables <= now.kept - start.kept, sourceLocation: sourceLocation)
    #expect(snapshot.tables.count == now.tables, "tables are lost", sourceLocation: sourceLocation)
    #expect(leaves().isEmpty && areas.reservationCount == 0, sourceLocation: sourceLocation)
    #expect(
      machine.frames.usedCount == UInt64(now.data + now.tables + now.kept),
      "the allocator's statistics", sourceLocation: sourceLocation)
  }

  /// A page table as the oracle reads it; the kernel's, if none is given.
  func snapshot(of root: PhysicalAddress? = nil) -> Snapshot {
    Snapshot(
      root: (root ?? machine.kernelTable.root).rawValue, levels: machine.kernelTable.mode.levels,
      readTables: machine.memory.readTables)
  }

  /// The number of tables below the root in a lower half.
  func lowerTables(of root: PhysicalAddress) -> Int {
    snapshot(of: root).tables.count { ($0.topLevelIndex ?? 256) < 256 }
  }

  /// What is mapped where areas lie.
  func leaves() -> [Leaf] {
    let vmalloc = machine.layout.vmalloc
    return snapshot().leaves.filter { vmalloc.contains(VirtualAddress($0.virtual)) }
  }

  /// All that a failed call may not change: tables, free frames, reservations.
  func state() -> State {
    let snapshot = snapshot()
    return State(
      tables: machine.memory.readTables(snapshot.tables.map(\.physical)),
      freeCount: machine.frames.freeCount, reservationCount: areas.reservationCount,
      freePageCount: areas.freePageCount)
  }

  struct State: Equatable {
    let tables: [[UInt64]]
    var freeCount: UInt64
    let reservationCount: Int
    let freePageCount: UInt64
  }

  /// Complains if something is free that a CPU may still use: pages, tables or addresses.
  func judge() {
    let vmalloc = machine.layout.vmalloc
    var reserved = vmalloc.lowerBound..<vmalloc.lowerBound
    for page in tlb.rememberedPages.sorted(by: { $0.virtual < $1.virtual }) {
      if let slot = slot(page.physical), slot.isUnused {
        tlb.complain("\(String(page.virtual, radix: 16)) leads to a frame that is free")
      }
      let address = VirtualAddress(page.virtual)
      guard vmalloc.contains(address), !reserved.contains(address) else { continue }
      guard let found = areas.reservation(holding: address) else {
        tlb.complain("\(address) is remembered and free")
        continue
      }
      reserved = found
    }
    for table in tlb.rememberedTables where slot(table)?.isTable != true {
      tlb.complain("a table of which the CPU knows is none any more")
    }
  }

  /// Why something is wrong with what the CPU remembers; `nil` if nothing is.
  func verdict() -> String? {
    judge()
    return tlb.complaints.first ?? tlb.anyContradiction()
  }

  /// Touches all 4 KiB pages of a range: where the CPU says that they are.
  @discardableResult
  func touch(_ range: Range<VirtualAddress>, writes: Bool = false) -> [UInt64?] {
    stride(from: range.lowerBound.rawValue, to: range.upperBound.rawValue, by: 0x1000)
      .map { tlb.touch($0, writes: writes)?.physical }
  }

  /// Expects that `operation` fails like that and changes nothing.
  func expect(
    _ error: AreaError, sourceLocation: SourceLocation = #_sourceLocation,
    from operation: () throws(AreaError) -> Void
  ) {
    let before = state()
    var found: AreaError?
    do throws(AreaError) { try operation() } catch { found = error }
    #expect(found == error, sourceLocation: sourceLocation)
    #expect(state() == before, "something was changed", sourceLocation: sourceLocation)
  }
}

/// The addresses of the frames of a range: of a segment that is there.
func frames(_ range: Range<PhysicalAddress>?) -> [UInt64] {
  guard let range else { return [] }
  return Array(stride(from: range.lowerBound.rawValue, to: range.upperBound.rawValue, by: 0x1000))
}

extension Optional where Wrapped: ~Copyable {
  /// Whether there is nothing: `== nil` does not work with what can't be copied.
  var isNone: Bool {
    switch self {
    case .none: true
    case .some: false
    }
  }
}
