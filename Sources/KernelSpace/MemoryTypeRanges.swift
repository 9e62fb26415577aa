// What the firmware says about caching: the memory type range registers (MTRRs), decoded once,
// then asked for the memory type of any run of physical addresses. The planner asks, so that only
// write-back RAM enters the linear mapping and no large page straddles two memory types.
//
// SDM volume 3, 12.11 (Memory Type Range Registers), W being the physical address width:
//
//     63          W          12  11   10   9   8   7              0
//     +-----------+------------+----+----+---+----+----------------+
//     |                          WC at 10    |FIX | VCNT           |  0xFE     IA32_MTRRCAP
//     +-----------+------------+----+----+---+----+----------------+
//     |                        | E  | FE |        | default type   |  0x2FF    IA32_MTRR_DEF_TYPE
//     +-----------+------------+----+----+--------+----------------+
//     | reserved  | base       |                  | type           |  0x200+2n IA32_MTRR_PHYSBASEn
//     +-----------+------------+----+-------------+----------------+
//     | reserved  | mask       | V  |                              |  0x201+2n IA32_MTRR_PHYSMASKn
//     +-----------+------------+----+------------------------------+
//     | 7 | 6 | 5 | 4 | 3 | 2 | 1 | 0     eight types, 0 the lowest|  IA32_MTRR_FIX...
//     +------------------------------------------------------------+
//       0x250         0x00000 up by 64 KiB     8 fixed ranges, eight a register
//       0x258, 0x259  0x80000 up by 16 KiB    16
//       0x268...26F   0xC0000 up by  4 KiB    64, to 1 MiB

import Addressing

/// The decoded MTRRs of a CPU.
public struct MemoryTypeRanges: Sendable {
  public enum State: Sendable, BitwiseCopyable {
    /// The CPU has no MTRRs.
    case absent
    /// The firmware left them off. By the SDM all memory is then uncacheable; since no frame is
    /// singled out, the MTRRs decide nothing between frames, and the report says so.
    case disabled
    case enabled
  }

  /// The most variable ranges that fit. CPUs have 8 to 10; a 41st would already collide with
  /// the fixed ranges' MSR numbers.
  public static let capacity = 32

  public private(set) var state = State.absent
  /// The type of what no range covers.
  public private(set) var defaultType = MTRRType.undecided

  private var fixedRangesEnabled = false
  private var fixedTypes = InlineArray<11, UInt64>(repeating: 0)
  /// What is write-back by default, whatever `defaultType` says: AMD's RAM above 4 GiB.
  private var writeBackByDefault = PhysicalAddress(0)..<PhysicalAddress(0)
  private var variableCount = 0
  private var variableRanges = InlineArray<32, VariableRange>(repeating: .init())

  /// Decodes the MTRRs, reading only registers that the CPU has.
  ///
  /// - Parameters:
  ///   - areSupported: CPUID.1 EDX bit 12. Without it, no MSR is read.
  ///   - hasTopOfMemory2: Whether the CPU has AMD's SYSCFG and TOM2.
  ///   - physicalAddressWidth: The bits of base and mask that count.
  ///   - readMSR: Reads the MSR of that number.
  /// - Throws: `tooManyVariableRanges` when enabled MTRRs have more ranges than `capacity`. To
  ///   leave some out would be to map uncacheable memory as write-back.
  public init(
    areSupported: Bool, hasTopOfMemory2: Bool = false, physicalAddressWidth: Int,
    readMSR: (UInt32) -> UInt64
  ) throws(MemoryTypeRangesError) {
    guard areSupported else { return }
    let definition = readMSR(0x2ff)
    guard definition & 1 << 11 != 0 else {
      state = .disabled
      return
    }
    state = .enabled
    defaultType = MTRRType(encoding: UInt8(truncatingIfNeeded: definition))

    let capabilities = readMSR(0xfe)
    fixedRangesEnabled = capabilities & 1 << 8 != 0 && definition & 1 << 10 != 0
    if fixedRangesEnabled {
      fixedTypes[0] = readMSR(0x250)
      for index in 0..<2 { fixedTypes[1 + index] = readMSR(0x258 + UInt32(index)) }
      for index in 0..<8 { fixedTypes[3 + index] = readMSR(0x268 + UInt32(index)) }
    }

    let forced: UInt64 = 1 << 21 | 1 << 22
    if hasTopOfMemory2, readMSR(0xc001_0010) & forced == forced {
      let top = readMSR(0xc001_001d) & (1 << UInt64(PhysicalAddress.widest) - 1) & ~0x7f_ffff
      let start: UInt64 = 4 << 30
      writeBackByDefault = PhysicalAddress(start)..<PhysicalAddress(max(start, top))
    }

    let count = Int(capabilities & 0xff)
    guard count <= MemoryTypeRanges.capacity else { throw .tooManyVariableRanges(count) }
    for index in 0..<UInt32(count) {
      let mask = readMSR(0x201 + 2 * index)
      guard mask & 1 << 11 != 0 else { continue }
      variableRanges[variableCount] = VariableRange(
        base: readMSR(0x200 + 2 * index), mask: mask, addressWidth: physicalAddressWidth)
      variableCount += 1
    }
  }

  /// The memory type at `address`, and the first address above it where an MTRR may say something
  /// else; 2^64 - 1 when none does.
  ///
  /// - Complexity: O(variable ranges), however far the end lies.
  public func run(at address: PhysicalAddress) -> (type: MTRRType, end: PhysicalAddress) {
    if fixedRangesEnabled && address < MemoryTypeRanges.fixedEnd { return fixedRange(at: address) }
    var matched: MTRRType?
    let byDefault = writeBackByDefault
    var end =
      address < byDefault.lowerBound
      ? byDefault.lowerBound.rawValue
      : byDefault.contains(address) ? byDefault.upperBound.rawValue : UInt64.max
    // A subscript of the array would copy all of it for each range; its span copies once.
    let ranges = variableRanges.span
    for index in 0..<variableCount {
      let range = ranges[index]
      end = min(end, range.nextChange(after: address.rawValue))
      guard range.covers(address.rawValue) else { continue }
      matched = matched?.overlapped(by: range.type) ?? range.type
    }
    let unmatched = byDefault.contains(address) ? .writeBack : defaultType
    return (matched ?? unmatched, PhysicalAddress(end))
  }

  /// Calls `body` for each run of one memory type in `range`, lowest first. The runs are maximal:
  /// two that touch differ in type.
  ///
  /// - Complexity: O(variable ranges · register boundaries in `range`). Only a range whose mask has
  ///   holes has more than two boundaries.
  public func forEachRun<E: Error>(
    in range: Range<PhysicalAddress>,
    _ body: (Range<PhysicalAddress>, MTRRType) throws(E) -> Void
  ) throws(E) {
    var start = range.lowerBound
    while start < range.upperBound {
      let type: MTRRType
      var end: PhysicalAddress
      (type, end) = run(at: start)
      while end < range.upperBound {
        let next = run(at: end)
        guard next.type == type else { break }
        end = next.end
      }
      end = min(end, range.upperBound)
      try body(start..<end, type)
      start = end
    }
  }

  // MARK: Fixed ranges (SDM volume 3, 12.11.2.2)

  /// Below it the fixed ranges, where enabled, hide the variable ones.
  private static let fixedEnd = PhysicalAddress(1 << 20)

  private func fixedRange(at address: PhysicalAddress) -> (type: MTRRType, end: PhysicalAddress) {
    let (first, base, shift): (UInt64, UInt64, UInt64) =
      switch address.rawValue {
      case ..<0x80000: (0, 0, 16)
      case ..<0xc0000: (8, 0x80000, 14)
      default: (24, 0xc0000, 12)
      }
    let index = (address.rawValue - base) >> shift
    let field = Int(first + index)
    let type = fixedTypes[field / 8] >> UInt64(field % 8 * 8)
    return (
      MTRRType(encoding: UInt8(truncatingIfNeeded: type)),
      PhysicalAddress(base + (index + 1) << shift)
    )
  }
}

/// Why MTRRs cannot be decoded.
public enum MemoryTypeRangesError: Error, Equatable {
  /// IA32_MTRRCAP claims this many variable ranges, more than `MemoryTypeRanges.capacity`.
  case tooManyVariableRanges(Int)
}
