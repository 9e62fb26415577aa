// ACPI structures as a second, plain reader reads them.

import Addressing
import BootInfo

/// Reads a little-endian number.
package func littleEndianNumber(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
  (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * $1) }
}

private func sumsUpToZero(_ bytes: ArraySlice<UInt8>) -> Bool {
  bytes.reduce(0) { $0 + Int($1) } % 256 == 0
}

/// The table that starts `bytes`, cut to its length; `nil` if it is not of the kind, or broken.
package func plainTable(_ bytes: [UInt8], _ signature: String, least: Int) -> [UInt8]? {
  guard bytes.count >= 36, bytes[..<4].elementsEqual(signature.utf8) else { return nil }
  let length = Int(littleEndianNumber(bytes, 4, 4))
  guard length >= least, length <= bytes.count, sumsUpToZero(bytes[..<length]) else { return nil }
  return Array(bytes[..<length])
}

package func plainRootTable(_ bytes: [UInt8], _ signature: String, _ width: Int) -> [UInt64?]? {
  guard let table = plainTable(bytes, signature, least: 36) else { return nil }
  return (0..<(table.count - 36) / width).map {
    let address = littleEndianNumber(table, 36 + $0 * width, width)
    return address == 0 ? nil : address
  }
}

package func plainMADT(_ bytes: [UInt8]) -> MADTContents? {
  guard let table = plainTable(bytes, "APIC", least: 44) else { return nil }
  var entries: [[UInt8]] = []
  var rest = table[44...]
  while !rest.isEmpty {
    guard rest.count >= 2 else { return nil }
    let (type, length) = (rest.first!, Int(rest[rest.startIndex + 1]))
    let least = [0: 8, 1: 12, 5: 12, 9: 16][type] ?? 2
    guard length >= least, length <= rest.count else { return nil }
    entries.append(Array(rest.prefix(length)))
    rest = rest.dropFirst(length)
  }
  let narrow = entries.filter { $0[0] == 0 && $0[3] != 255 && $0[4] & 3 != 0 }
  var contents = MADTContents(
    localAPIC: entries.first { $0[0] == 5 }.map { littleEndianNumber($0, 4, 8) }
      ?? littleEndianNumber(table, 36, 4),
    hasDual8259: table[40] % 2 == 1)
  for entry in entries {
    if narrow.contains(entry) {
      contents.processors.append(
        .init(apicID: UInt32(entry[3]), uid: UInt32(entry[2]), isEnabled: entry[4] % 2 == 1))
    } else if entry[0] == 9, entry[8] & 3 != 0 {
      let id = UInt32(littleEndianNumber(entry, 4, 4))
      if id == .max || id < 255 && !narrow.isEmpty { continue }
      contents.processors.append(
        .init(
          apicID: id, uid: UInt32(littleEndianNumber(entry, 12, 4)), isEnabled: entry[8] % 2 == 1))
    } else if entry[0] == 1 {
      contents.ioAPICs.append(
        .init(
          id: entry[2], address: littleEndianNumber(entry, 4, 4),
          base: UInt32(littleEndianNumber(entry, 8, 4))))
    }
  }
  return contents
}

package func plainHPET(_ bytes: [UInt8]) -> UInt64? {
  guard let table = plainTable(bytes, "HPET", least: 56), table[40] == 0 else { return nil }
  let address = littleEndianNumber(table, 44, 8)
  return address == 0 ? nil : address
}

/// Where the DSDT lies, the first control block, and the register that resets.
package func plainFADT(_ bytes: [UInt8]) -> [UInt64]? {
  guard let table = plainTable(bytes, "FACP", least: 116) else { return nil }
  func field(_ offset: Int, _ count: Int) -> UInt64 {
    table.count >= offset + count ? littleEndianNumber(table, offset, count) : 0
  }
  func wide(_ offset: Int, else narrow: Int) -> UInt64 {
    field(offset, 8) != 0 ? field(offset, 8) : field(narrow, 4)
  }
  let hasReset = table.count >= 129 && field(112, 4) >> 10 & 1 == 1
  return [wide(140, else: 40), wide(176, else: 64), hasReset ? field(120, 8) : 0]
}

package func plainRootPointer(_ bytes: [UInt8]) -> UInt64? {
  guard bytes.count >= 20, bytes[..<8].elementsEqual("RSD PTR ".utf8), sumsUpToZero(bytes[..<20])
  else { return nil }
  var address: UInt64 = 0
  if bytes[15] >= 2 {
    guard bytes.count >= 36 else { return nil }
    let length = Int(littleEndianNumber(bytes, 20, 4))
    guard length >= 36, length <= bytes.count, sumsUpToZero(bytes[..<length]) else { return nil }
    address = littleEndianNumber(bytes, 24, 8)
  }
  if address == 0 { address = littleEndianNumber(bytes, 16, 4) }
  return address == 0 ? nil : address
}

/// Compares the parser with the plain readers.
///
/// - Returns: how many of them took the bytes, and the first structure on which they disagree.
package func compareACPIReaders(_ bytes: [UInt8], in memory: GuardedMemory) -> (
  taken: Int, wrong: String?
) {
  let pointer = plainRootPointer(bytes)
  let narrow = plainRootTable(bytes, "RSDT", 4)
  let wide = plainRootTable(bytes, "XSDT", 8)
  let madt = plainMADT(bytes)
  let hpet = plainHPET(bytes)
  let fadt = plainFADT(bytes)
  let readFixed = readFADT(bytes, in: memory).value.map {
    [$0.dsdt?.rawValue ?? 0, $0.pm1aControl?.address ?? 0, $0.resetRegister?.address ?? 0]
  }
  let agreements = [
    ("RSDP", readRootPointer(bytes, in: memory).value?.rootTable.rawValue == pointer),
    ("RSDT", readRootTable(bytes, .rsdt, in: memory).value == narrow),
    ("XSDT", readRootTable(bytes, .xsdt, in: memory).value == wide),
    ("MADT", readMADT(bytes, in: memory).value == madt),
    ("HPET", readHPET(bytes, in: memory).value?.address.rawValue == hpet),
    ("FADT", readFixed == fadt),
  ]
  return (
    [
      pointer != nil, narrow != nil, wide != nil, madt != nil, hpet != nil, fadt != nil,
    ].count { $0 },
    agreements.first { !$0.1 }?.0
  )
}
