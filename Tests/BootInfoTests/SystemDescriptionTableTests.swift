// ACPI's table header, and the root table.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct SystemDescriptionTableTests {
  private let table = ACPIBuilder.table("SSDT", revision: 2, Array(1...100))

  @Test func header() throws {
    // The header alone, as who does not know the length yet has it.
    let header = try readHeader(Array(table[..<36])).get()
    #expect(header.signature.rawValue == 0x5444_5353)
    #expect(header.tableByteCount == 136)
    #expect(header.revision == 2)
    let whole = try readTable(table + [0xee, 0xee]).get()
    #expect(whole.byteCount == 136 && whole.oemID == Array("MAKER ".utf8))
    #expect(try readTable(ACPIBuilder.table("SSDT")).get().byteCount == 36)
  }

  @Test func signatures() throws {
    for (letters, signature) in [
      ("RSDT", TableSignature.rsdt), ("XSDT", .xsdt), ("APIC", .madt), ("HPET", .hpet),
    ] {
      #expect(try readHeader(ACPIBuilder.table(letters)).get().signature == signature)
      #expect(try readHeader(table).get().signature != signature)
    }
  }

  @Test func lengths() {
    for length: UInt32 in [0, 8, 35] {
      let bytes = ACPIBuilder.table("SSDT", length: length)
      #expect(readHeader(bytes).isError(.lengthTooSmall, at: 4))
      #expect(readTable(bytes).isError(.lengthTooSmall, at: 4))
    }
    for length: UInt32 in [1 << 24 + 1, 0x8000_0000, .max] {
      let bytes = ACPIBuilder.table("SSDT", length: length)
      #expect(readHeader(bytes).isError(.lengthTooLarge, at: 4))
      #expect(readTable(bytes).isError(.lengthTooLarge, at: 4))
    }
    let longest = ACPIBuilder.table("SSDT", length: 1 << 24)
    #expect(readHeader(longest).value?.tableByteCount == 16_777_216)
    #expect(readTable(longest).isError(.truncated, at: 4))
  }

  @Test func truncated() {
    for length in 0..<36 {
      #expect(readHeader(Array(table[..<length])).isError(.truncated, at: 0))
      #expect(readTable(Array(table[..<length])).isError(.truncated, at: 0))
    }
    for length in 36..<table.count {
      #expect(readTable(Array(table[..<length])).isError(.truncated, at: 4))
    }
  }

  /// Every value of every byte but the length's: all wrong ones are found.
  @Test func damage() {
    for offset in table.indices where !(4..<8).contains(offset) {
      for change in 1...UInt8.max {
        let bytes = table.replacing(at: offset, [table[offset] ^ change])
        #expect(readTable(bytes).isError(.wrongChecksum, at: 9))
      }
    }
  }

  @Test func damagedLength() {
    for offset in 4..<8 {
      for change in 1...UInt8.max {
        let bytes = table.replacing(at: offset, [table[offset] ^ change])
        let (error, length) = (readTable(bytes).error, Int(bytes[4]))
        #expect(error?.offset == (offset == 4 && (36..<136).contains(length) ? 9 : 4))
      }
    }
  }

  @Test func rootTables() throws {
    let narrow = ACPIBuilder.table(
      "RSDT", UInt32(0x1000).bytes + UInt32(0).bytes + UInt32.max.bytes)
    #expect(try readRootTable(narrow, .rsdt).get() == [0x1000, nil, 0xffff_ffff])
    let wide = ACPIBuilder.table(
      "XSDT", UInt64(0x1_0000_0000).bytes + UInt64(0).bytes + UInt64(0x0102_0304_0506_0708).bytes)
    #expect(
      try readRootTable(wide, .xsdt).get() == [0x1_0000_0000, nil, 0x0102_0304_0506_0708])
    #expect(try readRootTable(ACPIBuilder.table("RSDT"), .rsdt).get() == [])
    #expect(try readRootTable(ACPIBuilder.table("XSDT"), .xsdt).get() == [])
  }

  @Test func rootTableWithAPieceAtItsEnd() throws {
    let numbers = (0..<24).map { UInt8($0 + 1) }
    for length in 0...24 {
      let body = Array(numbers[..<length])
      let narrow = try readRootTable(ACPIBuilder.table("RSDT", body), .rsdt).get()
      #expect(
        narrow
          == [
            0x0403_0201, 0x0807_0605, 0x0c0b_0a09, 0x100f_0e0d, 0x1413_1211,
            0x1817_1615,
          ].prefix(length / 4).map { $0 })
      let wide = try readRootTable(ACPIBuilder.table("XSDT", body), .xsdt).get()
      #expect(
        wide
          == [0x0807_0605_0403_0201, 0x100f_0e0d_0c0b_0a09, 0x1817_1615_1413_1211]
          .prefix(length / 8).map { $0 })
    }
  }

  /// The XSDT's entries at every alignment there is.
  @Test func alignments() throws {
    let address: UInt64 = 0xfedc_ba98_7654_3210
    let table = ACPIBuilder.table("XSDT", address.bytes + (~address).bytes)
    for shift in 0..<8 {
      let padded = Array(repeating: UInt8(0xee), count: shift) + table
      let entries = try GuardedMemory().with(padded) { bytes in
        let root = try RootSystemDescriptionTable(
          SystemDescriptionTable(bytes.extracting(shift..<bytes.byteCount)), .xsdt)
        return (0..<root.count).map { root[$0]?.rawValue }
      }
      #expect(entries == [address, ~address])
    }
  }

  @Test func otherTables() {
    let (rsdt, xsdt) = (ACPIBuilder.table("RSDT"), ACPIBuilder.table("XSDT"))
    #expect(readRootTable(rsdt, .xsdt).isError(.wrongSignature, at: 0))
    #expect(readRootTable(xsdt, .rsdt).isError(.wrongSignature, at: 0))
    for bytes in [rsdt, xsdt, table] {
      #expect(readMADT(bytes).isError(.wrongSignature, at: 0))
      #expect(readHPET(bytes).isError(.wrongSignature, at: 0))
    }
  }

  @Test func everyReasonHasWords() {
    var raw: UInt8 = 0
    var words: Set<String> = []
    while let reason = ACPIError.Reason(rawValue: raw) {
      words.insert("\(reason.message)")
      raw += 1
    }
    #expect(raw == 11 && words.count == 11)
  }
}
