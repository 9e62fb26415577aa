// Table frames for tests: those that came back last, then lowest first, as many as the test allows.

import Addressing
import PageTables

/// A pool of frames out of a simulated memory that runs dry when told to.
public struct SimulatedFrames: TableFramePool {
  public let memory: SimulatedMemory
  /// How many frames there are left to give.
  public var supply: Int
  /// The call of `reserve`, counted from 1, that fails whatever the supply is.
  public var failingReserve: Int?
  public private(set) var reserveCount = 0
  /// Frames that the last `reserve` promised and nobody took.
  public private(set) var reservedCount = 0
  public private(set) var takenCount = 0
  public private(set) var givenBackCount = 0
  /// Asked about every frame that comes back, before it can be taken again.
  public var whenGivenBack: (PhysicalAddress) -> Void = { _ in }
  private var givenBack: [PhysicalAddress] = []
  private var next: PhysicalAddress

  /// - Parameter supply: all of the memory, if it is not given.
  public init(of memory: SimulatedMemory, supply: Int? = nil) {
    self.memory = memory
    self.supply = supply ?? Int(memory.range.byteCount >> 12)
    next = memory.range.lowerBound
  }

  public mutating func reserve(_ count: Int) throws(OutOfFrames) {
    reserveCount += 1
    let available = reserveCount == failingReserve ? 0 : supply
    guard count <= available else { throw OutOfFrames(needed: count, available: available) }
    reservedCount = count
  }

  /// Traps where no `reserve` covers it.
  public mutating func takeFrame() -> PhysicalAddress {
    precondition(reservedCount > 0, "a frame is taken that was not reserved")
    reservedCount -= 1
    supply -= 1
    takenCount += 1
    let frame = givenBack.popLast() ?? next
    if frame == next { next = next + PageSize.size4KiB.byteCount }
    memory.handOut(frame)
    return frame
  }

  public var inUseCount: Int { takenCount - givenBackCount }

  public mutating func giveBack(_ frame: PhysicalAddress) {
    whenGivenBack(frame)
    memory.takeBack(frame)
    givenBack.append(frame)
    givenBackCount += 1
    supply += 1
  }
}
