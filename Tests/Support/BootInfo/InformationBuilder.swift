// Blobs of multiboot2 information, right and wrong, and what parsing them ends in.

import Addressing
import BootInfo

/// Writes multiboot2 information tag by tag, right or wrong as a test asks for.
package struct InformationBuilder {
  package private(set) var bytes: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]

  package init() {}

  /// Appends a tag and returns its offset. `size` is what the tag claims, not what it has.
  @discardableResult
  package mutating func tag(_ type: UInt32, _ body: [UInt8] = [], size: UInt32? = nil) -> Int {
    let offset = bytes.count
    bytes += type.bytes + (size ?? UInt32(8 + body.count)).bytes + body
    while bytes.count % 8 != 0 { bytes.append(0xee) }
    return offset
  }

  @discardableResult
  package mutating func memoryMap(
    _ entries: [(start: UInt64, byteCount: UInt64, type: UInt32)], stride: Int = 24
  ) -> Int {
    var body = UInt32(stride).bytes + UInt32(0).bytes
    for entry in entries {
      body += entry.start.bytes + entry.byteCount.bytes + entry.type.bytes + UInt32(0).bytes
      body += Array(repeating: 0xff, count: stride - 24)
    }
    return tag(6, body)
  }

  @discardableResult
  package mutating func efiMemoryMap(
    _ entries: [(type: UInt32, start: UInt64, pages: UInt64, attributes: UInt64)],
    stride: Int = 48
  ) -> Int {
    var body = UInt32(stride).bytes + UInt32(1).bytes
    for entry in entries {
      body += UInt64(entry.type).bytes + entry.start.bytes + UInt64(0).bytes
      body += entry.pages.bytes + entry.attributes.bytes
      body += Array(repeating: 0xff, count: stride - 40)
    }
    return tag(17, body)
  }

  @discardableResult
  package mutating func module(_ start: UInt32, _ end: UInt32, _ string: String) -> Int {
    tag(3, start.bytes + end.bytes + Array(string.utf8) + [0])
  }

  @discardableResult
  package mutating func framebuffer(
    _ address: UInt64, pitch: UInt32, width: UInt32, height: UInt32, bitsPerPixel: UInt8,
    type: UInt8, colours: [UInt8] = []
  ) -> Int {
    tag(
      8,
      address.bytes + pitch.bytes + width.bytes + height.bytes + [bitsPerPixel, type, 0, 0]
        + colours)
  }

  /// The information so far with an end tag and its total size.
  package func finished(endTag: Bool = true, totalSize: UInt32? = nil) -> [UInt8] {
    var copy = self
    if endTag { copy.tag(0) }
    copy.bytes.replaceSubrange(0..<4, with: (totalSize ?? UInt32(copy.bytes.count)).bytes)
    return copy.bytes
  }

  /// Information with one tag of every type that is read, and one unknown, in GRUB's odd sizes.
  package static var complete: InformationBuilder {
    var builder = InformationBuilder()
    builder.tag(1, Array("fault=null \"run=a; b\" exit".utf8) + [0])
    builder.tag(2, Array("GRUB 2.06-13+deb12u1".utf8) + [0])
    builder.tag(10, Array(repeating: 0, count: 20))
    builder.module(0x40_0000, 0x40_1234, "first one=1")
    builder.module(0x50_0000, 0x50_0000, "")
    builder.memoryMap([
      (0, 0x9fc00, 1), (0x9fc00, 0x400, 2), (0xf0000, 0x10000, 2), (0x10_0000, 0x7ee_0000, 1),
      (0x7fe_0000, 0x1_0000, 3), (0x7ff_0000, 0x1_0000, 4), (0xfffc_0000, 0x4_0000, 20),
    ])
    builder.framebuffer(
      0x8000_0000, pitch: 4096, width: 1024, height: 768, bitsPerPixel: 32, type: 1,
      colours: [16, 8, 8, 8, 0, 8])
    builder.tag(
      9,
      UInt32(2).bytes + UInt32(64).bytes + UInt32(1).bytes + Array(repeating: 0, count: 64)
        + UInt32(0x1b).bytes + UInt32(3).bytes + UInt64(2).bytes + UInt64(0x10_2000).bytes
        + UInt64(0x2000).bytes + UInt64(0x33).bytes + Array(repeating: 0, count: 24))
    builder.tag(14, Array("RSD PTR old".utf8) + Array(repeating: 1, count: 9))
    builder.tag(15, Array("RSD PTR new".utf8) + Array(repeating: 2, count: 25))
    builder.efiMemoryMap([(7, 0x10_0000, 0x300, 0xf), (5, 0x60_0000, 16, 0xf)])
    builder.tag(21, UInt32(0x20_0000).bytes)
    return builder
  }
}

extension FixedWidthInteger {
  /// Little-endian.
  package var bytes: [UInt8] { withUnsafeBytes(of: littleEndian, Array.init) }
}

/// Parses `bytes` and hands the result to `body`.
package func parse<Result>(
  _ bytes: [UInt8], at address: UInt64 = 0x1_0000,
  _ body: (borrowing BootInformation) throws -> Result
) throws -> Result {
  try body(BootInformation(bytes.span.bytes, at: PhysicalAddress(address)))
}

/// The error that parsing `bytes` ends in.
package func parseError(_ bytes: [UInt8], at address: UInt64 = 0x1_0000) -> BootInformationError? {
  do {
    try parse(bytes, at: address) { _ in }
    return nil
  } catch {
    return error as? BootInformationError
  }
}

extension RawSpan {
  package var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
