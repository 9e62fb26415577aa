// Every way in which information can be wrong, by name and with the offset that is reported.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct BootInformationErrorTests {
  /// Expects `builder`'s information to fail with `reason` at `offset`.
  private func expect(
    _ reason: BootInformationError.Reason, at offset: Int, _ bytes: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = parseError(bytes)
    #expect(error?.reason == reason, sourceLocation: sourceLocation)
    #expect(error?.offset == offset, sourceLocation: sourceLocation)
  }

  /// Expects a tag that follows a good memory map to be wrong at `offset` in it.
  private func expectTag(
    _ reason: BootInformationError.Reason, at offset: Int = 0, _ type: UInt32,
    _ body: [UInt8], size: UInt32? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var builder = InformationBuilder()
    builder.memoryMap([(0, 0x1000, 1)])
    let start = builder.tag(type, body, size: size)
    expect(reason, at: start + offset, builder.finished(), sourceLocation: sourceLocation)
  }

  @Test(arguments: 1..<8) func misaligned(by offset: UInt64) {
    let error = parseError(InformationBuilder.complete.finished(), at: 0x1_0000 + offset)
    #expect(error?.reason == .misaligned && error?.offset == 0)
  }

  @Test func totalSizeTooSmall() {
    for size in 0..<16 {
      expect(.totalSizeTooSmall, at: 0, UInt64(size).bytes + UInt64(0).bytes)
    }
  }

  @Test func truncated() {
    let bytes = InformationBuilder.complete.finished()
    expect(.truncated, at: 0, bytes.dropLast())
    expect(.truncated, at: 0, UInt64(0xffff_ffff).bytes + UInt64(8 << 32).bytes)
    expect(.truncated, at: 0, [16, 0, 0, 0, 0, 0, 0])
    expect(.truncated, at: 0, [])
  }

  @Test func tagSizeTooSmall() {
    for size in 0..<UInt32(8) {
      expectTag(.tagSizeTooSmall, 4, [0, 0, 0, 0, 0, 0, 0, 0], size: size)
    }
    expectTag(.tagSizeTooSmall, 0, [], size: 7)
  }

  @Test func tagPastEnd() {
    // The tag, 8 bytes of the end tag, and one more.
    expectTag(.tagPastEnd, 4, UInt64(0).bytes, size: 25)
    for size in (0xffff_fff0...UInt32.max) { expectTag(.tagPastEnd, 1, [0], size: size) }
    expectTag(.tagPastEnd, 1, [0], size: 0x8000_0000)
    expectTag(.tagPastEnd, 99, [], size: 0x7fff_ffff)
  }

  @Test func endTagMissing() {
    var builder = InformationBuilder()
    builder.memoryMap([(0, 0x1000, 1)])
    let end = builder.bytes.count
    expect(.endTagMissing, at: end, builder.finished(endTag: false))
    // Half an end tag.
    expect(
      .endTagMissing, at: end,
      builder.finished(totalSize: UInt32(end + 4)))
    // A last tag that fits, but whose padding does not.
    let start = builder.tag(1, [0])
    expect(.endTagMissing, at: start + 16, builder.finished(totalSize: UInt32(start + 9)))
  }

  @Test func tagTooShort() {
    let body = Array(repeating: UInt8(0), count: 64)
    for (type, least) in [(3, 16), (6, 16), (8, 32), (9, 20), (17, 16), (21, 12)] {
      for size in 8..<least { expectTag(.tagTooShort, UInt32(type), Array(body[..<(size - 8)])) }
    }
    // An RGB framebuffer without all its colours.
    var framebuffer = Array(repeating: UInt8(0), count: 30)
    framebuffer[21] = 1
    for size in 32..<38 { expectTag(.tagTooShort, 8, Array(framebuffer[..<(size - 8)])) }
    // Section headers that do not fit.
    let header = UInt32(2).bytes + UInt32(64).bytes + UInt32(0).bytes
    expectTag(.tagTooShort, 9, header + Array(repeating: 0, count: 127))
    let huge = UInt32.max.bytes + UInt32.max.bytes + UInt32(0).bytes
    expectTag(.tagTooShort, 9, huge + Array(repeating: 0, count: 127))
  }

  @Test func stringNotTerminated() {
    expectTag(.stringNotTerminated, at: 8, 1, [])
    expectTag(.stringNotTerminated, at: 8, 1, Array("exit".utf8))
    expectTag(.stringNotTerminated, at: 8, 2, Array("GRUB".utf8))
    expectTag(.stringNotTerminated, at: 16, 3, UInt64(0).bytes)
    expectTag(.stringNotTerminated, at: 16, 3, UInt64(0).bytes + [1, 2, 3])
  }

  @Test func moduleEndsBeforeStart() {
    expectTag(.moduleEndsBeforeStart, 3, UInt32(0x2000).bytes + UInt32(0x1fff).bytes + [0])
    expectTag(.moduleEndsBeforeStart, 3, UInt32.max.bytes + UInt32(0).bytes + [0])
  }

  @Test func entrySizes() {
    for size: UInt32 in [0, 1, 8, 16, 23, 25, 28, 31, 0xffff_ffff] {
      expectTag(.memoryMapEntrySize, at: 8, 6, size.bytes + UInt32(0).bytes)
    }
    for size: UInt32 in [0, 8, 24, 32, 39, 41, 44, 0xffff_fffc] {
      expectTag(.efiDescriptorSize, at: 8, 17, size.bytes + UInt32(1).bytes)
    }
    for size: UInt32 in [0, 40, 63] {
      expectTag(
        .sectionHeaderSize, at: 12, 9,
        UInt32(1).bytes + size.bytes + UInt32(0).bytes + Array(repeating: 0, count: 64))
    }
  }

  @Test func entrySizesThatHold() throws {
    var builder = InformationBuilder()
    // Larger than the tag: no entries. No sections: their size says nothing.
    builder.tag(6, UInt32(0xffff_fff8).bytes + UInt32(0).bytes + UInt64(0).bytes)
    builder.tag(17, UInt32(0xffff_fff8).bytes + UInt32(0).bytes + UInt64(0).bytes)
    builder.tag(9, Array(repeating: 0, count: 12))
    try parse(builder.finished()) { information in
      #expect(information.memoryMap.count == 0)
      #expect(information.efiMemoryMap?.count == 0)
      #expect(information.elfSections?.count == 0)
    }
  }

  @Test func memoryMapMissing() {
    var builder = InformationBuilder()
    builder.tag(1, [0])
    expect(.memoryMapMissing, at: builder.bytes.count, builder.finished())
    expect(.memoryMapMissing, at: 8, InformationBuilder().finished())
  }

  @Test func everyReasonHasWords() {
    var raw: UInt8 = 0
    var words: Set<String> = []
    while let reason = BootInformationError.Reason(rawValue: raw) {
      words.insert("\(reason.message)")
      raw += 1
    }
    #expect(raw == 13 && words.count == 13)
  }
}
