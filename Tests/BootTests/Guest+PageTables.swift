// The page tables of a stopped guest, as QEMU's own walk finds them.

import Oracle

extension Guest {
  /// All that the page table in CR3 maps.
  func snapshot(physicalWidth: Int) throws -> Snapshot {
    try monitor.snapshot(monitor.registers(), physicalWidth: physicalWidth)
  }

  /// The virtual addresses that QEMU itself finds mapped, and those among them it finds writable:
  /// `ffff800000000000-ffff80000009f000 000000000009f000 -rw`.
  func mappedByQEMU() throws -> (all: RangeSet<UInt64>, writable: RangeSet<UInt64>) {
    var all = RangeSet<UInt64>()
    var writable = RangeSet<UInt64>()
    for line in try monitor.tell("info mem").split(whereSeparator: \.isNewline) {
      let words = line.split(separator: " ")
      let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard words.count == 3, ends.count == 2 else { throw GuestError("info mem: \(line)") }
      all.insert(contentsOf: ends[0]..<ends[1])
      if words[2].hasSuffix("w") { writable.insert(contentsOf: ends[0]..<ends[1]) }
    }
    return (all, writable)
  }
}

/// One contiguous mapping, as a test expects it.
struct Mapping: Equatable {
  let virtual: UInt64
  let physical: UInt64
  let byteCount: UInt64
  let grants: Grants

  init(_ virtual: Range<UInt64>, to physical: UInt64, _ grants: Grants) {
    self.virtual = virtual.lowerBound
    self.physical = physical
    byteCount = virtual.upperBound - virtual.lowerBound
    self.grants = grants
  }

  init(_ run: Run) {
    virtual = run.virtual
    physical = run.physical
    byteCount = run.byteCount
    grants = run.grants
  }
}
