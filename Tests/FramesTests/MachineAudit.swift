// What the raw slots of a machine must say, from its reports, its page table and what a test has.

import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

extension Report {
  /// In frame numbers.
  var frames: Range<UInt64> { start >> 12..<end >> 12 }
}

extension Range<PhysicalAddress> {
  var numbers: Range<UInt64> { lowerBound.rawValue >> 12..<upperBound.rawValue >> 12 }
}

extension SimulatedMachine {
  var snapshot: Snapshot {
    Snapshot(
      root: kernelTable.root.rawValue, levels: kernelTable.mode.levels,
      readTables: memory.readTables)
  }

  var slots: SlotTable { slots(snapshot) }

  private func slots(_ snapshot: Snapshot) -> SlotTable {
    SlotTable(
      snapshot, in: Windows(levels: kernelTable.mode.levels).frameMetadata,
      readTables: memory.readTables)
  }

  /// Writes a slot behind the allocator's back.
  func setSlot(of frame: UInt64, _ slot: Slot) {
    let address = Windows(levels: kernelTable.mode.levels).frameMetadata.lowerBound + frame << 4
    let page = snapshot.translate(address)!
    memory.entry(Int(frame & 255) * 2, ofTableAt: page.physical)!.pointee = slot.word
  }

  /// What lies in some frames, by the reports: the strongest where they overlap; `nil` for holes.
  func pieces(_ frames: Range<UInt64>) -> [(frames: Range<UInt64>, kind: RegionKind?)] {
    let here = reports.filter { $0.frames.overlaps(frames) }
    let bounds = Set(
      here.flatMap { [$0.frames.lowerBound, $0.frames.upperBound] }.filter(frames.contains)
        + [frames.lowerBound, frames.upperBound]
    ).sorted()
    var pieces: [(frames: Range<UInt64>, kind: RegionKind?)] = []
    for (start, end) in zip(bounds, bounds.dropFirst()) {
      let kind = here.filter { $0.frames.contains(start) }.map(\.kind)
        .min { $0.rawValue < $1.rawValue }
      if let last = pieces.last, last.kind == kind {
        pieces[pieces.count - 1].frames = last.frames.lowerBound..<end
      } else {
        pieces.append((start..<end, kind))
      }
    }
    return pieces
  }

  /// The frames that may be handed out: usable RAM, but for frame 0.
  var usable: [Range<UInt64>] {
    pieces(0..<reports.map(\.frames.upperBound).max()!).filter { $0.kind == .usable }
      .map { max($0.frames.lowerBound, 1)..<max($0.frames.upperBound, 1) }
  }

  /// Every slot says what is known of its frame otherwise, and the statistics say the same.
  ///
  /// - Parameters:
  ///   - data: the runs of frames that hold data.
  ///   - tables: the frames that the test has for tables.
  func expectWhole(
    data: [SlotRun] = [], tables: Set<UInt64> = [], at location: SourceLocation = #_sourceLocation
  ) {
    let snapshot = snapshot
    let slots = slots(snapshot)
    let problems =
      snapshot.problems + snapshot.sharedTableViolations() + snapshot.lowerHalfViolations()
      + slots.problems
    #expect(problems == [], sourceLocation: location)

    var found: [Slot.Kind: [SlotRun]] = [:]
    var wrong: [SlotRun] = []
    for run in slots.runs {
      for piece in pieces(run.frames) {
        let part = SlotRun(piece.frames, run.slot)
        switch piece.kind {
        case .usable where piece.frames.lowerBound == 0 && run.slot.kind == .firmware:
          if part.frames != 0..<1 { wrong.append(part) }
        case .usable: found[run.slot.kind, default: []].append(part)
        case let kind: if run.slot != Slot(of: kind) { wrong.append(part) }
        }
      }
    }
    #expect(wrong == [], sourceLocation: location)
    func frames(_ kind: Slot.Kind) -> Set<UInt64> {
      let runs = found[kind] ?? []
      #expect(runs.allSatisfy { $0.slot == Slot(.reserved, kind) }, sourceLocation: location)
      return Set(runs.map(\.frames).joined())
    }

    let (kernelTables, pages) = (
      Set(snapshot.tables.map { $0.physical >> 12 }), Set(slots.pages.map { $0.physical >> 12 })
    )
    #expect(
      frames(.pageTable) == kernelTables.union(tables).union(earlyFrames.map { $0.rawValue >> 12 }),
      sourceLocation: location)
    // One bit a section of 2^15 frames: a frame of them serves for 2^30 frames of RAM.
    let setFrames = frames(.metadata).subtracting(pages)
    #expect(pages.isSubset(of: frames(.metadata)), sourceLocation: location)
    #expect(UInt64(setFrames.count) == highestFrame >> 30 + 1, sourceLocation: location)
    #expect(frames(.trampoline) == trampoline, sourceLocation: location)
    #expect(
      frames(.bookkeeping).allSatisfy { memory.handedOut.contains(PhysicalAddress($0 << 12)) },
      sourceLocation: location)
    #expect(frames(.bookkeeping).count == bookkeepingFrameCount, sourceLocation: location)
    #expect(found[.data] ?? [] == data, sourceLocation: location)
    #expect(
      (found[Slot.Kind.none] ?? []).allSatisfy { $0.slot == .unused }, sourceLocation: location)
    for kind in [Slot.Kind.notRAM, .kernel, .module, .firmware] {
      #expect(found[kind] == nil, sourceLocation: location)
    }

    let all = usable.reduce(0) { $0 + UInt64($1.count) }
    let used = found.filter { $0.key != .none }.values.joined().reduce(0) {
      $0 + UInt64($1.frames.count)
    }
    #expect(frameCount == all && usedCount == used, sourceLocation: location)
    #expect(freeCount == all - used, sourceLocation: location)
  }

  /// The number of the highest frame of RAM.
  private var highestFrame: UInt64 {
    reports.filter(\.kind.isRAM).map { ($0.end - 1) >> 12 }.max()!
  }

  /// The highest usable frame below 1 MiB, but not frame 0.
  private var trampoline: Set<UInt64> {
    Set(usable.map { $0.clamped(to: 0..<0x100) }.compactMap(\.last).suffix(1))
  }
}

extension Slot {
  /// That of a frame which the kernel does not hand out.
  fileprivate init(of kind: RegionKind?) {
    switch kind {
    case .kernel: self.init(.reserved, .kernel)
    case .module: self.init(.reserved, .module)
    case .acpi, .nvs: self.init(.reserved, .firmware)
    case .bootInformation: self = .unused
    default: self.init(.reserved, .notRAM)
    }
  }
}
