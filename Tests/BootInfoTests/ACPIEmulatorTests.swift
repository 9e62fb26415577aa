// The tables of QEMU 7.2, read out of the memory of its machines: the q35 with four processors and
// room for a fifth under SeaBIOS, which gives an RSDT, and with two under OVMF, which gives an XSDT.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct ACPIEmulatorTests {
  @Test func rootsUnderSeaBIOS() throws {
    let pointer = try readRootPointer(
      Array(hexadecimal: "525344205054522017424f4348532000 1224fe07")
    ).get()
    #expect(pointer.rootTable.rawValue == 0x7fe_2412)
    #expect(pointer.kind == .rsdt && pointer.revision == 0)
    let root = Array(
      hexadecimal: """
        52534454380000000184424f434853204258504320202020010000004258504301000000
        ea21fe07de22fe077623fe07ae23fe07ea23fe07
        """)
    #expect(try readTable(root).get().oemID == Array("BOCHS ".utf8))
    #expect(
      try readRootTable(root, .rsdt).get()
        == [0x7fe_21ea, 0x7fe_22de, 0x7fe_2376, 0x7fe_23ae, 0x7fe_23ea])
  }

  @Test func rootsUnderOVMF() throws {
    let pointer = try readRootPointer(
      Array(
        hexadecimal: """
          52534420505452208e424f434853200274d0770724000000e8d0770700000000a6000000
          """)
    ).get()
    #expect(pointer.rootTable.rawValue == 0x777_d0e8)
    #expect(pointer.kind == .xsdt && pointer.revision == 2)
    let root = Array(
      hexadecimal: """
        58534454540000000133424f434853204258504320202020010000002020202013000001
        009077070000000000807707000000000070770700000000
        006077070000000000507707000000000040770700000000
        """)
    #expect(
      try readRootTable(root, .xsdt).get()
        == [0x777_9000, 0x777_8000, 0x777_7000, 0x777_6000, 0x777_5000, 0x777_4000])
  }

  @Test func processorsAndControllers() throws {
    let bytes = Array(
      hexadecimal: """
        41504943980000000133424f4348532042585043202020200100000042585043010000000000e0fe01000000
        0008000001000000 0008010101000000 0008020201000000 0008030301000000 0008040400000000
        010c00000000c0fe00000000 020a0000020000000000 020a0005050000000d00 020a0009090000000d00
        020a000a0a0000000d00 020a000b0b0000000d00 0406ff000001
        """)
    #expect(
      try readMADT(bytes).get()
        == MADTContents(
          localAPIC: 0xfee0_0000, hasDual8259: true,
          processors: (0..<4).map { .init(apicID: $0, uid: $0, isEnabled: true) },
          ioAPICs: [.init(id: 0, address: 0xfec0_0000, base: 0)]))
  }

  @Test func timer() throws {
    let bytes = Array(
      hexadecimal: """
        485045543800000001b4424f434853204258504320202020010000004258504301000000
        01a28680000000000000d0fe0000000000000000
        """)
    let timer = try readHPET(bytes).get()
    #expect(timer.address.rawValue == 0xfed0_0000)
    #expect(timer.vendor == 0x8086 && timer.comparatorCount == 3)
    #expect(timer.number == 0 && timer.minimumTick == 0)
  }

  /// The pc under SeaBIOS and the q35 under OVMF: the first edition's table and the third's.
  @Test func powerAndReset() throws {
    let first = try readFADT(
      Array(
        hexadecimal: """
          464143507400000001f1424f4348532042585043202020200100000042585043010000000000fe07
          4000fe0701000900b2000000f1f00000000600000000000004060000000000000000000008060000
          e0af0000000000000402000404000000ff0fff0f000000000000000032000000a5800000
          """)
    ).get()
    #expect(first.dsdt?.rawValue == 0x7fe_0040)
    #expect(first.commandPort == 0xb2 && first.enableValue == 0xf1)
    #expect(first.pm1aControl == GenericAddress(port: 0x604) && first.pm1bControl == nil)
    #expect(first.resetRegister == nil && !first.isHardwareReduced)

    let third = try readFADT(
      Array(
        hexadecimal: """
          46414350f40000000367424f43485320425850432020202001000000425850430100000000d0bd07
          00a0b70701000900b200000002030000000600000000000004060000000000000000000008060000
          20060000000000000402000410000000ff0fff0f000000000000000032020000a584000001080000
          f90c0000000000000f000000000000000000000000a0b70700000000012000000006000000000000
          00000000000000000000000001100000040600000000000000000000000000000000000000000000
          00000000000000000120000008060000000000000180000020060000000000000000000000000000
          00000000
          """)
    ).get()
    #expect(third.dsdt?.rawValue == 0x7b7_a000)
    #expect(third.commandPort == 0xb2 && third.enableValue == 2)
    #expect(third.pm1aControl == GenericAddress(port: 0x604) && third.pm1bControl == nil)
    #expect(third.resetRegister == GenericAddress(port: 0xcf9) && third.resetValue == 0x0f)
  }
}
