import Addressing

// The two things a page table needs from the world: to reach its tables, and to get new ones.
// The kernel reaches them through the linear mapping, a host test through an array.

/// How a physical address becomes something to load from and store to.
public protocol PhysicalMemory {
  /// The 512 entries of the table at `address`.
  ///
  /// - Precondition: `address` is a frame that holds a table, and nobody but the page table
  ///   writes to it.
  func table(at address: PhysicalAddress) -> TableEntries

  /// Whether the frame at `address` is memory at all: it must keep what is written to it. A map that
  /// invents RAM is caught here.
  ///
  /// - Parameter probes: in how many places to try, from the first word on: in all 16 of what is to
  ///   become a table.
  /// - Precondition: nobody uses the frame.
  func keepsData(at address: PhysicalAddress, probes: Int) -> Bool
}

extension PhysicalMemory {
  public func keepsData(at address: PhysicalAddress, probes: Int) -> Bool {
    table(at: address).keepData(address, probes: probes)
  }

  /// Whether the frame at `address` can become a table.
  public func canHoldTable(at address: PhysicalAddress) -> Bool {
    keepsData(at: address, probes: TableEntries.probeCount)
  }
}

/// How a virtual address of the kernel half becomes something to load from and store to.
public protocol VirtualMemory {
  /// The 512 words of the page at `address`.
  ///
  /// - Precondition: a page is mapped there, writable, and nobody but the caller writes to it.
  func page(at address: VirtualAddress) -> TableEntries
}

/// Where table frames come from, and the promise that they do come: what can fail is asked before
/// the first change.
public protocol TableFrameSource: ~Copyable {
  /// Makes sure that the next `count` calls of `takeFrame` succeed, with frames that keep data.
  mutating func reserve(_ count: Int) throws(OutOfFrames)

  /// A frame of arbitrary content that nobody else has.
  ///
  /// - Precondition: a `reserve` covers it.
  mutating func takeFrame() -> PhysicalAddress
}

/// A source that takes frames back.
public protocol TableFramePool: TableFrameSource, ~Copyable {
  /// Takes a frame that was a table, of arbitrary content, that no CPU can reach any more.
  mutating func giveBack(_ frame: PhysicalAddress)
}

/// There are fewer free frames than an operation needs.
public struct OutOfFrames: Error, Equatable {
  public let needed: Int
  public let available: Int
  /// A frame among those available that does not keep data, if that is what was found: the memory
  /// map says that there is RAM, and there is none.
  public let faultyFrame: PhysicalAddress?

  public init(needed: Int, available: Int, faultyFrame: PhysicalAddress? = nil) {
    self.needed = needed
    self.available = available
    self.faultyFrame = faultyFrame
  }
}
