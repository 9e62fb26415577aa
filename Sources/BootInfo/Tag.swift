// One tag of the multiboot2 information, and the checks that make its fields safe to read.
// multiboot2, "Basic tags structure":
//
//       0        4        8                        size       size rounded up to 8
//      +--------+--------+------------------------+----------+
//      | type   | size   | what the type says     | padding  | next tag
//      +--------+--------+------------------------+----------+

/// The tags that are read; all others are skipped (multiboot2, "Boot information format").
enum TagType: UInt32 {
  case end = 0
  case commandLine = 1
  case bootLoaderName = 2
  case module = 3
  case memoryMap = 6
  case framebuffer = 8
  case elfSections = 9
  case oldRSDP = 14
  case newRSDP = 15
  case efiMemoryMap = 17
  case loadBase = 21
}

/// A tag that lies wholly within the information.
struct Tag: ~Escapable {
  /// The tag's own bytes, from its type on, without padding.
  let bytes: RawSpan

  /// Where in the information it starts.
  let offset: Int

  var type: TagType? { TagType(rawValue: bytes.integer(UInt32.self, at: 0)) }

  /// Where the next tag starts. It cannot overflow: a size has 32 bits, an `Int` 64.
  var end: Int { (offset + bytes.byteCount + 7) & ~7 }

  @_lifetime(copy information)
  init(in information: RawSpan, at offset: Int) throws(BootInformationError) {
    let room = information.byteCount - offset
    guard room >= 8 else { throw BootInformationError(.endTagMissing, at: offset) }
    let size = information.size(at: offset + 4)
    guard size >= 8 else { throw BootInformationError(.tagSizeTooSmall, at: offset) }
    guard size <= room else { throw BootInformationError(.tagPastEnd, at: offset) }
    bytes = information.extracting(offset..<offset + size)
    self.offset = offset
  }

  /// A tag that has been checked before.
  @_lifetime(copy information)
  init(checked information: RawSpan, at offset: Int) {
    bytes = information.extracting(offset..<offset + information.size(at: offset + 4))
    self.offset = offset
  }

  /// Checks all that the tag's type promises, so that its fields can be read unchecked.
  func check() throws(BootInformationError) {
    switch type {
    case .commandLine, .bootLoaderName:
      try checkString(at: 8)
    case .module:
      try checkSize(16)
      if bytes.size(at: 8) > bytes.size(at: 12) {
        throw BootInformationError(.moduleEndsBeforeStart, at: offset)
      }
      try checkString(at: 16)
    case .memoryMap:
      try checkSize(16)
      let stride = bytes.size(at: 8)
      if stride < MemoryMapEntry.leastByteCount || stride % 8 != 0 {
        throw BootInformationError(.memoryMapEntrySize, at: offset + 8)
      }
    case .efiMemoryMap:
      try checkSize(16)
      let stride = bytes.size(at: 8)
      if stride < EFIMemoryDescriptor.leastByteCount || stride % 8 != 0 {
        throw BootInformationError(.efiDescriptorSize, at: offset + 8)
      }
    case .elfSections:
      try checkSize(20)
      let (count, stride) = (bytes.size(at: 8), bytes.size(at: 12))
      if count == 0 { return }
      if stride < ELFSection.leastByteCount {
        throw BootInformationError(.sectionHeaderSize, at: offset + 12)
      }
      // Not count * stride: two 32-bit numbers can overflow an Int.
      if count > (bytes.byteCount - 20) / stride {
        throw BootInformationError(.tagTooShort, at: offset)
      }
    case .framebuffer:
      try checkSize(32)
      if bytes.integer(UInt8.self, at: 29) == Framebuffer.rgbType { try checkSize(38) }
    case .loadBase:
      try checkSize(12)
    case .end, .oldRSDP, .newRSDP, nil:
      break
    }
  }

  private func checkSize(_ least: Int) throws(BootInformationError) {
    if bytes.byteCount < least { throw BootInformationError(.tagTooShort, at: offset) }
  }

  private func checkString(at start: Int) throws(BootInformationError) {
    if bytes.zeroByte(from: start) == nil {
      throw BootInformationError(.stringNotTerminated, at: offset + start)
    }
  }

  /// The bytes of a checked string, without its zero byte.
  @_lifetime(copy self)
  func string(at start: Int) -> RawSpan {
    bytes.extracting(start..<(bytes.zeroByte(from: start) ?? start))
  }
}
