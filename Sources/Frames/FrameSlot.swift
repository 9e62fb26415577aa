import Addressing

// What is kept about one frame: 16 bytes in the frame metadata window.
//
//          63      48 47   40 39  32 31              0
//         +----------+-------+------+-----------------+
//  word 0 |  unused  | state | kind | reference count |
//         +----------+-------+------+-----------------+
//  word 1 |  free for whoever has the frame           |
//         +-------------------------------------------+

/// What a frame is used for.
public enum FrameKind: UInt8, Sendable, BitwiseCopyable {
  /// Nothing: it is free.
  case none
  case notRAM
  case kernel, module
  /// ACPI tables, NVS, and frame 0.
  case firmware
  /// Kept below 1 MiB for the first code of later CPUs.
  case trampoline
  case pageTable
  /// Slots, and the set of sections that have some.
  case metadata
  /// Nodes of range trees, and what waits for a flush.
  case bookkeeping
  /// Bytes: what `Frame`, `UniqueFrame` and `Segment` own.
  case data
  /// It does not keep data: the firmware's map says RAM where there is none. Nobody gets it.
  case faulty
}

/// Who may use a frame.
public enum FrameState: UInt8, Sendable, BitwiseCopyable {
  case unused
  /// The kernel itself has it: nobody else ever gets it.
  case reserved
  /// It has as many owners as its reference count says.
  case shared
  case exclusive
  /// It has no owner any more, but a CPU may still know it: it waits for a flush.
  case busy
}

/// The first word of a slot.
package struct FrameSlot: Equatable, BitwiseCopyable {
  var rawValue: UInt64

  init(rawValue: UInt64) { self.rawValue = rawValue }

  init(_ state: FrameState, _ kind: FrameKind, count: UInt32 = 0) {
    rawValue = UInt64(state.rawValue) << 40 | UInt64(kind.rawValue) << 32 | UInt64(count)
  }

  package static var byteCount: UInt64 { 16 }
  static var unused: FrameSlot { FrameSlot(.unused, .none) }

  var state: FrameState {
    FrameState(rawValue: UInt8(truncatingIfNeeded: rawValue >> 40)) ?? .reserved
  }
  var kind: FrameKind {
    FrameKind(rawValue: UInt8(truncatingIfNeeded: rawValue >> 32)) ?? .notRAM
  }
  var count: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

  func with(_ state: FrameState) -> FrameSlot {
    FrameSlot(rawValue: rawValue & ~(0xff << 40) | UInt64(state.rawValue) << 40)
  }
}

/// Why there is no frame to be had at an address.
public enum FrameError: Error, Equatable {
  case misaligned(PhysicalAddress)
  /// Past the end of all RAM.
  case outOfRange(PhysicalAddress)
  case notRAM(PhysicalAddress)
  case unused(PhysicalAddress)
  /// It waits for a flush.
  case busy(PhysicalAddress)
  case exclusivelyOwned(PhysicalAddress)
  /// The kernel has it, for this.
  case reserved(PhysicalAddress, FrameKind)
}
