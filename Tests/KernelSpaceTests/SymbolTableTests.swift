// The functions' names: found where a plain search finds them, and never outside the bytes.

import KernelSpace
import TestSupport
import Testing

@Suite struct SymbolTableTests {
  /// A table made by the rules of its format, names one after the other.
  private static func table(_ functions: [(start: UInt32, name: String)]) -> [UInt8] {
    var (entries, names): ([UInt8], [UInt8]) = ([], [])
    for function in functions {
      entries += bytes(function.start) + bytes(UInt32(names.count))
      names += [UInt8(function.name.utf8.count)] + Array(function.name.utf8)
    }
    return bytes(UInt32(functions.count)) + entries + names
  }

  private static func bytes(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  private static func find(_ offset: UInt64, in table: [UInt8]) -> (start: UInt64, name: [UInt8])? {
    guard let symbol = SymbolTable(table.span.bytes).function(at: offset) else { return nil }
    let name = (0..<symbol.name.byteCount).map {
      symbol.name.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
    }
    return (symbol.start, name)
  }

  @Test func everyOffset() {
    let functions: [(UInt32, String)] = [
      (3, "memcpy"), (4, ""), (10, "f(_:)"), (200, String(repeating: "é", count: 127)),
    ]
    let table = Self.table(functions)
    for offset in 0..<300 as Range<UInt64> {
      let expected = functions.last { UInt64($0.0) <= offset }
      let found = Self.find(offset, in: table)
      #expect(found?.start == expected.map { UInt64($0.0) })
      #expect(found?.name == expected.map { Array($0.1.utf8) })
    }
    #expect(Self.find(.max, in: table)?.start == 200)
  }

  @Test func empty() {
    #expect(Self.find(0, in: []) == nil)
    #expect(Self.find(0, in: [1, 0, 0]) == nil)
    #expect(Self.find(0, in: Self.table([])) == nil)
  }

  /// What promises more than there is has no names; a name past the end is none.
  @Test func damaged() {
    let table = Self.table([(0, "one"), (8, "two")])
    for length in 0..<table.count {
      let found = Self.find(8, in: Array(table[..<length]))
      #expect(found == nil)
    }
    for count in 3...300 as ClosedRange<UInt32> {
      #expect(Self.find(8, in: Self.bytes(count * 0x10_0000) + table.dropFirst(4)) == nil)
    }
    var random = SeededGenerator(seed: 3)
    for _ in 0..<20_000 {
      var bytes = table
      for _ in 0..<3 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
          in: 0...255, using: &random)
      }
      _ = Self.find(.random(in: 0...16, using: &random), in: bytes)
    }
  }
}
