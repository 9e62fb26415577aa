// ACPI's root pointer, in its old and its new form.

import Addressing
import BootInfo
import TestSupport
import Testing

@Suite struct RootSystemDescriptionPointerTests {
  private let old = ACPIBuilder.rootPointer(revision: 0, rsdt: 0x7fe_2412)
  private let new = ACPIBuilder.rootPointer(
    revision: 2, rsdt: 0x777_d074, xsdt: 0x9_8765_4321)

  private func expect(
    _ bytes: [UInt8], revision: UInt8, _ address: UInt64, _ kind: RootSystemDescriptionTable.Kind,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let pointer = try readRootPointer(bytes).get()
    #expect(pointer.revision == revision, sourceLocation: sourceLocation)
    #expect(pointer.rootTable.rawValue == address, sourceLocation: sourceLocation)
    #expect(pointer.kind == kind, sourceLocation: sourceLocation)
  }

  @Test func bothForms() throws {
    try expect(old, revision: 0, 0x7fe_2412, .rsdt)
    try expect(new, revision: 2, 0x9_8765_4321, .xsdt)
    // All 64 bits count, those above the RSDT's too.
    try expect(
      ACPIBuilder.rootPointer(revision: 6, rsdt: 0, xsdt: 1 << 63), revision: 6, 1 << 63, .xsdt)
    // A zero XSDT leaves the RSDT.
    try expect(
      ACPIBuilder.rootPointer(revision: 2, rsdt: 0xffff_fff0), revision: 2, 0xffff_fff0, .rsdt)
  }

  @Test func whatFollowsIsNotRead() throws {
    try expect(old + [1, 2, 3], revision: 0, 0x7fe_2412, .rsdt)
    try expect(new + [1, 2, 3], revision: 2, 0x9_8765_4321, .xsdt)
    // An old pointer with what would be an XSDT in a new one.
    let long = ACPIBuilder.rootPointer(revision: 1, rsdt: 5) + new[20...]
    try expect(long, revision: 1, 5, .rsdt)
    // A longer new one: the extended checksum covers the tail.
    let tailed = ACPIBuilder.rootPointer(revision: 2, rsdt: 0, xsdt: 9, tail: [1, 2, 3])
    try expect(tailed, revision: 2, 9, .xsdt)
    #expect(readRootPointer(tailed.replacing(at: 38, [4])).isError(.wrongExtendedChecksum, at: 32))
    #expect(readRootPointer(tailed.dropLast()).isError(.truncated, at: 20))
  }

  @Test func truncated() {
    for length in 0..<20 {
      #expect(readRootPointer(Array(old[..<length])).isError(.truncated, at: 0))
    }
    for length in 0..<36 {
      #expect(readRootPointer(Array(new[..<length])).isError(.truncated, at: 0))
    }
  }

  @Test func lengths() {
    for length: UInt32 in [0, 1, 20, 35] {
      let bytes = ACPIBuilder.rootPointer(revision: 2, rsdt: 1, xsdt: 2, length: length)
      #expect(readRootPointer(bytes).isError(.lengthTooSmall, at: 20))
    }
    for length: UInt32 in [37, 0x8000_0000, .max] {
      let bytes = ACPIBuilder.rootPointer(revision: 2, rsdt: 1, xsdt: 2, length: length)
      #expect(readRootPointer(bytes).isError(.truncated, at: 20))
    }
  }

  @Test func noRootTable() {
    let pointers = [
      ACPIBuilder.rootPointer(revision: 0, rsdt: 0), ACPIBuilder.rootPointer(revision: 2, rsdt: 0),
    ]
    for bytes in pointers { #expect(readRootPointer(bytes).isError(.rootTableMissing, at: 16)) }
  }

  /// Every value of every byte: all 255 wrong ones are found, each by what guards the byte.
  @Test func damage() {
    for (bytes, count) in [(old, 20), (new, 36)] {
      for offset in 0..<count {
        for change in 1...UInt8.max {
          let result = readRootPointer(bytes.replacing(at: offset, [bytes[offset] ^ change]))
          switch offset {
          case 0..<8: #expect(result.isError(.wrongSignature, at: 0))
          case 8..<20: #expect(result.isError(.wrongChecksum, at: 8))
          case 20..<24:
            #expect(result.error?.offset == 20)
            #expect([.lengthTooSmall, .truncated].contains(result.error?.reason))
          default: #expect(result.isError(.wrongExtendedChecksum, at: 32))
          }
        }
      }
    }
  }
}
