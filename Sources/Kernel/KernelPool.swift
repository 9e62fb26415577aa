import Addressing
import Frames
import KernelSpace
import Machine
import PageTables

// The one way to the kernel's frames, page table and areas: each behind its own lock, taken in the
// order areas, page table, frames. Fault reports alone go around them: what holds a lock may be what
// has faulted.

/// The machine's frames.
enum KernelFrames: FramePool {
  private static let lock = SpinLock(.frames)

  static var memory: LinearMemory { KernelState.memory }

  static func withAllocator<Result: ~Copyable, Failure: Error>(
    _ body: (inout FrameAllocator<LinearMemory, MappedMemory>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try lock.withLock { () throws(Failure) in
      // SAFETY: the lock is held.
      try unsafe body(&frameAllocator!)
    }
  }
}

/// The kernel half of the address space.
enum KernelHalf: KernelAddressSpace {
  typealias Pool = KernelFrames

  private static let areaLock = SpinLock(.area)
  private static let pageTableLock = SpinLock(.pageTable)

  static var cache: CPUTranslationCache { CPUTranslationCache() }

  static var largestPage: PageSize { KernelState.largestPage }

  static var activeRoot: PhysicalAddress { PhysicalAddress(readCR3()).alignedDown(to: .size4KiB) }

  static func activate(root: PhysicalAddress) { writeCR3(root.rawValue) }

  static func withAreas<Result: ~Copyable, Failure: Error>(
    _ body: (inout VirtualAreas<LinearMemory>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try areaLock.withLock { () throws(Failure) in
      // SAFETY: the lock is held.
      try unsafe body(&virtualAreas!)
    }
  }

  static func withPageTable<Result: ~Copyable, Failure: Error>(
    _ body: (inout PageTable<LinearMemory>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try pageTableLock.withLock { () throws(Failure) in
      // SAFETY: the lock is held.
      try unsafe body(&kernelPageTable!)
    }
  }
}

typealias KernelArea = KernelVirtualArea<KernelHalf>
