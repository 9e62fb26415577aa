// The frame metadata window from outside: what the slots of all frames say, read word by word where
// the page table of the snapshot puts them. The layout of a slot is restated here.
//
//     frame number = (slot address - base) / 16        word 0:  63-48  47-40  39-32  31-0
//                                                               zero   state  kind   count

/// What the first word of a slot says.
public struct Slot: Hashable, Sendable, CustomStringConvertible {
  public enum State: UInt8, Sendable { case unused, reserved, shared, exclusive, busy }

  public enum Kind: UInt8, Sendable {
    case none, notRAM, kernel, module, firmware, trampoline, pageTable, metadata, bookkeeping, data,
      faulty
  }

  public let state: State
  public let kind: Kind
  public let count: UInt32

  public init(_ state: State, _ kind: Kind, count: UInt32 = 0) {
    (self.state, self.kind, self.count) = (state, kind, count)
  }

  /// `nil` for a word that is no slot's.
  init?(word: UInt64) {
    guard word >> 48 == 0, let state = State(rawValue: UInt8(word >> 40 & 0xff)),
      let kind = Kind(rawValue: UInt8(word >> 32 & 0xff))
    else { return nil }
    self.init(state, kind, count: UInt32(word & 0xffff_ffff))
  }

  public static let unused = Slot(.unused, .none)

  public var word: UInt64 {
    UInt64(state.rawValue) << 40 | UInt64(kind.rawValue) << 32 | UInt64(count)
  }

  public var description: String { "\(state) \(kind) \(count)" }
}

/// Frames in a row, by number, whose slots say the same.
public struct SlotRun: Equatable, Sendable, CustomStringConvertible {
  public var frames: Range<UInt64>
  public let slot: Slot

  public init(_ frames: Range<UInt64>, _ slot: Slot) { (self.frames, self.slot) = (frames, slot) }

  public var description: String { "\(hex(frames)): \(slot)" }

  /// The runs of some frames.
  public static func joining(_ slots: [UInt64: Slot]) -> [SlotRun] {
    var runs: [SlotRun] = []
    for (frame, slot) in slots.sorted(by: { $0.key < $1.key }) { runs.add(frame, slot) }
    return runs
  }
}

extension [SlotRun] {
  fileprivate mutating func add(_ frame: UInt64, _ slot: Slot) {
    if let last, last.frames.upperBound == frame, last.slot == slot {
      self[count - 1].frames = last.frames.lowerBound..<frame + 1
    } else {
      append(SlotRun(frame..<frame + 1, slot))
    }
  }
}

/// All slots that are mapped.
public struct SlotTable: Sendable {
  /// The pages of slots, lowest first.
  public let pages: [Leaf]
  /// The slots, lowest frame first, neighbours joined.
  public let runs: [SlotRun]
  /// What is wrong with the pages or with words in them.
  public let problems: [String]

  private static let slotsPerPage: UInt64 = 256

  public init(
    _ snapshot: Snapshot, in window: Range<UInt64>, readTables: ([UInt64]) throws -> [[UInt64]]
  ) rethrows {
    let pages = snapshot.leaves.filter { window.contains($0.virtual) }
    var problems: [String] = []
    for page in pages where !page.isKernelData { problems.append("\(page) is mapped amiss") }
    var runs: [SlotRun] = []
    for (page, words) in zip(pages, try readTables(pages.map(\.physical))) {
      let first = (page.virtual - window.lowerBound) >> 4
      for index in 0..<Self.slotsPerPage {
        if let slot = Slot(word: words[Int(2 * index)]) {
          runs.add(first + index, slot)
        } else {
          problems.append("the slot of frame \(hex(first + index)) is garbage")
        }
      }
    }
    (self.pages, self.runs, self.problems) = (pages, runs, problems)
  }

  /// The slot of a frame; `nil` if it is not mapped.
  public subscript(frame: UInt64) -> Slot? {
    var (low, high) = (0, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].frames.upperBound <= frame { low = middle + 1 } else { high = middle }
    }
    return low < runs.count && runs[low].frames.contains(frame) ? runs[low].slot : nil
  }
}

extension Leaf {
  /// A 4 KiB page, writable, not executable, the kernel's alone, global, write-back.
  fileprivate var isKernelData: Bool {
    shift == 12 && writable && !executable && !user && global && patIndex == 0
  }
}
