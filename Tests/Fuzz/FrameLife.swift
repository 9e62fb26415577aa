import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport

private let mib: UInt64 = 1 << 20

/// Frames taken and given back as the bytes say, on RAM some of which is none, against sets of frames
/// and the raw slots.
func fuzzFrames(_ bytes: [UInt8]) -> String? {
  var life = FrameLife(SeededGenerator(bytes))
  return life?.run() ?? (life == nil ? "there is no machine to begin with" : nil)
}

private struct FrameLife {
  private let machine: SimulatedMachine
  private var random: SeededGenerator
  /// Runs of frames that the bytes have, and tables.
  private var runs: [Range<UInt64>] = []
  private var tables: [UInt64] = []
  private var held: Set<UInt64> = []
  private var named: Set<UInt64> = []
  private let usable: [Range<UInt64>]

  init?(_ generator: SeededGenerator) {
    random = generator
    // Low RAM, and some that two sections share, below or around 4 GiB.
    let edge: UInt64 = Bool.random(using: &random) ? 128 * mib : 4 << 30
    let reports = [
      Report(0, 0x8_0000, .usable), Report(mib, 4 * mib, .usable),
      Report(2 * mib, 2 * mib + 0x8000, .kernel), Report(edge - 2 * mib, edge + 3 * mib, .usable),
    ]
    guard let machine = try? SimulatedMachine(reports) else { return nil }
    self.machine = machine
    usable = [
      1..<0x80, 0x100..<0x200, 0x208..<0x400, (edge - 2 * mib) >> 12..<(edge + 3 * mib) >> 12,
    ]
  }

  mutating func run() -> String? {
    var steps = 0
    while !random.isExhausted {
      if let complaint = step() { return "step \(steps): \(complaint)" }
      steps += 1
    }
    if let complaint = compareSlots() { return complaint }
    for run in runs { machine.frames.giveBack(addresses(run)) }
    for table in tables { machine.frames.giveBack(PhysicalAddress(frame: table)) }
    (runs, tables, held) = ([], [], [])
    return compareSlots()
  }

  private func addresses(_ run: Range<UInt64>) -> Range<PhysicalAddress> {
    PhysicalAddress(frame: run.lowerBound)..<PhysicalAddress(frame: run.upperBound)
  }

  private func isFaulty(_ frame: UInt64) -> Bool {
    machine.memory.faultyFrames.contains(PhysicalAddress(frame: frame))
  }

  private mutating func step() -> String? {
    let free = machine.freeCount
    do throws(OutOfFrames) {
      switch UInt8.random(in: 0..<8, using: &random) {
      case 0..<3: if let complaint = try take() { return complaint }
      case 3: if let complaint = try takeTables() { return complaint }
      case 4, 5:
        guard let index = runs.indices.randomElement(using: &random) else { return nil }
        giveBack(index)
      case 6:
        guard let index = tables.indices.randomElement(using: &random) else { return nil }
        let table = tables.remove(at: index)
        held.remove(table)
        machine.frames.giveBack(PhysicalAddress(frame: table))
      default:
        let frame = UInt64.random(in: usable.randomElement(using: &random)!, using: &random)
        if !held.contains(frame) {
          machine.memory.faultyFrames.insert(PhysicalAddress(frame: frame))
        }
      }
    } catch {
      // A failure takes nothing but what slots and nodes took, and the frame that it names.
      if machine.freeCount > free { return "a failure frees frames" }
      guard let faulty = error.faultyFrame else { return nil }
      if !isFaulty(faulty.frame) { return "\(faulty) is called faulty" }
      if !named.insert(faulty.frame).inserted { return "\(faulty) is named twice" }
    }
    return nil
  }

  private mutating func take() throws(OutOfFrames) -> String? {
    let isData = UInt8.random(in: 0..<4, using: &random) > 0
    let order = UInt64.random(in: 0...6, using: &random)
    let count = UInt64.random(
      in: 1...UInt64(1) << UInt64.random(in: 0...8, using: &random), using: &random)
    let limit: PhysicalAddress? = [nil, nil, PhysicalAddress(mib), PhysicalAddress(3 * mib)]
      .randomElement(using: &random)!
    let isZeroed = Bool.random(using: &random)
    let run = try machine.frames.allocate(
      count, as: isData ? .data : .bookkeeping, order: order, below: limit, isZeroed: isZeroed
    ).frames
    if UInt64(run.count) != count || run.lowerBound % (1 << order) != 0 {
      return "\(run) does not fit"
    }
    if let limit, PhysicalAddress(frame: run.upperBound) > limit { return "\(run) lies too high" }
    if isZeroed {
      for frame in run
      where machine.memory.readTables([frame << 12])[0].contains(where: { $0 != 0 }) {
        return "\(frame) is not zeros"
      }
    }
    runs.append(run)
    return note(run, mayBeFaulty: isData)
  }

  private mutating func takeTables() throws(OutOfFrames) -> String? {
    let count = Int.random(in: 1...40, using: &random)
    try machine.frames.reserve(count)
    for _ in 0..<count {
      let table = machine.frames.takeFrame().frame
      tables.append(table)
      if let complaint = note(table..<table + 1, mayBeFaulty: false) { return complaint }
    }
    return nil
  }

  private mutating func note(_ run: Range<UInt64>, mayBeFaulty: Bool) -> String? {
    if !usable.contains(where: { $0.clamped(to: run) == run }) { return "\(run) is no RAM" }
    for frame in run {
      if !held.insert(frame).inserted { return "frame \(frame) is handed out twice" }
      if named.contains(frame) { return "frame \(frame) was called faulty" }
      // What was memory once, when it was tried, is taken to be memory still.
      if !mayBeFaulty, isFaulty(frame),
        machine.memory.triedFrames[PhysicalAddress(frame: frame)] == nil
      {
        return "frame \(frame) is no memory, and was not tried"
      }
    }
    return nil
  }

  /// Gives back a run, or one end of it.
  private mutating func giveBack(_ index: Int) {
    let run = runs.remove(at: index)
    let cut = UInt64.random(in: run.lowerBound...run.upperBound, using: &random)
    let (first, second) = (run.lowerBound..<cut, cut..<run.upperBound)
    let (back, kept) = Bool.random(using: &random) ? (first, second) : (second, first)
    if !kept.isEmpty { runs.append(kept) }
    guard !back.isEmpty else { return }
    machine.frames.giveBack(addresses(back))
    held.subtract(back)
  }

  /// The raw slots say of each frame what is known of it, and as many are free as are counted.
  private func compareSlots() -> String? {
    let snapshot = Snapshot(
      root: machine.kernelTable.root.rawValue, levels: machine.kernelTable.mode.levels,
      readTables: machine.memory.readTables)
    let slots = SlotTable(
      snapshot, in: Windows(levels: machine.kernelTable.mode.levels).frameMetadata,
      readTables: machine.memory.readTables)
    if let problem = slots.problems.first ?? snapshot.problems.first { return problem }
    var free: UInt64 = 0
    for range in usable {
      for frame in range {
        // Where there is no slot yet nobody has been.
        let slot = slots[frame] ?? .unused
        let isFree = slot == .unused
        if isFree, !named.contains(frame) { free += 1 }
        if held.contains(frame), isFree { return "frame \(frame) is held, and said to be unused" }
        if !held.contains(frame), slot.kind == .data { return "frame \(frame) has no owner" }
        if slot.kind == .faulty, !named.contains(frame), !isFaulty(frame) {
          return "frame \(frame) is called faulty"
        }
      }
    }
    return free == machine.freeCount ? nil : "\(machine.freeCount) free, not \(free)"
  }
}
