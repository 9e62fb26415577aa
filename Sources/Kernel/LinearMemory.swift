import Addressing
import PageTables

/// Physical memory through the linear mapping. The boot page table has it at the same base, for the
/// first 4 GiB, so one value serves before activation and after.
struct LinearMemory: PhysicalMemory {
  /// Where the linear mapping begins.
  let base: VirtualAddress

  func table(at address: PhysicalAddress) -> TableEntries {
    let pointer = unsafe UnsafeMutablePointer<UInt64>(bitPattern: UInt(pointer(to: address)))
    // SAFETY: a table lies at `address`, as the protocol demands; it was taken from RAM that the
    // linear mapping holds. Only a fault report may follow a damaged entry: it faults again, and the
    // handler has an end for that.
    return unsafe TableEntries(unsafeBase: pointer.unsafelyUnwrapped)
  }

  /// `count` bytes of physical memory.
  ///
  /// - Precondition: they are RAM that the linear mapping holds, and nobody writes to it or gives
  ///   it back before the last use of the span.
  @_lifetime(immortal)
  func bytes(at address: PhysicalAddress, count: Int) -> RawSpan {
    // SAFETY: by the precondition the bytes are there as long as the span is used.
    unsafe mappedBytes(at: VirtualAddress(pointer(to: address)), count: count)
  }

  private func pointer(to address: PhysicalAddress) -> UInt64 {
    base.rawValue + address.rawValue
  }
}

/// The kernel half through its own addresses.
struct MappedMemory: VirtualMemory {
  func page(at address: VirtualAddress) -> TableEntries {
    let pointer = unsafe UnsafeMutablePointer<UInt64>(bitPattern: UInt(address.rawValue))
    // SAFETY: a page is mapped there, as the protocol demands.
    return unsafe TableEntries(unsafeBase: pointer.unsafelyUnwrapped)
  }
}

/// `count` bytes at a virtual address: they are mapped as long as the span is used, and nobody
/// writes to them.
@unsafe @_lifetime(immortal)
func mappedBytes(at address: VirtualAddress, count: Int) -> RawSpan {
  let start = unsafe UnsafeRawPointer(bitPattern: UInt(address.rawValue))
  // SAFETY: the caller vouches for the bytes; the kernel half begins above 0.
  let span = unsafe RawSpan(_unsafeStart: start.unsafelyUnwrapped, byteCount: count)
  return unsafe _overrideLifetime(span, copying: ())
}
