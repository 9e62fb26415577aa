// A second reading of the multiboot2 specification (3.6, boot information format): is this
// information sound, and if not, what is wrong with it first, tag by tag from the start?

/// What a reader has to make of boot information.
public enum Verdict: Equatable, Sendable {
  case sound
  /// The fault in Highland's words, and where.
  case fault(String, offset: Int)
  /// It is larger than all that the boot page table reaches.
  case pastReach
}

/// Boot information as bytes, perhaps with what lies behind it.
public struct InformationBytes: Sendable {
  public var bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The 32-bit word at an offset.
  public func word(_ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
  }
}

extension InformationBytes {
  /// What is to be made of information at a physical address.
  ///
  /// - Parameters:
  ///   - given: how many bytes a reader can have; `nil` for as many as the information says.
  public func verdict(at address: UInt64, given: Int? = nil) -> Verdict {
    if address % 8 != 0 { return .fault("its address is not a multiple of 8", offset: 0) }
    let tooMuch = Verdict.fault("its total size is more than was given", offset: 0)
    if let given, given < 8 { return tooMuch }
    let total = UInt64(word(0))
    if total < 16 { return .fault("its total size is under 16", offset: 0) }
    if let given {
      if total > given { return tooMuch }
    } else if address + total > 1 << 32 {
      return .pastReach
    }
    var (offset, hasMemoryMap) = (8, false)
    while true {
      guard UInt64(offset) + 8 <= total else {
        return .fault("the end tag is missing", offset: offset)
      }
      let (type, size) = (word(offset), UInt64(word(offset + 4)))
      if size < 8 { return .fault("a tag's size is under 8", offset: offset) }
      if UInt64(offset) + size > total { return .fault("a tag runs past the end", offset: offset) }
      if let fault = fault(ofType: type, offset, Int(size)) { return fault }
      if type == 0 { break }
      hasMemoryMap = hasMemoryMap || type == 6
      offset += (Int(size) + 7) & ~7
    }
    return hasMemoryMap ? .sound : .fault("there is no memory map", offset: offset)
  }

  /// The tag's own rules.
  private func fault(ofType type: UInt32, _ start: Int, _ size: Int) -> Verdict? {
    let tooShort = Verdict.fault("a tag is too short for its fields", offset: start)
    func string(_ first: Int) -> Verdict? {
      bytes[start + first..<start + size].contains(0)
        ? nil : .fault("a string does not end within its tag", offset: start + first)
    }
    switch type {
    case 1, 2: return string(8)
    case 3:
      if size < 16 { return tooShort }
      if word(start + 8) > word(start + 12) {
        return .fault("a module ends before it starts", offset: start)
      }
      return string(16)
    case 6, 17:
      if size < 16 { return tooShort }
      let (entry, least) = (word(start + 8), type == 6 ? UInt32(24) : 40)
      if entry >= least, entry % 8 == 0 { return nil }
      return .fault(
        type == 6
          ? "the memory map's entry size is under 24 or no multiple of 8"
          : "the EFI descriptor size is under 40 or no multiple of 8", offset: start + 8)
    case 8:
      // Type 1, direct colour, has six bytes of colour fields.
      return size < 32 || bytes[start + 29] == 1 && size < 38 ? tooShort : nil
    case 9:
      if size < 20 { return tooShort }
      let (count, entry) = (UInt64(word(start + 8)), UInt64(word(start + 12)))
      if count == 0 { return nil }
      if entry < 64 {
        return .fault("the ELF section header size is under 64", offset: start + 12)
      }
      return count.multipliedFullWidth(by: entry) > (0, UInt64(size - 20)) ? tooShort : nil
    case 21: return size < 12 ? tooShort : nil
    default: return nil
    }
  }
}
