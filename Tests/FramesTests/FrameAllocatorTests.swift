// The frame allocator against a plain set of frame numbers.

import Addressing
import Frames
import PageTables
import TestSupport
import Testing

private func frames(_ range: Range<UInt64>) -> Range<PhysicalAddress> {
  PhysicalAddress(range.lowerBound << 12)..<PhysicalAddress(range.upperBound << 12)
}

/// Every frame of it can be written: the allocator's own and those it clears.
private final class AllMemory: PhysicalMemory {
  var frames: [UInt64: UnsafeMutablePointer<UInt64>] = [:]

  func table(at address: PhysicalAddress) -> TableEntries {
    precondition(address.isAligned(to: .size4KiB))
    if frames[address.rawValue] == nil {
      frames[address.rawValue] = .allocate(capacity: TableEntries.count)
      frames[address.rawValue]!.update(
        repeating: SimulatedMemory.garbage, count: TableEntries.count)
    }
    return TableEntries(unsafeBase: frames[address.rawValue]!)
  }

  deinit { for frame in frames.values { frame.deallocate() } }
}

@Suite struct FrameAllocatorTests {
  /// 16 MiB from 1 MiB on, 8 MiB below 4 GiB and 32 MiB above.
  private static let regions: [Range<UInt64>] = [
    0x100..<0x1100, 0xf_f800..<0x10_0000, 0x10_0000..<0x10_2000,
  ]

  private func allocator(_ memory: AllMemory) -> FrameAllocator<AllMemory> {
    var allocator = FrameAllocator(memory: memory, keeping: PhysicalAddress(0xff000))
    for region in Self.regions { allocator.add(frames(region)) }
    return allocator
  }

  @Test func takesInRegionsWithoutTouchingThem() {
    let memory = AllMemory()
    let allocator = allocator(memory)
    let (all, free, used, longest) = (
      allocator.frameCount, allocator.freeCount, allocator.usedCount, allocator.longestRun
    )
    #expect((all, free, used) == (0x3800, 0x3800, 0))
    // The regions on both sides of 4 GiB are one run.
    #expect(longest == 0x2800)
    #expect(Array(memory.frames.keys) == [0xff000])
  }

  @Test func frame0StaysOut() throws {
    var allocator = FrameAllocator(memory: AllMemory(), keeping: PhysicalAddress(0xff000))
    allocator.add(frames(0..<1))
    allocator.add(frames(1..<3))
    let count = allocator.frameCount
    #expect(count == 2)
    let taken = try allocator.allocate(2)
    #expect(taken == frames(1..<3))
  }

  /// Many regions, so that nodes run short: no frame that somebody has is ever lent for them.
  @Test func takingOverSparesWhatIsInUse() throws {
    let count = 500
    var early = EarlyFrameAllocator(
      unsafeStorage: hostStorage(count * EarlyFrameAllocator.bytesPerRange))
    let regions = (0..<UInt64(count)).map { 0x100 + 4 * $0..<0x103 + 4 * $0 }
    for region in regions { early.add(frames(region)) }
    try early.reserve(200)
    var inUse = Set<UInt64>()
    for _ in 0..<200 { inUse.insert(early.takeFrame().rawValue) }

    let memory = AllMemory()
    var allocator = FrameAllocator(memory: memory, keeping: PhysicalAddress(0xff000))
    for region in regions { allocator.add(frames(region), except: early) }
    #expect(inUse.isDisjoint(with: memory.frames.keys))
    let (all, used) = (allocator.frameCount, allocator.usedCount)
    #expect(all == UInt64(3 * count))
    // Its own frames, but the one it was given, and those that were in use.
    #expect(used == UInt64(memory.frames.count - 1 + inUse.count))
    var handedOut = Set<UInt64>()
    while let frame = try? allocator.allocate(1) { handedOut.insert(frame.lowerBound.rawValue) }
    #expect(inUse.isDisjoint(with: handedOut))
    #expect(UInt64(handedOut.count) == all - used)
  }

  @Test func highFramesGoFirstAndLowOnesOnRequest() throws {
    var allocator = allocator(AllMemory())
    let first = try allocator.allocate(1)
    #expect(first == frames(0x10_0000..<0x10_0001))
    let low = try allocator.allocate(1, below: PhysicalAddress(4 << 30))
    #expect(low == frames(0x100..<0x101))
    let below16MiB = try allocator.allocate(0x800, order: 9, below: PhysicalAddress(16 << 20))
    #expect(below16MiB == frames(0x200..<0xa00))
    #expect(throws: OutOfFrames(needed: 0x800, available: 0x1fff)) {
      _ = try allocator.allocate(0x800, below: PhysicalAddress(16 << 20))
    }
  }

  @Test func zeroedFramesAreZeroAndNoOthersAreTouched() throws {
    let memory = AllMemory()
    var allocator = allocator(memory)
    let taken = try allocator.allocate(3, isZeroed: true)
    for frame in stride(from: taken.lowerBound.rawValue, to: taken.upperBound.rawValue, by: 4096) {
      let words = memory.table(at: PhysicalAddress(frame))
      #expect((0..<TableEntries.count).allSatisfy { words[word: $0] == 0 })
    }
    _ = try allocator.allocate(5)
    #expect(memory.frames.count == 1 + 3)
  }

  /// Random runs of every size and alignment: disjoint, aligned, below their limit, and the
  /// statistics add up to RAM all the time. In the end all of it comes together again.
  @Test(arguments: 1...4) func agreesWithASet(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let memory = AllMemory()
    var allocator = allocator(memory)
    var used = Set<UInt64>()
    var taken: [Range<UInt64>] = []
    for _ in 0..<5000 {
      if taken.isEmpty || Int.random(in: 0..<5, using: &random) > 1 {
        let count = UInt64.random(in: 1...(Bool.random(using: &random) ? 4 : 600), using: &random)
        let order = UInt64.random(in: 0...10, using: &random)
        let limit: UInt64? = Bool.random(using: &random) ? 0x10_0000 : nil
        let range: Range<PhysicalAddress>
        do {
          range = try allocator.allocate(
            count, order: order, below: limit.map { PhysicalAddress($0 << 12) })
        } catch {
          continue
        }
        let numbers = range.lowerBound.rawValue >> 12..<range.upperBound.rawValue >> 12
        #expect(UInt64(numbers.count) == count && numbers.lowerBound % (1 << order) == 0)
        #expect(numbers.upperBound <= limit ?? .max)
        #expect(Self.regions.contains { $0.contains(numbers.lowerBound) })
        #expect(used.isDisjoint(with: numbers))
        used.formUnion(numbers)
        taken.append(numbers)
      } else {
        taken.swapAt(Int.random(in: taken.indices, using: &random), taken.count - 1)
        let numbers = taken.removeLast()
        used.subtract(numbers)
        allocator.giveBack(frames(numbers))
      }
      let (free, all, own) = (
        allocator.freeCount, allocator.frameCount, allocator.usedCount - UInt64(used.count)
      )
      #expect(free + UInt64(used.count) + own == all)
      // Its own frames hold 64 nodes each, the one it was given besides.
      #expect(own <= UInt64(taken.count) / 32 + 1)
    }
    for numbers in taken { allocator.giveBack(frames(numbers)) }
    let (usedCount, longest) = (allocator.usedCount, allocator.longestRun)
    #expect(UInt64(memory.frames.count) == usedCount + 1)
    #expect(longest >= 0x2800 - usedCount)
  }

  @Test func outOfFramesLeavesEverythingAsItWas() throws {
    var allocator = allocator(AllMemory())
    #expect(throws: OutOfFrames(needed: 0x2801, available: 0x2800)) {
      _ = try allocator.allocate(0x2801)
    }
    #expect(throws: OutOfFrames(needed: 0x3801, available: 0x3800)) {
      try allocator.reserve(0x3801)
    }
    let free = allocator.freeCount
    #expect(free == 0x3800)
  }

  /// Every single frame can be had, one by one, for page tables too.
  @Test func givesTheLastFrame() throws {
    var allocator = allocator(AllMemory())
    try allocator.reserve(0x3800)
    var numbers = Set<UInt64>()
    for _ in 0..<0x3800 { numbers.insert(allocator.takeFrame().rawValue >> 12) }
    #expect(numbers == Set(Self.regions.joined()))
    #expect(throws: OutOfFrames(needed: 1, available: 0)) { try allocator.reserve(1) }
    #expect(throws: OutOfFrames(needed: 1, available: 0)) { _ = try allocator.allocate(1) }
  }
}
