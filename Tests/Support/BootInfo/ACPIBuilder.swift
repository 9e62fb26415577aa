// ACPI structures made from plain numbers, right or wrong as a test asks for.

import BootInfo
import Foundation

/// The layouts here are the tests' own: nothing is taken from the parser.
package enum ACPIBuilder {
  /// Writes the byte at `offset` that makes all of `range` sum up to zero.
  package static func balance(_ bytes: inout [UInt8], at offset: Int, _ range: Range<Int>) {
    bytes[offset] = 0
    bytes[offset] = 0 &- bytes[range].reduce(0, &+)
  }

  /// Makes the checksums of what may be a structure hold again, so that the bytes behind them are
  /// looked at.
  package static func repair(_ bytes: inout [UInt8]) {
    if bytes.starts(with: Array("RSD PTR ".utf8)), bytes.count >= 20 {
      balance(&bytes, at: 8, 0..<20)
      guard bytes.count >= 36 else { return }
      let length = Int(littleEndianNumber(bytes, 20, 4))
      if (36...bytes.count).contains(length) { balance(&bytes, at: 32, 0..<length) }
    } else if bytes.count >= 36 {
      let length = Int(littleEndianNumber(bytes, 4, 4))
      if (36...bytes.count).contains(length) { balance(&bytes, at: 9, 0..<length) }
    }
  }

  /// A root pointer: 20 bytes below revision 2, else 36 and `tail`, with both checksums.
  package static func rootPointer(
    revision: UInt8, rsdt: UInt32, xsdt: UInt64 = 0, length: UInt32? = nil, tail: [UInt8] = []
  ) -> [UInt8] {
    var bytes = Array("RSD PTR ".utf8) + [0] + Array("MAKER ".utf8) + [revision] + rsdt.bytes
    balance(&bytes, at: 8, 0..<20)
    if revision < 2 { return bytes }
    bytes += (length ?? UInt32(36 + tail.count)).bytes + xsdt.bytes + [0, 0, 0, 0] + tail
    balance(&bytes, at: 32, 0..<min(Int(length ?? .max), bytes.count))
    return bytes
  }

  /// A table of any kind. `length` is what it claims, not what it has.
  package static func table(
    _ signature: String, revision: UInt8 = 3, length: UInt32? = nil, _ body: [UInt8] = []
  ) -> [UInt8] {
    var bytes = Array(signature.utf8) + (length ?? UInt32(36 + body.count)).bytes
    bytes += [revision, 0] + Array("MAKER TABLE ID".utf8) + UInt32(7).bytes
    bytes += Array("TOOL".utf8) + UInt32(9).bytes + body
    balance(&bytes, at: 9, 0..<bytes.count)
    return bytes
  }

  package static func madt(
    localAPIC: UInt32 = 0xfee0_0000, flags: UInt32 = 1, _ entries: [[UInt8]]
  ) -> [UInt8] {
    table("APIC", localAPIC.bytes + flags.bytes + entries.flatMap { $0 })
  }

  package static func localAPIC(uid: UInt8, id: UInt8, flags: UInt32) -> [UInt8] {
    [0, 8, uid, id] + flags.bytes
  }

  package static func ioAPIC(id: UInt8, address: UInt32, base: UInt32) -> [UInt8] {
    [1, 12, id, 0] + address.bytes + base.bytes
  }

  package static func localAPICAddress(_ address: UInt64) -> [UInt8] {
    [5, 12, 0, 0] + address.bytes
  }

  package static func localX2APIC(uid: UInt32, id: UInt32, flags: UInt32) -> [UInt8] {
    [9, 16, 0, 0] + id.bytes + flags.bytes + uid.bytes
  }

  /// An entry that is not read: a non-maskable interrupt's line, say, or what is yet to come.
  package static func other(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
    [type, UInt8(2 + body.count)] + body
  }

  package static func hpet(
    block: UInt32, space: UInt8 = 0, address: UInt64, number: UInt8 = 0, tick: UInt16 = 0,
    tail: [UInt8] = []
  ) -> [UInt8] {
    table(
      "HPET",
      block.bytes + [space, 64, 0, 0] + address.bytes + [number] + tick.bytes + [0xff] + tail)
  }

  /// A register by space and address, 8 bits wide.
  package static func register(_ space: UInt8, _ address: UInt64) -> [UInt8] {
    [space, 8, 0, 1] + address.bytes
  }

  /// A FADT: zeros but for `fields`, by their offsets.
  package static func fadt(byteCount: Int = 276, _ fields: [Int: [UInt8]]) -> [UInt8] {
    var bytes = table("FACP", [UInt8](repeating: 0, count: byteCount - 36))
    for (offset, field) in fields { bytes = bytes.replacing(at: offset, field) }
    return bytes.balanced
  }

  /// The object \_S5 in ACPI's machine language.
  package static func softOff(_ elements: [UInt8], count: UInt8 = 4, isRooted: Bool = false)
    -> [UInt8]
  {
    [0x08] + (isRooted ? [0x5c] : []) + Array("_S5_".utf8)
      + [0x12, UInt8(2 + elements.count), count] + elements
  }

  /// A MADT with entries of every type that is read, and some that are not.
  package static var completeMADT: [UInt8] {
    madt(
      localAPIC: 0xfee0_1000, flags: 0xffff_fffe,
      [
        localAPIC(uid: 1, id: 0, flags: 1), localAPIC(uid: 2, id: 6, flags: 0),
        other(2, [0, 0, 2, 0, 0, 0, 0, 0]), localAPIC(uid: 3, id: 9, flags: 2),
        ioAPIC(id: 8, address: 0xfec0_0000, base: 0), other(0xff, []),
        ioAPIC(id: 9, address: 0xffff_f000, base: 24), localAPICAddress(0x12_3456_7000),
        localX2APIC(uid: 0x1000, id: 0x1_0002, flags: 1), other(4, [0xff, 5, 0, 1]),
      ])
  }
}

extension [UInt8] {
  /// Bytes written as hexadecimal digits.
  package init(hexadecimal digits: String) {
    let digits = digits.compactMap(\.hexDigitValue)
    self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  /// These bytes with some replaced.
  package func replacing(at offset: Int, _ new: [UInt8]) -> [UInt8] {
    var copy = self
    copy.replaceSubrange(offset..<offset + new.count, with: new)
    return copy
  }

  /// This table with its checksum made to hold.
  package var balanced: [UInt8] {
    var copy = self
    ACPIBuilder.balance(&copy, at: 9, 0..<count)
    return copy
  }
}

/// Memory that ends at a page nobody may touch, and begins after one: a read outside is a fault.
package final class GuardedMemory {
  private let base: UnsafeMutableRawPointer
  private let page = Int(getpagesize())
  private let room: Int

  package init() {
    room = 4 * page
    base = mmap(nil, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(base != MAP_FAILED)
    precondition(mprotect(base + page, room, PROT_READ | PROT_WRITE) == 0)
  }

  deinit { munmap(base, room + 2 * page) }

  /// Hands `body` a span of `bytes` that ends where the memory does.
  package func with<Result, Failure: Error>(
    _ bytes: [UInt8], _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(bytes.count <= room)
    let start = base + page + room - bytes.count
    UnsafeMutableRawBufferPointer(start: start, count: bytes.count).copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(start: start, count: bytes.count).bytes)
  }
}
