// Damage to boot information, as steps that chain.asm carries out in the guest and that are carried
// out here on a copy, so that the test knows beforehand what Highland will be given.

import Oracle

/// One step of a recipe.
enum Damage: Sendable {
  /// A 32-bit word in the first tag of a type, or, without a type, in the information itself.
  case set(tag: UInt32?, offset: Int, to: UInt32)
  case flip(tag: UInt32?, offset: Int, mask: UInt32)
  case add(tag: UInt32?, offset: Int, UInt32)
  /// A tag of its own, before the end tag; its size says what it says.
  case append([UInt8])
  /// What Highland finds in EAX and EBX.
  case magic(UInt32)
  case pointer(UInt32)
  case shiftPointer(UInt32)
  /// All of it lies elsewhere; the pointer stays.
  case move(to: UInt32)

  /// A memory map instead of GRUB's, which becomes a tag of no known type.
  static func memoryMap(
    _ entries: [MapEntry], entrySize: Int = 24, claimedEntrySize: UInt32? = nil, version: UInt32 = 0
  ) -> [Damage] {
    let body = entries.flatMap { entry in
      littleEndian(entry.start) + littleEndian(entry.byteCount) + littleEndian(entry.type)
        + [UInt8](repeating: 0xa5, count: entrySize - 20)
    }
    let head = littleEndian(claimedEntrySize ?? UInt32(entrySize)) + littleEndian(version)
    return [.set(tag: 6, offset: 0, to: 0x6666), .append(tag(6, head + body))]
  }

  /// A tag with these bytes behind its type and size.
  static func tag(_ type: UInt32, _ bytes: [UInt8], size: UInt32? = nil) -> [UInt8] {
    littleEndian(type) + littleEndian(size ?? UInt32(8 + bytes.count)) + bytes
  }
}

struct MapEntry: Sendable {
  var start: UInt64
  var byteCount: UInt64
  var type: UInt32

  init(_ start: UInt64, _ byteCount: UInt64, _ type: UInt32) {
    (self.start, self.byteCount, self.type) = (start, byteCount, type)
  }
}

func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> Number($0 * 8)) }
}

extension [Damage] {
  /// The recipe that chain.asm reads.
  var recipe: [UInt8] {
    var bytes: [UInt8] = []
    func add(_ words: UInt32...) {
      bytes += (words + [0, 0, 0]).prefix(4).flatMap { littleEndian($0) }
    }
    for step in self {
      switch step {
      case .set(let tag, let offset, let value): add(1, tag ?? .max, UInt32(offset), value)
      case .flip(let tag, let offset, let mask): add(2, tag ?? .max, UInt32(offset), mask)
      case .add(let tag, let offset, let value): add(3, tag ?? .max, UInt32(offset), value)
      case .append(let tag):
        add(5, UInt32(tag.count))
        bytes += tag + [UInt8](repeating: 0, count: (16 - tag.count % 16) % 16)
      case .magic(let value): add(6, value)
      case .pointer(let value): add(7, value)
      case .move(let address): add(8, address)
      case .shiftPointer(let distance): add(9, distance)
      }
    }
    add(0)
    return bytes
  }
}

extension InformationBytes {
  fileprivate mutating func setWord(_ offset: Int, _ value: UInt32) {
    bytes.replaceSubrange(offset..<offset + 4, with: littleEndian(value))
  }

  /// Where the first tag of a type begins.
  private func tag(_ type: UInt32?) -> Int? {
    guard let type else { return 0 }
    var offset = 8
    while word(offset) != type {
      if word(offset) == 0 { return nil }
      offset += Int(word(offset + 4) + 7) & ~7
    }
    return offset
  }

  /// The information after `damage`, none of whose steps may move it.
  func damaged(by damage: [Damage]) -> InformationBytes? {
    var result = self
    for step in damage {
      switch step {
      case .set(let tag, let offset, let value):
        guard let start = result.tag(tag) else { return nil }
        result.setWord(start + offset, value)
      case .flip(let tag, let offset, let mask):
        guard let start = result.tag(tag) else { return nil }
        result.setWord(start + offset, result.word(start + offset) ^ mask)
      case .add(let tag, let offset, let value):
        guard let start = result.tag(tag) else { return nil }
        result.setWord(start + offset, result.word(start + offset) &+ value)
      default: return nil
      }
    }
    return result
  }
}
