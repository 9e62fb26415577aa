// The MADT: processors and interrupt controllers.

import Addressing
import BootInfo
import TestSupport
import Testing

private typealias Build = ACPIBuilder

@Suite struct MultipleAPICDescriptionTableTests {
  private func ids(_ entries: [[UInt8]]) throws -> [UInt32] {
    try readMADT(Build.madt(entries)).get().processors.map(\.apicID)
  }

  @Test func everything() throws {
    #expect(
      try readMADT(Build.completeMADT).get()
        == MADTContents(
          localAPIC: 0x12_3456_7000, hasDual8259: false,
          processors: [
            .init(apicID: 0, uid: 1, isEnabled: true), .init(apicID: 9, uid: 3, isEnabled: false),
            .init(apicID: 0x1_0002, uid: 0x1000, isEnabled: true),
          ],
          ioAPICs: [
            .init(id: 8, address: 0xfec0_0000, base: 0),
            .init(id: 9, address: 0xffff_f000, base: 24),
          ]))
  }

  @Test func noEntries() throws {
    #expect(
      try readMADT(Build.madt([])).get()
        == MADTContents(localAPIC: 0xfee0_0000, hasDual8259: true))
  }

  @Test func flags() throws {
    for bit in 0..<32 {
      let bytes = Build.madt(flags: 1 << bit, [])
      #expect(try readMADT(bytes).get().hasDual8259 == (bit == 0))
    }
  }

  @Test func localAPICAddress() throws {
    // The first of several; zero is what the firmware says.
    for (entries, address): ([UInt64], UInt64) in [
      ([], 0xffff_f000), ([0x1000], 0x1000), ([.max, 7], .max), ([0, 8], 0),
    ] {
      let bytes = Build.madt(localAPIC: 0xffff_f000, entries.map(Build.localAPICAddress))
      #expect(try readMADT(bytes).get().localAPIC == address)
    }
  }

  @Test func processorFlags() throws {
    for flags: UInt32 in [0, 1, 2, 3, 4, 0xffff_fffc, 0xffff_fffd, 0xffff_fffe] {
      for entry in [
        Build.localAPIC(uid: 0xfe, id: 0xfd, flags: flags),
        Build.localX2APIC(uid: 0xfe, id: 0xfd, flags: flags),
      ] {
        let expected: [MADTContents.Processor] =
          flags % 4 == 0 ? [] : [.init(apicID: 0xfd, uid: 0xfe, isEnabled: flags % 2 == 1)]
        #expect(try readMADT(Build.madt([entry])).get().processors == expected)
      }
    }
  }

  @Test func broadcastIDs() throws {
    #expect(try ids([Build.localAPIC(uid: 1, id: 0xff, flags: 1)]) == [])
    #expect(try ids([Build.localX2APIC(uid: 1, id: .max, flags: 1)]) == [])
    #expect(try ids([Build.localX2APIC(uid: 1, id: 0xff, flags: 1)]) == [0xff])
    #expect(try ids([Build.localX2APIC(uid: 1, id: .max - 1, flags: 1)]) == [.max - 1])
  }

  @Test func listedTwice() throws {
    let wide = [UInt32(0), 1, 254, 255, 256].map { Build.localX2APIC(uid: $0, id: $0, flags: 1) }
    // No local APICs, or none that is usable: the x2APICs are all there is.
    #expect(try ids(wide) == [0, 1, 254, 255, 256])
    #expect(try ids([Build.localAPIC(uid: 0, id: 0, flags: 0)] + wide) == [0, 1, 254, 255, 256])
    #expect(try ids([Build.localAPIC(uid: 0, id: 255, flags: 1)] + wide) == [0, 1, 254, 255, 256])
    // Else the low ones are local APICs, wherever the first of these stands.
    let narrow = [UInt8(0), 1].map { Build.localAPIC(uid: $0, id: $0, flags: 1) }
    #expect(try ids(narrow + wide) == [0, 1, 255, 256])
    #expect(try ids(wide + narrow) == [255, 256, 0, 1])
    #expect(try ids([Build.localAPIC(uid: 0, id: 7, flags: 2)] + wide) == [7, 255, 256])
  }

  @Test func longerEntries() throws {
    // Fields that a later edition may append are not looked at.
    var entry = Build.localAPIC(uid: 1, id: 2, flags: 1) + Array(repeating: 0xff, count: 247)
    entry[1] = 255
    #expect(try ids([entry, Build.localAPIC(uid: 3, id: 4, flags: 1)]) == [2, 4])
  }

  @Test func tooShortForItsFields() {
    for length in 0..<8 {
      let bytes = Build.table("APIC", Array(repeating: 0, count: length))
      #expect(readMADT(bytes).isError(.lengthTooSmall, at: 4))
    }
  }

  @Test func entryTooShort() {
    for (type, least): (UInt8, UInt8) in [
      (0, 8), (1, 12), (5, 12), (9, 16), (2, 2), (0xff, 2),
    ] {
      for length in 0..<least {
        let entry = [type, length] + Array(repeating: UInt8(1), count: 30)
        let bytes = Build.madt([Build.other(7, [0]), entry])
        #expect(readMADT(bytes).isError(.entryTooShort, at: 47))
      }
    }
  }

  @Test func entryPastEnd() {
    for type: UInt8 in [0, 1, 2, 5, 9, 0xff] {
      for length: UInt8 in [21, 0x7f, 0x80, 0xff] {
        let entry = [type, length] + Array(repeating: UInt8(1), count: 18)
        #expect(readMADT(Build.madt([entry])).isError(.entryPastEnd, at: 44))
      }
    }
    // A byte that is no entry.
    #expect(readMADT(Build.madt([Build.other(3, []), [0]])).isError(.entryPastEnd, at: 46))
  }

  /// The table says the truth about its length, which cuts an entry in two.
  @Test func everyHonestPrefix() {
    let bytes = Build.completeMADT
    var ends = [44]
    while ends.last! < bytes.count { ends.append(ends.last! + Int(bytes[ends.last! + 1])) }
    for length in 36..<bytes.count {
      let cut = Array(bytes[..<length]).replacing(at: 4, UInt32(length).bytes).balanced
      let result = readMADT(cut)
      if length < 44 {
        #expect(result.isError(.lengthTooSmall, at: 4))
      } else if ends.contains(length) {
        #expect(result.error == nil)
      } else {
        #expect(result.isError(.entryPastEnd, at: ends.last { $0 < length }!))
      }
    }
  }

  @Test func manyProcessors() throws {
    // As many as fit the page of the test.
    let expected = (0..<250).map { UInt32($0) * 0x0101_0101 }
    let entries = expected.map { Build.localX2APIC(uid: ~$0, id: $0, flags: $0 % 2 == 0 ? 1 : 2) }
    let contents = try readMADT(Build.madt(entries)).get()
    #expect(contents.processors.map(\.apicID) == expected)
    #expect(contents.processors.map(\.uid) == expected.map { ~$0 })
    #expect(contents.processors.count(where: \.isEnabled) == 125)
  }
}
