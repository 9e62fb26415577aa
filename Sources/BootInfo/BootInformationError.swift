/// Why multiboot2 information cannot be believed, and where.
public struct BootInformationError: Error, Equatable {
  public enum Reason: UInt8, Sendable {
    case misaligned
    case totalSizeTooSmall
    case truncated
    case tagSizeTooSmall
    case tagPastEnd
    case endTagMissing
    case tagTooShort
    case stringNotTerminated
    case moduleEndsBeforeStart
    case memoryMapEntrySize
    case efiDescriptorSize
    case sectionHeaderSize
    case memoryMapMissing

    /// The reason in words, to follow "multiboot2 information: ".
    public var message: StaticString {
      switch self {
      case .misaligned: "its address is not a multiple of 8"
      case .totalSizeTooSmall: "its total size is under 16"
      case .truncated: "its total size is more than was given"
      case .tagSizeTooSmall: "a tag's size is under 8"
      case .tagPastEnd: "a tag runs past the end"
      case .endTagMissing: "the end tag is missing"
      case .tagTooShort: "a tag is too short for its fields"
      case .stringNotTerminated: "a string does not end within its tag"
      case .moduleEndsBeforeStart: "a module ends before it starts"
      case .memoryMapEntrySize: "the memory map's entry size is under 24 or no multiple of 8"
      case .efiDescriptorSize: "the EFI descriptor size is under 40 or no multiple of 8"
      case .sectionHeaderSize: "the ELF section header size is under 64"
      case .memoryMapMissing: "there is no memory map"
      }
    }
  }

  public let reason: Reason

  /// The byte offset, from the start of the information, of the field, tag or string at fault.
  public let offset: Int

  init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}
