import PageTables

/// Where frames come from and go back to: a type whose static storage is the allocator. So a frame
/// that knows its pool by type stores nothing but its address, and each test has a pool of its own.
public protocol FramePool {
  associatedtype Memory: PhysicalMemory
  associatedtype Window: VirtualMemory

  static var memory: Memory { get }

  /// Calls `body` with the allocator, while nobody else has it: the one way to reach it.
  ///
  /// - Precondition: not called from within `body`.
  static func withAllocator<Result: ~Copyable, Failure: Error>(
    _ body: (inout FrameAllocator<Memory, Window>) throws(Failure) -> Result
  ) throws(Failure) -> Result
}
