// Reading good information: every tag, odd sizes, larger strides, absent and repeated tags.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct BootInformationTests {
  @Test func allTags() throws {
    let bytes = InformationBuilder.complete.finished()
    try parse(bytes) { information in
      #expect(information.byteCount == bytes.count)
      #expect(information.address == PhysicalAddress(0x1_0000))
      #expect(information.commandLine.bytes.array == Array("fault=null \"run=a; b\" exit".utf8))
      #expect(information.bootLoaderName?.array == Array("GRUB 2.06-13+deb12u1".utf8))
      #expect(information.loadBase == PhysicalAddress(0x20_0000))

      #expect(information.memoryMap.count == 7)
      let entry = information.memoryMap[3]
      #expect(entry.start == 0x10_0000 && entry.byteCount == 0x7ee_0000 && entry.type == 1)

      #expect(information.efiMemoryMap?.count == 2)
      #expect(information.efiDescriptorVersion == 1)
      let descriptor = information.efiMemoryMap?[1]
      #expect(descriptor?.type == 5 && descriptor?.start == 0x60_0000)
      #expect(descriptor?.pageCount == 16 && descriptor?.attributes == 0xf)

      #expect(information.elfSections?.count == 2)
      #expect(information.elfSectionNamesIndex == 1)
      let section = information.elfSections?[1]
      #expect(section?.nameOffset == 0x1b && section?.type == 3 && section?.flags == 2)
      #expect(section?.address == 0x10_2000 && section?.byteCount == 0x33)
    }
  }

  @Test func modules() throws {
    try parse(InformationBuilder.complete.finished()) { information in
      var modules = information.modules
      var ranges: [Range<PhysicalAddress>] = []
      var strings: [[UInt8]] = []
      while let module = modules.next() {
        ranges.append(module.range)
        strings.append(module.commandLine.bytes.array)
      }
      #expect(
        ranges == [
          PhysicalAddress(0x40_0000)..<PhysicalAddress(0x40_1234),
          PhysicalAddress(0x50_0000)..<PhysicalAddress(0x50_0000),
        ])
      #expect(strings == [Array("first one=1".utf8), []])
      let isAtEnd = modules.next() == nil
      #expect(isAtEnd)
    }
  }

  @Test func framebufferFormats() throws {
    func framebuffer(type: UInt8, colours: [UInt8] = []) throws -> Framebuffer? {
      var builder = InformationBuilder()
      builder.memoryMap([])
      builder.framebuffer(
        0x1_2345_6000, pitch: 160, width: 80, height: 25, bitsPerPixel: 16, type: type,
        colours: colours)
      return try parse(builder.finished()) { $0.framebuffer }
    }
    let text = try #require(try framebuffer(type: 2))
    #expect(text.address == PhysicalAddress(0x1_2345_6000))
    #expect(text.pitch == 160 && text.width == 80 && text.height == 25)
    #expect(text.bitsPerPixel == 16 && text.format == .egaText && text.byteCount == 4000)
    #expect(try framebuffer(type: 0)?.format == .indexed)
    #expect(try framebuffer(type: 9)?.format == .unknown(9))
    let format = try framebuffer(type: 1, colours: [16, 5, 8, 6, 0, 7])?.format
    guard case .rgb(let red, let green, let blue) = format else {
      Issue.record("\(String(describing: format))")
      return
    }
    #expect(red.position == 16 && red.bitCount == 5)
    #expect(green.position == 8 && green.bitCount == 6)
    #expect(blue.position == 0 && blue.bitCount == 7)
  }

  @Test func newRootPointerIsPreferred() throws {
    try parse(InformationBuilder.complete.finished()) { information in
      #expect(information.rsdp?.array.count == 36)
      #expect(information.rsdp?.array.starts(with: Array("RSD PTR new".utf8)) == true)
    }
    var builder = InformationBuilder()
    builder.memoryMap([])
    builder.tag(14, Array("RSD PTR old".utf8))
    try parse(builder.finished()) { #expect($0.rsdp?.array == Array("RSD PTR old".utf8)) }
  }

  @Test func absentTags() throws {
    var builder = InformationBuilder()
    builder.memoryMap([])
    try parse(builder.finished()) { information in
      #expect(information.memoryMap.count == 0)
      #expect(information.commandLine.bytes.array == [])
      #expect(information.bootLoaderName?.array == nil && information.rsdp?.array == nil)
      #expect(information.framebuffer == nil && information.loadBase == nil)
      #expect(information.efiMemoryMap?.count == nil && information.efiDescriptorVersion == nil)
      #expect(information.elfSections?.count == nil && information.elfSectionNamesIndex == nil)
      var modules = information.modules
      let isAtEnd = modules.next() == nil
      #expect(isAtEnd)
    }
  }

  @Test func firstOfRepeatedTagsCounts() throws {
    var builder = InformationBuilder()
    builder.memoryMap([(0x1000, 0x2000, 1)])
    builder.memoryMap([(0x9000, 0x9000, 2), (0, 1, 1)])
    builder.tag(1, Array("one".utf8) + [0])
    builder.tag(1, Array("two".utf8) + [0])
    try parse(builder.finished()) { information in
      #expect(information.memoryMap.count == 1)
      #expect(information.memoryMap[0].start == 0x1000)
      #expect(information.commandLine.bytes.array == Array("one".utf8))
    }
  }

  @Test func largerEntriesAreStrided() throws {
    var builder = InformationBuilder()
    builder.memoryMap([(0x1000, 0x2000, 1), (0x9000, 0x3000, 2)], stride: 40)
    builder.efiMemoryMap([(7, 0x1000, 2, 3), (9, 0x5000, 6, 7)], stride: 56)
    try parse(builder.finished()) { information in
      #expect(information.memoryMap.count == 2)
      let entry = information.memoryMap[1]
      #expect(entry.start == 0x9000 && entry.byteCount == 0x3000 && entry.type == 2)
      #expect(information.efiMemoryMap?.count == 2)
      let descriptor = information.efiMemoryMap?[1]
      #expect(descriptor?.type == 9 && descriptor?.start == 0x5000 && descriptor?.pageCount == 6)
    }
  }

  @Test func piecesOfEntriesDoNotCount() throws {
    var builder = InformationBuilder()
    builder.tag(
      6, UInt32(24).bytes + UInt32(0).bytes + Array(repeating: 1, count: 24 + 23))
    try parse(builder.finished()) { #expect($0.memoryMap.count == 1) }
  }

  @Test func stringsEndAtTheFirstZero() throws {
    var builder = InformationBuilder()
    builder.memoryMap([])
    builder.tag(1, Array("quiet".utf8) + [0] + Array("loud".utf8) + [0])
    try parse(builder.finished()) {
      #expect($0.commandLine.bytes.array == Array("quiet".utf8))
    }
  }

  /// Sizes of tags as GRUB was seen to write them: the next tag starts at the size rounded up.
  @Test(arguments: [0x62, 0x1d, 0x4d4, 0x09, 0x10]) func oddTagSizes(size: Int) throws {
    var builder = InformationBuilder()
    builder.tag(1, Array(repeating: UInt8(ascii: "x"), count: size - 9) + [0])
    builder.memoryMap([(0, 0x1000, 1)])
    try parse(builder.finished()) { information in
      #expect(information.commandLine.bytes.array.count == size - 9)
      #expect(information.memoryMap.count == 1)
    }
  }

  @Test func bytesPastTheTotalAreNotLookedAt() throws {
    let bytes = InformationBuilder.complete.finished()
    try parse(bytes + [1, 2, 3]) { #expect($0.byteCount == bytes.count) }
  }

  @Test func sizeFromHeader() throws {
    for size: UInt64 in [0x1234, 0xffff_ffff] {
      let count = try BootInformation.byteCount(
        ofHeader: size.bytes.span.bytes, at: PhysicalAddress(0x1000))
      #expect(count == Int(size))
    }
  }

  @Test func misalignedHeaderTellsNoSize() {
    let error = #expect(throws: BootInformationError.self) {
      try BootInformation.byteCount(
        ofHeader: UInt64(0x1234).bytes.span.bytes, at: PhysicalAddress(0x1004))
    }
    #expect(error?.reason == .misaligned)
  }
}
