import Addressing
import BootInfo
import PageTables

// The frame metadata window: a slot for each frame of RAM, at
//
//     slot address = base + frame number x 16       both ways plain arithmetic
//
//     window     |slots of section 0|slots of section 1|     -     |slots of section 3|  - - -
//                 512 KiB, backed    backed             not backed
//     physical   |section 0: 32768 frames, 128 MiB|section 1 ...
//                 ####'- the slots lie in free frames of their own section, and the tables that
//                        map them
//
// Slots are backed section by section, when the first frame of a section is used; a set with a bit
// for each section says which are. Frames of the others are as the map says. Nothing here is ever
// unmapped, so no CPU ever has to forget anything.

/// The slots of all frames.
struct FrameMetadata<Memory: PhysicalMemory, Window: VirtualMemory>: ~Copyable {
  /// What each stretch of physical memory is.
  let map: MemoryMap
  /// The number of the first frame past all RAM.
  let end: UInt64

  private let memory: Memory
  private let window: Window
  private let base: VirtualAddress
  /// The window's part of the kernel page table.
  private var table: PageTable<Memory>
  /// The first of the frames, in a row, that hold the set of backed sections.
  private var sections = PhysicalAddress(0)

  /// The slots of no frame at all, in the window at `base` of `kernelPageTable`.
  ///
  /// - Precondition: `map` is normalised.
  init(
    of map: consuming MemoryMap, at base: VirtualAddress,
    in kernelPageTable: borrowing PageTable<Memory>, memory: Memory, window: Window
  ) {
    var end = PhysicalAddress(0)
    for index in 0..<map.count where map[index].kind.isRAM { end = map[index].range.upperBound }
    self.end = end.frame
    self.map = map
    self.memory = memory
    self.window = window
    self.base = base
    table = PageTable(forWindowOf: kernelPageTable)
  }

  @inline(__always)
  func slotAddress(of frame: UInt64) -> VirtualAddress {
    VirtualAddress(base.rawValue &+ frame &* FrameSlot.byteCount)
  }

  /// What is known of a frame, whether its section is backed or not; `nil` if it is no RAM.
  func find(_ frame: UInt64) -> FrameSlot? {
    guard let kind = map.kind(at: PhysicalAddress(frame: frame)), kind.isRAM else { return nil }
    return isBacked(Self.section(of: frame)) ? self[frame] : FrameSlot(of: kind)
  }

  /// The slot of a frame whose section is backed.
  @inline(__always)
  subscript(frame: UInt64) -> FrameSlot {
    get { FrameSlot(rawValue: page(of: frame)[word: wordIndex(of: frame)]) }
    nonmutating set { page(of: frame)[word: wordIndex(of: frame)] = newValue.rawValue }
  }

  /// The second word of a slot.
  @inline(__always)
  subscript(link frame: UInt64) -> UInt64 {
    get { page(of: frame)[word: wordIndex(of: frame) + 1] }
    nonmutating set { page(of: frame)[word: wordIndex(of: frame) + 1] = newValue }
  }

  /// Gives all frames of a range the same slot; their second words become anything.
  func fill(_ frames: Range<UInt64>, with slot: FrameSlot) {
    var frame = frames.lowerBound
    while frame < frames.upperBound {
      let piece = frame..<min(frames.upperBound, (frame | Self.slotMask) + 1)
      let first = wordIndex(of: piece.lowerBound)
      page(of: frame).fill(
        first..<first + 2 * Int(truncatingIfNeeded: piece.length),
        with: PageTableEntry(rawValue: slot.rawValue))
      frame = piece.upperBound
    }
  }

  /// Replaces the slots of some frames.
  @inline(__always)
  func replace(_ frames: Range<UInt64>, _ body: (FrameSlot) -> FrameSlot) {
    var frame = frames.lowerBound
    while frame < frames.upperBound {
      // As many as lie in one page of slots.
      let slots = page(of: frame)
      let end = min(frames.upperBound, (frame | Self.slotMask) &+ 1)
      var index = wordIndex(of: frame)
      while frame < end {
        slots[word: index] = body(FrameSlot(rawValue: slots[word: index])).rawValue
        frame &+= 1
        index &+= 2
      }
    }
  }

  @inline(__always)
  private func page(of frame: UInt64) -> TableEntries {
    window.page(at: slotAddress(of: frame & ~Self.slotMask))
  }

  @inline(__always)
  private func wordIndex(of frame: UInt64) -> Int {
    2 &* Int(truncatingIfNeeded: frame & Self.slotMask)
  }

  /// The bits of a frame number that choose the slot in its page of slots.
  private static var slotMask: UInt64 { 255 }
}

// Sections: 32768 frames, 128 MiB. Smaller ones would cut long runs of frames into shorter ones;
// larger ones would have more slots written when their first frame is used.
extension FrameMetadata {
  static var sectionShift: UInt64 { 15 }

  static func section(of frame: UInt64) -> UInt64 { frame >> sectionShift }

  /// The frames of a section.
  static func frames(of section: UInt64) -> Range<UInt64> {
    section << sectionShift..<(section + 1) << sectionShift
  }

  /// The frames that it takes to keep the set of backed sections.
  var setFrameCount: UInt64 {
    let bitsPerFrame = PageSize.size4KiB.byteCount * 8
    return Self.section(of: end - 1) / bitsPerFrame + 1
  }

  /// Begins with no section backed.
  ///
  /// - Parameter frame: the first of `setFrameCount` frames in a row.
  mutating func keepSet(in frame: PhysicalAddress) {
    sections = frame
    for index in 0..<setFrameCount {
      memory.table(at: frame + index * PageSize.size4KiB.byteCount).clear()
    }
  }

  func isBacked(_ section: UInt64) -> Bool {
    setFrame(of: section)[word: Self.word(of: section)] >> (section & 63) & 1 != 0
  }

  private func setFrame(of section: UInt64) -> TableEntries {
    memory.table(at: sections + (section >> 15) * PageSize.size4KiB.byteCount)
  }

  private static func word(of section: UInt64) -> Int {
    Int(truncatingIfNeeded: section >> 6 & 511)
  }

  /// The frames of a section from its first to its last frame of RAM, in whole pages of slots.
  private func reach(of section: UInt64) -> Range<UInt64> {
    let all = Self.frames(of: section)
    var (first, last) = (all.upperBound, all.lowerBound)
    forEachRegion(in: all) { (frames, kind) in
      guard kind.isRAM else { return }
      first = min(first, frames.lowerBound)
      last = frames.upperBound
    }
    precondition(first < last)
    return first & ~Self.slotMask..<(last + Self.slotMask) & ~Self.slotMask
  }

  /// The frames that hold the slots of a section.
  func slotFrameCount(of section: UInt64) -> UInt64 {
    reach(of: section).length / (Self.slotMask + 1)
  }

  /// The most tables that backing a section takes: all but the first two levels, which are there.
  var tableLimit: UInt64 { UInt64(truncatingIfNeeded: table.mode.levels - 2) }

  /// Backs a section, every frame of which is as the map says: RAM is unused or the kernel's.
  ///
  /// - Parameter frames: the numbers of free frames: the slots', then as many as tables are needed.
  /// - Returns: the frames of `frames` that were not needed.
  /// - Precondition: the section is not backed, and `frames` are enough.
  mutating func back(_ section: UInt64, by frames: Range<UInt64>) -> Range<UInt64> {
    let reach = reach(of: section)
    let slots = slotAddress(of: reach.lowerBound)..<slotAddress(of: reach.upperBound)
    let count = slotFrameCount(of: section)
    var tables = FrameRun(frames.lowerBound + count..<frames.upperBound)
    do throws(PageTableError) {
      _ = try table.map(
        slots, to: PhysicalAddress(frame: frames.lowerBound), .kernel(.write), largest: .size2MiB,
        from: &tables)
    } catch { backingFailed() }

    var reached = reach.lowerBound
    forEachRegion(in: reach) { (frames, kind) in
      fill(reached..<frames.lowerBound, with: FrameSlot(.reserved, .notRAM))
      fill(frames, with: FrameSlot(of: kind))
      reached = frames.upperBound
    }
    fill(reached..<reach.upperBound, with: FrameSlot(.reserved, .notRAM))
    if reach.lowerBound == 0, self[0] == .unused { self[0] = FrameSlot(.reserved, .firmware) }
    setFrame(of: section)[word: Self.word(of: section)] |= 1 << (section & 63)
    return tables.rest
  }

  private func forEachRegion(
    in frames: Range<UInt64>, _ body: (Range<UInt64>, RegionKind) -> Void
  ) {
    var index = map.indexOfRegion(endingAfter: PhysicalAddress(frame: frames.lowerBound))
    while index < map.count, map[index].range.lowerBound.frame < frames.upperBound {
      let region = map[index].range
      body(
        (region.lowerBound.frame..<region.upperBound.frame).clamped(to: frames), map[index].kind)
      index += 1
    }
  }
}

/// A function of its own, so that its name is in the report of the trap.
@inline(never) private func backingFailed() -> Never {
  preconditionFailure("the frame metadata window is mapped already, or its tables ran short")
}

/// Table frames out of one run.
private struct FrameRun: TableFrameSource {
  private(set) var rest: Range<UInt64>

  init(_ frames: Range<UInt64>) { rest = frames }

  mutating func reserve(_ count: Int) throws(OutOfFrames) {
    guard UInt64(count) <= rest.length else {
      throw OutOfFrames(needed: count, available: Int(rest.length))
    }
  }

  mutating func takeFrame() -> PhysicalAddress {
    defer { rest = rest.lowerBound + 1..<rest.upperBound }
    return PhysicalAddress(frame: rest.lowerBound)
  }
}

extension FrameSlot {
  /// The slot of a frame that nobody has used yet.
  fileprivate init(of kind: RegionKind) {
    switch kind {
    case .usable, .bootInformation: self = .unused
    case .kernel: self.init(.reserved, .kernel)
    case .module: self.init(.reserved, .module)
    case .acpi, .nvs: self.init(.reserved, .firmware)
    case .unusable, .framebuffer, .reserved, .persistent: self.init(.reserved, .notRAM)
    }
  }
}
