// A machine that stands still, as it looks from outside: what the CPU's registers and the tables
// in memory say, whoever emulates it.

import Oracle

protocol PhysicalMemoryReader {
  func physicalMemory(at address: UInt64, count: Int) throws -> [UInt8]
}

extension Monitor: PhysicalMemoryReader {}

extension PhysicalMemoryReader {
  /// All that the page table in CR3 maps.
  func snapshot(_ registers: Registers, physicalWidth: Int) throws -> Snapshot {
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
      let bytes = try physicalMemory(at: first, count: neighbours * 4096)
      bytes.withUnsafeBytes { bytes in
        for table in 0..<neighbours {
          tables.append(Array(bytes[table * 4096..<(table + 1) * 4096].assumingEntries))
        }
      }
      rest = rest.dropFirst(neighbours)
    }
    return tables
  }
}

extension Slice<UnsafeRawBufferPointer> {
  fileprivate var assumingEntries: UnsafeBufferPointer<UInt64> {
    UnsafeRawBufferPointer(rebasing: self).assumingMemoryBound(to: UInt64.self)
  }
}

/// What is seen of the kernel at one moment.
struct Sight {
  let registers: Registers
  let table: Snapshot
  let slots: SlotTable
  /// What lies where the kernel's text should.
  let text: [UInt8]

  init(
    _ registers: Registers, _ memory: some PhysicalMemoryReader, physicalWidth: Int,
    _ image: LoadedImage
  ) throws {
    self.registers = registers
    table = try memory.snapshot(registers, physicalWidth: physicalWidth)
    slots = try SlotTable(
      table, in: Windows(levels: table.levels).frameMetadata, readTables: memory.readTables)
    let range = try image.kernel["text_start", "text_end"]
    text = try memory.physicalMemory(at: image.physical(range.lowerBound), count: range.count)
  }
}
