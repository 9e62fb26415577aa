// The page tables of a stopped guest, read through QEMU's monitor.

import Oracle

extension Guest {
  /// All that the page table in CR3 maps.
  func snapshot(physicalWidth: Int) throws -> Snapshot {
    let registers = try monitor.registers()
    let has5Levels = try registers["CR4"] & 1 << 12 != 0
    return try Snapshot(
      root: registers["CR3"], levels: has5Levels ? 5 : 4, physicalWidth: physicalWidth,
      readTables: readTables)
  }

  /// The entries of the tables at `addresses`, which rise. Neighbours are read together.
  func readTables(_ addresses: [UInt64]) throws -> [[UInt64]] {
    var tables: [[UInt64]] = []
    var rest = addresses[...]
    while let first = rest.first {
      let neighbours = zip(0..., rest).prefix { $1 == first + $0 * 4096 }.count
      let bytes = try monitor.physicalMemory(at: first, count: neighbours * 4096)
      bytes.withUnsafeBytes { bytes in
        for table in 0..<neighbours {
          tables.append(Array(bytes[table * 4096..<(table + 1) * 4096].assumingEntries))
        }
      }
      rest = rest.dropFirst(neighbours)
    }
    return tables
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

extension Slice<UnsafeRawBufferPointer> {
  fileprivate var assumingEntries: UnsafeBufferPointer<UInt64> {
    UnsafeRawBufferPointer(rebasing: self).assumingMemoryBound(to: UInt64.self)
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
