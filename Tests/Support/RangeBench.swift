import Addressing
import Frames

/// An allocator that gets the frames it needs.
package final class RangeBench {
  private var frames: SimulatedFrames
  private var allocator: RangeAllocator<SimulatedMemory>

  package init(_ numbers: Range<UInt64>) throws {
    var frames = SimulatedFrames(of: SimulatedMemory(byteCount: 1 << 20))
    try frames.reserve(1)
    allocator = RangeAllocator(numbers, memory: frames.memory, lending: frames.takeFrame())
    self.frames = frames
  }

  package var lentCount: Int { frames.takenCount }
  package var count: Int { allocator.count }
  package var freeCount: UInt64 { allocator.freeCount }

  package func take(_ count: UInt64, order: UInt64 = 0, at index: UInt64 = 0) -> Range<UInt64>? {
    while allocator.needsFrame {
      try! frames.reserve(1)
      allocator.lend(frames.takeFrame())
    }
    return allocator.take(count, order: order, at: index)
  }

  package func reservation(of number: UInt64) -> (range: Range<UInt64>, parts: UInt64)? {
    allocator.reservation(of: number)
  }

  package func firstReservation(endingAbove number: UInt64) -> Range<UInt64>? {
    allocator.firstReservation(endingAbove: number)
  }

  package func addPart(of number: UInt64) { allocator.addPart(of: number) }

  package func removePart(of number: UInt64) -> Bool { allocator.removePart(of: number) }

  package func giveBack(_ first: UInt64) { allocator.giveBack(first) }
}
