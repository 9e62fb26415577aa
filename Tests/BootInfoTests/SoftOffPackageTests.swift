// The package that turns the machine off, in whole tables of QEMU 7.2 and in damaged ones.

import BootInfo
import Foundation
import TestSupport
import Testing

@Suite struct SoftOffPackageTests {
  /// The DSDTs that QEMU 7.2 hands to the firmware of its two kinds of PC, as `acpi` in the guest's
  /// memory has them; QEMU has the machine go off at sleep type 0.
  private static func emulatorTable(_ machine: String) throws -> [UInt8] {
    let file = try #require(
      Bundle.module.url(forResource: machine, withExtension: "aml", subdirectory: "ACPITables"))
    return [UInt8](try Data(contentsOf: file))
  }

  @Test(arguments: ["pc", "q35"])
  func emulator(_ machine: String) throws {
    #expect(try readSoftOff(Self.emulatorTable(machine)).get() == [0, 0])
  }

  @Test func constants() throws {
    func types(_ elements: [UInt8], count: UInt8 = 4) throws -> [UInt8]? {
      try readSoftOff(ACPIBuilder.table("SSDT", ACPIBuilder.softOff(elements, count: count))).get()
    }
    #expect(try types([0x0a, 5, 0x0a, 6, 0, 0]) == [5, 6])
    #expect(try types([1, 0, 0, 0]) == [1, 0])
    #expect(try types([0xff, 1, 0, 0]) == [7, 1])
    #expect(try types([0x0b, 3, 0x70, 0x0c, 4, 0, 0, 0xff, 0, 0]) == [3, 4])
    #expect(try types([0x0e, 2, 0, 0, 0, 0, 0, 0, 0x80, 0x0a, 7], count: 2) == [2, 7])
    // Three bits each; of a single number, the second byte's are the second block's.
    #expect(try types([0x0a, 0xfd, 0x0a, 0x0a], count: 2) == [5, 2])
    #expect(try types([0x0b, 5, 6], count: 1) == [5, 6])
    #expect(try types([0x0a, 7], count: 1) == [7, 0])
    // No package, no numbers, or numbers that are not within it.
    #expect(try types([0, 0, 0, 0], count: 0) == nil)
    #expect(try types([0x0d, 0x35, 0, 0]) == nil)
    #expect(try types([0x0a, 5], count: 2) == nil)
    #expect(try types([0x0b, 5], count: 1) == nil)
    #expect(try types([], count: 1) == nil)
  }

  @Test func placeAndShape() throws {
    let package = ACPIBuilder.softOff([0x0a, 5, 0x0a, 5, 0, 0])
    let rooted = ACPIBuilder.softOff([0x0a, 4, 0x0a, 5, 0, 0], isRooted: true)
    func types(_ signature: String, _ body: [UInt8]) throws -> [UInt8]? {
      try readSoftOff(ACPIBuilder.table(signature, body)).get()
    }
    #expect(try types("DSDT", [1, 2, 3] + package + [4]) == [5, 5])
    #expect(try types("DSDT", rooted) == [4, 5])
    #expect(try types("DSDT", package + rooted) == [5, 5])
    // The first is broken, so the second counts.
    #expect(try types("DSDT", package.replacing(at: 5, [0x11]) + rooted) == [4, 5])
    #expect(try types("DSDT", Array(package.dropFirst())) == nil)
    #expect(try types("DSDT", Array("_S5_".utf8)) == nil)
    #expect(try types("FACP", package) == nil)
    #expect(try types("DSDT", []) == nil)
    for length in 0..<package.count { #expect(try types("DSDT", Array(package[..<length])) == nil) }
  }

  /// Lengths of more than one byte; those that run past the end are refused.
  @Test func packageLengths() throws {
    func types(_ length: [UInt8], padding: Int) throws -> [UInt8]? {
      let body = [0x08] + Array("_S5_".utf8) + [0x12] + length + [4, 0x0a, 5, 0x0a, 5, 0, 0]
      return try readSoftOff(
        ACPIBuilder.table("DSDT", body + [UInt8](repeating: 0, count: padding))
      ).get()
    }
    #expect(try types([8], padding: 0) == [5, 5])
    #expect(try types([0x49, 0x00], padding: 0) == [5, 5])
    #expect(try types([0x48, 0x01], padding: 14) == nil)
    #expect(try types([0x48, 0x01], padding: 15) == [5, 5])
    #expect(try types([0x8a, 0x00, 0x01], padding: 4095) == nil)
    #expect(try types([0x8a, 0x00, 0x01], padding: 4096) == [5, 5])
    #expect(try types([0xcb, 0x00, 0x00, 0x00], padding: 0) == [5, 5])
    #expect(try types([0xcf, 0xff, 0xff, 0xff], padding: 0) == nil)
    // Bits 5:4 have no meaning where bytes follow; a length too small for the numbers is none.
    #expect(try types([0x59, 0x00], padding: 0) == nil)
    for length in 0..<6 as Range<UInt8> { #expect(try types([length], padding: 0) == nil) }
  }

  /// Whatever becomes of a table, nothing outside it is read, and what is found is three bits each.
  @Test func damaged() throws {
    var random = SeededGenerator(seed: 11)
    let memory = GuardedMemory()
    let whole = try Self.emulatorTable("q35")
    let place = try #require(whole.firstRange(of: Array("_S5_".utf8))).lowerBound
    let table = ACPIBuilder.table("DSDT", Array(whole[(place - 500)..<(place + 200)]))
    var found = 0
    let count = 20_000
    for _ in 0..<count {
      var bytes = table
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: 530..<552, using: &random)] =
          [0, 1, 0x0a, 0x0e, 0x12, 0x41, 0xc1, 0xff].randomElement(using: &random)!
      }
      if Bool.random(using: &random) {
        bytes.removeLast(Int.random(in: 0...200, using: &random))
        bytes = bytes.replacing(at: 4, UInt32(bytes.count).bytes)
      }
      let types = try readSoftOff(bytes.balanced, in: memory).get()
      #expect(types.map { $0.allSatisfy { $0 < 8 } } != false)
      if types != nil { found += 1 }
    }
    #expect(found > count / 10 && found < count * 9 / 10)
  }
}
