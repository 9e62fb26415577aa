// The memory that the kernel sets aside in its image, on the host from the heap.

import BootInfo

extension MemoryMap {
  /// As many regions as the kernel has room for.
  public static var kernelCapacity: Int { 1024 }

  /// An empty map with the kernel's capacity.
  public init() {
    self.init(unsafeStorage: hostStorage(Self.kernelCapacity * Self.bytesPerRegion))
  }
}

/// Memory that is never given back: few pages of it are ever touched, and a test run is short.
public func hostStorage(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
  .allocate(byteCount: byteCount, alignment: 16)
}
