// How the machine is turned off and reset, in tables of every edition.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct FixedDescriptionTableTests {
  @Test func firstEdition() throws {
    let fadt = try readFADT(
      ACPIBuilder.fadt(
        byteCount: 116,
        [
          40: UInt32(0x7fe_0040).bytes, 48: UInt32(0xb2).bytes, 52: [0xf1],
          64: UInt32(0x604).bytes, 68: UInt32(0x704).bytes,
        ])
    ).get()
    #expect(fadt.dsdt?.rawValue == 0x7fe_0040)
    #expect(fadt.commandPort == 0xb2 && fadt.enableValue == 0xf1)
    #expect(fadt.pm1aControl == GenericAddress(port: 0x604))
    #expect(fadt.pm1bControl == GenericAddress(port: 0x704))
    #expect(fadt.resetRegister == nil && !fadt.isHardwareReduced)
  }

  @Test func nothingNamed() throws {
    let fadt = try readFADT(ACPIBuilder.fadt([:])).get()
    #expect(fadt.dsdt == nil && fadt.commandPort == nil)
    #expect(fadt.pm1aControl == nil && fadt.pm1bControl == nil && fadt.resetRegister == nil)
  }

  /// The wide fields count where they are not zero, and where they end within the table.
  @Test func wideFields() throws {
    let fields: [Int: [UInt8]] = [
      40: UInt32(0x1000).bytes, 64: UInt32(0x604).bytes, 68: UInt32(0x704).bytes,
      140: UInt64(0x1_0000_1000).bytes, 172: ACPIBuilder.register(0, 0xfed8_0804),
      184: ACPIBuilder.register(2, 0x1f_0003_0040),
    ]
    let fadt = try readFADT(ACPIBuilder.fadt(byteCount: 196, fields)).get()
    #expect(fadt.dsdt?.rawValue == 0x1_0000_1000)
    #expect(fadt.pm1aControl?.space == .memory && fadt.pm1aControl?.address == 0xfed8_0804)
    #expect(fadt.pm1bControl?.space == .pciConfiguration)
    #expect(fadt.pm1bControl?.address == 0x1f_0003_0040)

    let cut = try readFADT(
      Array(ACPIBuilder.fadt(fields)[..<195]).replacing(at: 4, UInt32(195).bytes).balanced
    ).get()
    #expect(cut.pm1aControl?.address == 0xfed8_0804)
    #expect(cut.pm1bControl == GenericAddress(port: 0x704))
    let short = try readFADT(
      Array(ACPIBuilder.fadt(fields)[..<147]).replacing(at: 4, UInt32(147).bytes).balanced
    ).get()
    #expect(short.dsdt?.rawValue == 0x1000)
    #expect(short.pm1aControl == GenericAddress(port: 0x604))
  }

  /// Bit 10 of the flags says that the register is there, bit 20 that the hardware is reduced.
  @Test func flags() throws {
    for bit in 0..<32 {
      let fadt = try readFADT(
        ACPIBuilder.fadt([
          112: (UInt32(1) << bit).bytes, 116: ACPIBuilder.register(1, 0xcf9), 128: [0x0f],
        ])
      ).get()
      #expect(fadt.isHardwareReduced == (bit == 20))
      #expect(fadt.resetRegister == (bit == 10 ? GenericAddress(port: 0xcf9) : nil))
      #expect(fadt.resetValue == (bit == 10 ? 0x0f : 0))
    }
  }

  @Test func registerSpaces() throws {
    for space in UInt8.min...UInt8.max {
      let fadt = try readFADT(
        ACPIBuilder.fadt([112: UInt32(1 << 10).bytes, 116: ACPIBuilder.register(space, 1)])
      ).get()
      let known: [GenericAddress.Space?] = [.memory, .port, .pciConfiguration]
      #expect(try #require(fadt.resetRegister).space == (space < 3 ? known[Int(space)] : nil))
    }
  }

  @Test func commandPortTooLarge() throws {
    let fadt = try readFADT(ACPIBuilder.fadt([48: UInt32(0x1_0000).bytes])).get()
    #expect(fadt.commandPort == nil)
  }

  @Test func tooShortForItsFields() {
    for length in 36..<116 {
      let cut = Array(ACPIBuilder.fadt([:])[..<length]).replacing(at: 4, UInt32(length).bytes)
      #expect(readFADT(cut.balanced).isError(.lengthTooSmall, at: 4))
    }
    #expect(readFADT(ACPIBuilder.completeMADT).isError(.wrongSignature, at: 0))
  }
}
