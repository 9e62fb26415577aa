// Physical memory for tests: page tables lie in it as they would in RAM.

import Addressing
import Foundation
import PageTables

/// A stretch of physical memory whose frames can be used once they were handed out, or, if asked
/// for, are handed out when first used. Untouched frames cost no host memory.
public final class SimulatedMemory: PhysicalMemory {
  /// What a frame holds when it is handed out: where a table is not cleared, it maps something.
  public static let garbage: UInt64 = 0xdead_beef_dead_beef

  public let range: Range<PhysicalAddress>
  /// The frames in use.
  public private(set) var handedOut: Set<PhysicalAddress> = []
  /// Where there is no memory, though the map says so.
  public var faultyFrames: Set<PhysicalAddress> = []
  /// The frames that it was tried for whether they are memory, and in how many places.
  public private(set) var triedFrames: [PhysicalAddress: Int] = [:]
  private let isHandedOut: UnsafeMutablePointer<Bool>
  private let handsOutOnUse: Bool
  private let base: UnsafeMutableRawPointer
  private let start: UInt64
  private let end: UInt64
  private var extent = 0

  /// - Parameters:
  ///   - byteCount: a multiple of 4 KiB, like `start`.
  ///   - handsOutOnUse: for frames of an allocator that knows nothing of this memory. What was used
  ///     is in `handedOut`, to be compared with what the allocator gave.
  public init(
    from start: PhysicalAddress = PhysicalAddress(1 << 20), byteCount: Int = 1 << 30,
    handsOutOnUse: Bool = false
  ) {
    range = start..<start + UInt64(byteCount)
    (self.start, end) = (range.lowerBound.rawValue, range.upperBound.rawValue)
    self.handsOutOnUse = handsOutOnUse
    isHandedOut = calloc(byteCount >> 12, 1).assumingMemoryBound(to: Bool.self)
    base = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    precondition(base != MAP_FAILED)
  }

  deinit {
    munmap(base, Int(range.byteCount))
    free(isHandedOut)
  }

  /// Traps unless `address` is a frame that was handed out or may be now.
  public func table(at address: PhysicalAddress) -> TableEntries {
    let frame = frame(address)
    if !isHandedOut[frame] {
      precondition(handsOutOnUse, "access to a frame that was never handed out")
      handOut(address)
    }
    return TableEntries(unsafeBase: entries(frame))
  }

  public func keepsData(at address: PhysicalAddress, probes: Int) -> Bool {
    triedFrames[address] = max(probes, triedFrames[address] ?? 0)
    return !faultyFrames.contains(address)
  }

  /// Makes the frame at `address` usable and fills it with garbage. Traps if it is in use.
  public func handOut(_ address: PhysicalAddress) {
    let frame = frame(address)
    precondition(!isHandedOut[frame], "a frame is handed out twice")
    isHandedOut[frame] = true
    handedOut.insert(address)
    extent = max(extent, (frame + 1) << 12)
    entries(frame).update(repeating: SimulatedMemory.garbage, count: TableEntries.count)
  }

  /// Makes the frame at `address` unusable. Traps unless it is in use.
  public func takeBack(_ address: PhysicalAddress) {
    precondition(isHandedOut[frame(address)], "a frame comes back twice")
    isHandedOut[frame(address)] = false
    handedOut.remove(address)
  }

  /// One entry as the CPU would access it, whoever owns the frame; `nil` if nobody does.
  public func entry(_ index: Int, ofTableAt address: UInt64) -> UnsafeMutablePointer<UInt64>? {
    let address = PhysicalAddress(address)
    guard range.contains(address), isHandedOut[frame(address)] else { return nil }
    return entries(frame(address)) + index
  }

  /// The entries of many tables: what the oracle reads.
  public func readTables(_ addresses: [UInt64]) -> [[UInt64]] {
    addresses.map { address in
      let address = PhysicalAddress(address)
      let frame = frame(address)
      precondition(isHandedOut[frame], "the oracle was led to a frame never handed out")
      return Array(UnsafeBufferPointer(start: entries(frame), count: TableEntries.count))
    }
  }

  /// The bytes of all frames in use, to compare before and after.
  public var image: [[UInt64]] { readTables(handedOut.map(\.rawValue).sorted()) }

  /// All bytes up to the highest frame that was ever handed out: `image`, but fast.
  public func copy() -> [UInt8] { [UInt8](UnsafeRawBufferPointer(start: base, count: extent)) }

  public func isUnchanged(since copy: [UInt8]) -> Bool {
    copy.count == extent && memcmp(copy, base, extent) == 0
  }

  /// Plain numbers: in a debug build, most of the time of many tests is spent here.
  private func frame(_ address: PhysicalAddress) -> Int {
    let raw = address.rawValue
    precondition(raw & 0xfff == 0 && raw >= start && raw < end)
    return Int((raw - start) >> 12)
  }

  private func entries(_ frame: Int) -> UnsafeMutablePointer<UInt64> {
    base.advanced(by: frame << 12).assumingMemoryBound(to: UInt64.self)
  }
}
