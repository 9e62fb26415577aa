// Where the high precision event timer is.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct HPETDescriptionTableTests {
  private let bytes = ACPIBuilder.hpet(
    block: 0x8086_a701, address: 0x1_fed0_0000, number: 3, tick: 0x1234)

  @Test func fields() throws {
    let timer = try readHPET(bytes).get()
    #expect(timer.address.rawValue == 0x1_fed0_0000)
    #expect(timer.vendor == 0x8086)
    #expect(timer.comparatorCount == 8)
    #expect(timer.number == 3)
    #expect(timer.minimumTick == 0x1234)
    let longer = ACPIBuilder.hpet(block: 0x8086_a701, address: 1, tail: [1, 2, 3])
    #expect(try readHPET(longer).get().address.rawValue == 1)
  }

  /// Each bit of the block's id belongs to one field or to none.
  @Test func blockBits() throws {
    for bit in 0..<32 {
      let timer = try readHPET(ACPIBuilder.hpet(block: 1 << bit, address: 0x1000)).get()
      #expect(timer.vendor == (bit >= 16 ? 1 << (bit - 16) : 0))
      #expect(timer.comparatorCount == ((8...12).contains(bit) ? 1 + 1 << (bit - 8) : 1))
    }
    #expect(try readHPET(ACPIBuilder.hpet(block: .max, address: 1)).get().comparatorCount == 32)
  }

  @Test func notInMemory() {
    for space in 1...UInt8.max {
      let bytes = ACPIBuilder.hpet(block: 0, space: space, address: 0xfed0_0000)
      #expect(readHPET(bytes).isError(.timerNotInMemory, at: 40))
    }
  }

  @Test func addressMissing() {
    #expect(readHPET(ACPIBuilder.hpet(block: 0, address: 0)).isError(.timerAddressMissing, at: 44))
    for bit in 0..<64 {
      let bytes = ACPIBuilder.hpet(block: 0, address: 1 << bit)
      #expect(readHPET(bytes).value?.address.rawValue == 1 << bit)
    }
  }

  @Test func tooShortForItsFields() {
    for length in 36..<56 {
      let cut = Array(bytes[..<length]).replacing(at: 4, UInt32(length).bytes).balanced
      #expect(readHPET(cut).isError(.lengthTooSmall, at: 4))
    }
  }
}
