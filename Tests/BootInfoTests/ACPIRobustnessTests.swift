// Whatever the bytes: they are refused or read as a second, plain reader reads them, and nothing
// outside them is touched. A trap or a fault would end the run.

import Addressing
import BootInfo
import TestSupport
import Testing

/// Reads a little-endian number.
private func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
  (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * $1) }
}

private func sumsUpToZero(_ bytes: ArraySlice<UInt8>) -> Bool {
  bytes.reduce(0) { $0 + Int($1) } % 256 == 0
}

/// The table that starts `bytes`, cut to its length; `nil` if it is not of the kind, or broken.
private func plainTable(_ bytes: [UInt8], _ signature: String, least: Int) -> [UInt8]? {
  guard bytes.count >= 36, bytes[..<4].elementsEqual(signature.utf8) else { return nil }
  let length = Int(number(bytes, 4, 4))
  guard length >= least, length <= bytes.count, sumsUpToZero(bytes[..<length]) else { return nil }
  return Array(bytes[..<length])
}

private func plainRootTable(_ bytes: [UInt8], _ signature: String, _ width: Int) -> [UInt64?]? {
  guard let table = plainTable(bytes, signature, least: 36) else { return nil }
  return (0..<(table.count - 36) / width).map {
    let address = number(table, 36 + $0 * width, width)
    return address == 0 ? nil : address
  }
}

private func plainMADT(_ bytes: [UInt8]) -> MADTContents? {
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
    localAPIC: entries.first { $0[0] == 5 }.map { number($0, 4, 8) } ?? number(table, 36, 4),
    hasDual8259: table[40] % 2 == 1)
  for entry in entries {
    if narrow.contains(entry) {
      contents.processors.append(
        .init(apicID: UInt32(entry[3]), uid: UInt32(entry[2]), isEnabled: entry[4] % 2 == 1))
    } else if entry[0] == 9, entry[8] & 3 != 0 {
      let id = UInt32(number(entry, 4, 4))
      if id == .max || id < 255 && !narrow.isEmpty { continue }
      contents.processors.append(
        .init(apicID: id, uid: UInt32(number(entry, 12, 4)), isEnabled: entry[8] % 2 == 1))
    } else if entry[0] == 1 {
      contents.ioAPICs.append(
        .init(id: entry[2], address: number(entry, 4, 4), base: UInt32(number(entry, 8, 4))))
    }
  }
  return contents
}

private func plainHPET(_ bytes: [UInt8]) -> UInt64? {
  guard let table = plainTable(bytes, "HPET", least: 56), table[40] == 0 else { return nil }
  let address = number(table, 44, 8)
  return address == 0 ? nil : address
}

/// Where the DSDT lies, the first control block, and the register that resets.
private func plainFADT(_ bytes: [UInt8]) -> [UInt64]? {
  guard let table = plainTable(bytes, "FACP", least: 116) else { return nil }
  func field(_ offset: Int, _ count: Int) -> UInt64 {
    table.count >= offset + count ? number(table, offset, count) : 0
  }
  func wide(_ offset: Int, else narrow: Int) -> UInt64 {
    field(offset, 8) != 0 ? field(offset, 8) : field(narrow, 4)
  }
  let hasReset = table.count >= 129 && field(112, 4) >> 10 & 1 == 1
  return [wide(140, else: 40), wide(176, else: 64), hasReset ? field(120, 8) : 0]
}

private func plainRootPointer(_ bytes: [UInt8]) -> UInt64? {
  guard bytes.count >= 20, bytes[..<8].elementsEqual("RSD PTR ".utf8), sumsUpToZero(bytes[..<20])
  else { return nil }
  var address: UInt64 = 0
  if bytes[15] >= 2 {
    guard bytes.count >= 36 else { return nil }
    let length = Int(number(bytes, 20, 4))
    guard length >= 36, length <= bytes.count, sumsUpToZero(bytes[..<length]) else { return nil }
    address = number(bytes, 24, 8)
  }
  if address == 0 { address = number(bytes, 16, 4) }
  return address == 0 ? nil : address
}

/// Compares the parser with the plain readers; says how many of them took the bytes.
private func agreed(_ bytes: [UInt8], in memory: GuardedMemory) -> Int {
  let pointer = plainRootPointer(bytes)
  #expect(readRootPointer(bytes, in: memory).value?.rootTable.rawValue == pointer)
  let narrow = plainRootTable(bytes, "RSDT", 4)
  #expect(readRootTable(bytes, .rsdt, in: memory).value == narrow)
  let wide = plainRootTable(bytes, "XSDT", 8)
  #expect(readRootTable(bytes, .xsdt, in: memory).value == wide)
  let madt = plainMADT(bytes)
  #expect(readMADT(bytes, in: memory).value == madt)
  let hpet = plainHPET(bytes)
  #expect(readHPET(bytes, in: memory).value?.address.rawValue == hpet)
  let fadt = plainFADT(bytes)
  #expect(
    readFADT(bytes, in: memory).value.map {
      [$0.dsdt?.rawValue ?? 0, $0.pm1aControl?.address ?? 0, $0.resetRegister?.address ?? 0]
    } == fadt)
  return [pointer != nil, narrow != nil, wide != nil, madt != nil, hpet != nil, fadt != nil]
    .count { $0 }
}

@Suite struct ACPIRobustnessTests {
  private let memory = GuardedMemory()

  private let structures = [
    ACPIBuilder.rootPointer(revision: 0, rsdt: 0x7fe_2412),
    ACPIBuilder.rootPointer(revision: 2, rsdt: 0x777_d074, xsdt: 0x777_d0e8, tail: [1, 2, 3, 4]),
    ACPIBuilder.table("RSDT", Array(1...23)), ACPIBuilder.table("XSDT", Array(1...47)),
    ACPIBuilder.completeMADT,
    ACPIBuilder.hpet(block: 0x8086_a201, address: 0xfed0_0000, tick: 128),
    ACPIBuilder.fadt(
      byteCount: 244,
      [
        40: UInt32(0x7fe_0040).bytes, 64: UInt32(0x604).bytes, 112: UInt32(0x84a5).bytes,
        116: ACPIBuilder.register(1, 0xcf9), 140: UInt64(0x1_07fe_0040).bytes,
        172: ACPIBuilder.register(1, 0x804),
      ]),
  ]

  @Test func everyPrefix() {
    for bytes in structures {
      #expect(agreed(bytes, in: memory) == 1)
      for length in bytes.indices { #expect(agreed(Array(bytes[..<length]), in: memory) == 0) }
    }
  }

  /// Makes the checksums of what may be a structure hold again, so that the bytes behind them are
  /// looked at.
  private func repair(_ bytes: inout [UInt8]) {
    if bytes.starts(with: Array("RSD PTR ".utf8)), bytes.count >= 20 {
      ACPIBuilder.balance(&bytes, at: 8, 0..<20)
      guard bytes.count >= 36 else { return }
      let length = Int(number(bytes, 20, 4))
      if (36...bytes.count).contains(length) { ACPIBuilder.balance(&bytes, at: 32, 0..<length) }
    } else if bytes.count >= 36 {
      let length = Int(number(bytes, 4, 4))
      if (36...bytes.count).contains(length) { ACPIBuilder.balance(&bytes, at: 9, 0..<length) }
    }
  }

  /// Bytes and lengths changed at random; half of the time with checksums that hold.
  @Test func mutated() {
    var random = SeededGenerator(seed: 23)
    var taken = 0
    let count = 20_000
    for _ in 0..<count {
      var bytes = structures.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let value: UInt8 =
          [0, 1, 2, 8, 9, 12, 0x7f, 0xff].randomElement(using: &random)!
          ^ (Bool.random(using: &random) ? 0 : .random(in: 0...255, using: &random))
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = value
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
      }
      if Bool.random(using: &random) { repair(&bytes) }
      taken += agreed(bytes, in: memory)
    }
    // Both outcomes are met, often.
    #expect(taken > count / 10 && taken < count * 9 / 10)
  }

  /// MADTs of random entries of random lengths, all with a checksum that holds.
  @Test func randomEntries() {
    var random = SeededGenerator(seed: 5)
    var taken = 0
    let count = 5000
    for _ in 0..<count {
      var body: [UInt8] = (0..<8).map { _ in .random(in: 0...255, using: &random) }
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        let type = [0, 0, 1, 2, 5, 9, 9, 200].randomElement(using: &random)!
        let length = [8, 12, 12, 16, 16, 16, 17, 40].randomElement(using: &random)!
        let fill: UInt8? = [nil, nil, 0, 255, 1].randomElement(using: &random)!
        body += [UInt8(type), UInt8(max(length, [0: 8, 1: 12, 5: 12, 9: 16][type] ?? 2))]
        for _ in 2..<Int(body.last!) {
          body.append(fill ?? .random(in: 0...255, using: &random))
        }
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        body.removeLast(min(body.count, Int.random(in: 0...20, using: &random)))
      }
      taken += agreed(ACPIBuilder.table("APIC", body), in: memory)
    }
    #expect(taken > count / 2 && taken < count)
  }

  /// Bytes that are nothing but random, behind each signature and behind none.
  @Test func random() {
    var random = SeededGenerator(seed: 71)
    for _ in 0..<5000 {
      let head = ["RSD PTR ", "RSDT", "XSDT", "APIC", "HPET", "FACP", ""].randomElement(
        using: &random)!
      var bytes = Array(head.utf8)
      for _ in 0..<Int.random(in: 0...300, using: &random) {
        bytes.append(.random(in: 0...255, using: &random))
      }
      if bytes.count >= 24, Bool.random(using: &random) {
        let offset = head.count == 8 ? 20 : 4
        bytes = bytes.replacing(at: offset, UInt32(bytes.count).bytes)
        repair(&bytes)
      }
      _ = agreed(bytes, in: memory)
    }
  }
}
