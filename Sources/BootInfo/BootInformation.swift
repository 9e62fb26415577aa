// What a multiboot2 boot loader tells the kernel (multiboot2, "Boot information format"):
//
//       0             4          8
//      +-------------+----------+-------+-------+ . . . +-----------+
//      | total size  | reserved | tag   | tag   |       | end tag   |
//      +-------------+----------+-------+-------+ . . . +-----------+
//                               every tag starts on a multiple of 8
//
// Making a `BootInformation` walks all tags once and checks all that is read later; whoever holds
// one can ask without failing. The bytes stay where the boot loader put them.

public import Addressing

/// Multiboot2 information whose tags have all been checked.
public struct BootInformation: ~Escapable {
  let bytes: RawSpan

  /// Where in physical memory the information lies.
  public let address: PhysicalAddress

  /// Where the first tag of each type starts; zero where there is none.
  private var firstTags = InlineArray<22, UInt32>(repeating: 0)

  /// The total size, from the first 8 bytes, for a caller who cannot span the rest before.
  public static func byteCount(
    ofHeader bytes: RawSpan, at address: PhysicalAddress
  ) throws(BootInformationError) -> Int {
    guard address.rawValue % 8 == 0 else { throw BootInformationError(.misaligned, at: 0) }
    guard bytes.byteCount >= 8 else { throw BootInformationError(.truncated, at: 0) }
    let total = bytes.size(at: 0)
    // The header and the end tag take 16.
    guard total >= 16 else { throw BootInformationError(.totalSizeTooSmall, at: 0) }
    return total
  }

  /// Checks the information that starts `bytes`.
  ///
  /// - Parameter address: where in physical memory the information lies.
  /// - Complexity: O(tags + bytes of strings)
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan, at address: PhysicalAddress) throws(BootInformationError) {
    let total = try Self.byteCount(ofHeader: bytes, at: address)
    guard total <= bytes.byteCount else { throw BootInformationError(.truncated, at: 0) }
    self.bytes = bytes.extracting(0..<total)
    self.address = address

    var offset = 8
    while true {
      let tag = try Tag(in: self.bytes, at: offset)
      try tag.check()
      if let type = tag.type {
        if type == .end { break }
        let index = Int(type.rawValue)
        if firstTags[index] == 0 { firstTags[index] = UInt32(offset) }
      }
      offset = tag.end
    }
    if firstTags[Int(TagType.memoryMap.rawValue)] == 0 {
      throw BootInformationError(.memoryMapMissing, at: offset)
    }
  }

  /// The total size.
  public var byteCount: Int { bytes.byteCount }

  /// The first tag of a type. A boot loader gives each but modules once; of more, the first counts.
  @_lifetime(copy self)
  func firstTag(_ type: TagType) -> Tag? {
    let offset = Int(firstTags[Int(type.rawValue)])
    return offset == 0 ? nil : Tag(checked: bytes, at: offset)
  }
}
