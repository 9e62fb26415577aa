// `mem` and `memmap`: every shape of the words, and what they do to a map.

import Addressing
import BootInfo
import TestSupport
import Testing

private func range(_ lower: UInt64, _ upper: UInt64) -> Range<PhysicalAddress> {
  PhysicalAddress(lower)..<PhysicalAddress(upper)
}

private func end(_ address: UInt64) -> MemoryMapChange { .endUsable(PhysicalAddress(address)) }

/// What the value of the only word of a line, `mem=...` or `memmap=...`, asks for, piece by piece.
private func changes(_ line: String) -> [MemoryMapChange?] {
  let bytes = Array(line.utf8)
  let line = CommandLine(bytes.span.bytes)
  if let size = line.value(ofKey: "mem") { return [MemoryMapChange(mem: size)] }
  guard let value = line.value(ofKey: "memmap") else { return [] }
  var changes: [MemoryMapChange?] = []
  var pieces = value.pieces
  while let piece = pieces.next() { changes.append(MemoryMapChange(memmap: piece)) }
  return changes
}

/// The pieces of the only word of a line.
private func pieces(_ line: String) -> [String] {
  let bytes = Array(line.utf8)
  var words = CommandLine(bytes.span.bytes).words
  guard let word = words.next() else { return [] }
  var result: [String] = []
  var pieces = word.pieces
  while let piece = pieces.next() {
    var decoded: [UInt8] = []
    piece.forEachByte { decoded.append($0) }
    result.append(String(decoding: decoded, as: UTF8.self))
  }
  return result
}

@Suite struct MemoryMapChangeTests {
  @Test func shapes() {
    #expect(changes("memmap=16M@64M") == [.add(range(0x400_0000, 0x500_0000), .usable)])
    #expect(changes("memmap=64K$0x10000") == [.add(range(0x1_0000, 0x2_0000), .reserved)])
    #expect(changes("memmap=0x3000#4096") == [.add(range(0x1000, 0x4000), .acpi)])
    #expect(changes("memmap=2G") == [end(2 << 30)])
    #expect(changes("mem=512M") == [end(512 << 20)])
    #expect(changes("memmap=1@0") == [.add(range(0, 1), .usable)])
  }

  @Test(
    arguments: [
      ("1", 1), ("4095", 4095), ("0x1f", 0x1f), ("0XaBcDeF", 0xabcdef), ("010", 8),
      ("010k", 8 << 10),
      ("1k", 1 << 10), ("3K", 3 << 10), ("5m", 5 << 20), ("5M", 5 << 20), ("7g", 7 << 30),
      ("7G", 7 << 30), ("9t", 9 << 40), ("9T", 9 << 40), ("3p", 3 << 50), ("3P", 3 << 50),
      ("1e", 1 << 60), ("15E", 15 << 60), ("0x1E", 0x1e), ("0x1EK", 0x1e << 10),
      ("0x10M", 16 << 20),
      ("18446744073709551615", .max), ("0xffffffffffffffff", .max), ("0xfffffffffffffM", nil),
      ("18014398509481983K", 0xffff_ffff_ffff_fc00), ("01777777777777777777777", .max),
    ] as [(String, UInt64?)])
  func numbers(_ digits: String, _ number: UInt64?) {
    #expect(changes("mem=\(digits)") == [number.map(end)])
    #expect(changes("memmap=\(digits)") == [number.map(end)])
    let start: UInt64 = 0x1000
    let reserved = number.flatMap { $0 > .max - start ? nil : $0 }
      .map { MemoryMapChange.add(range(start, start + $0), .reserved) }
    #expect(changes("memmap=\(digits)$4K") == [reserved])
  }

  @Test(arguments: [
    "", "0", "0x", "0xg", "0K", "K", "M64", "-1", "+1", " ", "1 ", "1KB", "1Q", "08", "09", "1.5G",
    "1_000",
    "64M;", "a", "ffff", "18446744073709551616", "0x10000000000000000", "16E", "17179869184G",
    "02000000000000000000000", "exactmap", "\u{e9}",
  ])
  func badNumbers(_ digits: String) {
    #expect(changes("mem='\(digits)'") == [nil])
    #expect(changes("memmap='\(digits)'") == [nil])
    #expect(changes("memmap='\(digits)@1M'") == [nil])
    // Only as a start, zero is a number.
    let isZero = ["0", "0K"].contains(digits)
    #expect(changes("memmap='1M@\(digits)'") == [isZero ? .add(range(0, 1 << 20), .usable) : nil])
  }

  @Test(arguments: [
    "@", "$", "#", "1M@", "1M$", "1M#", "@1M", "$1M", "#1M", "1M@1M@1M", "1M@1M$", "1M@@1M",
    "1M@ 1M",
    "1M!1M", "1M%1M-1", "1M-2M", "1M&1M", "0@1M", "0xfffffffffffff000@4K", "1@0xffffffffffffffff",
  ])
  func badPieces(_ piece: String) { #expect(changes("memmap='\(piece)'") == [nil]) }

  /// The last byte there is can't be reached: no address follows it.
  @Test func theHighestEnd() {
    #expect(
      changes("memmap=0xfffffffffffff$0xfff0000000000000")
        == [.add(range(0xfff0_0000_0000_0000, .max), .reserved)])
  }

  @Test func onlyMemmapTakesAList() {
    #expect(changes("mem=1M,2M") == [nil])
    #expect(changes("mem=1M@2M") == [nil])
    #expect(
      changes("memmap=1M@2M,bad,,1K$0,3G,") == [
        .add(range(2 << 20, 3 << 20), .usable), nil, nil, .add(range(0, 1024), .reserved),
        end(3 << 30), nil,
      ])
  }

  @Test func piecesOfWords() {
    #expect(pieces("a") == ["a"])
    #expect(pieces("a,b") == ["a", "b"])
    #expect(pieces(",") == ["", ""])
    #expect(pieces("a,,b,") == ["a", "", "b", ""])
    #expect(pieces(#"'a b,c d',"e,f"g,h"#) == ["a b", "c d", "e", "fg", "h"])
    #expect(pieces(#"a\,b'',"",c\"#) == ["a", "b", "", "c"])
    #expect(pieces(#"a",b c"d e"#) == ["a", "b cd"])
    #expect(pieces("''") == [""])
  }

  private static let reports = [
    Report(0, 0xa_0000, .usable), Report(0x10_0000, 0x800_0000, .usable),
    Report(0x800_0000, 0x801_0000, .acpi), Report(0x1_0000_0000, 0x1_4000_0000, .usable),
    Report(0x20_0000, 0x28_0000, .kernel),
  ]

  private func normalised(after changes: MemoryMapChange...) throws -> [Report] {
    var map = MemoryMap()
    try map.add(Self.reports)
    for change in changes { try map.apply(change) }
    try map.normalise()
    return Outcome(of: map).regions
  }

  @Test func usableRAMEnds() throws {
    let low = [
      Report(0, 0xa_0000, .usable), Report(0x10_0000, 0x20_0000, .usable),
      Report(0x20_0000, 0x28_0000, .kernel),
    ]
    let acpi = Report(0x800_0000, 0x801_0000, .acpi)
    #expect(
      try normalised(after: end(0x400_0000)) == low + [
        Report(0x28_0000, 0x400_0000, .usable), acpi,
      ])
    #expect(
      try normalised(after: end(0x400_0fff)) == low + [
        Report(0x28_0000, 0x400_0000, .usable), acpi,
      ])
    // All that lies below stays, be the end in a hole, at an edge, or past everything.
    let below4GiB = low + [Report(0x28_0000, 0x800_0000, .usable), acpi]
    #expect(try normalised(after: end(0x800_0000)) == below4GiB)
    #expect(try normalised(after: end(0x1_0000_0000)) == below4GiB)
    let all = below4GiB + [Report(0x1_0000_0000, 0x1_4000_0000, .usable)]
    #expect(try normalised(after: end(0x1_4000_0000)) == all)
    #expect(try normalised(after: end(.max)) == all)
  }

  @Test func anEndBelowTheKernelIsAnError() {
    #expect(throws: MemoryMapError.notInRAM(.kernel, at: PhysicalAddress(0x20_0000), over: nil)) {
      try normalised(after: end(0x10_0000))
    }
    #expect(
      throws: MemoryMapError.notInRAM(.kernel, at: PhysicalAddress(0x20_0000), over: .reserved)
    ) { try normalised(after: .add(range(0x20_0000, 0x20_0001), .reserved)) }
  }

  /// What is added after an end, is; what was before, is cut.
  @Test func orderCounts() throws {
    let added = MemoryMapChange.add(range(0x2_0000_0000, 0x2_0010_0000), .usable)
    let region = Report(0x2_0000_0000, 0x2_0010_0000, .usable)
    #expect(try normalised(after: end(0x400_0000), added).last == region)
    #expect(!(try normalised(after: added, end(0x400_0000)).contains(region)))
  }

  @Test func whatIsAddedYieldsToWhatIsStronger() throws {
    let regions = try normalised(
      after: .add(range(0x7f0_0000, 0x900_0000), .usable),
      .add(range(0x1_0000_0800, 0x1_0000_0801), .reserved),
      .add(range(0x1_1000_0000, 0x1_1000_1000), .acpi))
    #expect(
      regions.suffix(7) == [
        Report(0x28_0000, 0x800_0000, .usable), Report(0x800_0000, 0x801_0000, .acpi),
        Report(0x801_0000, 0x900_0000, .usable), Report(0x1_0000_0000, 0x1_0000_1000, .reserved),
        Report(0x1_0000_1000, 0x1_1000_0000, .usable), Report(0x1_1000_0000, 0x1_1000_1000, .acpi),
        Report(0x1_1000_1000, 0x1_4000_0000, .usable),
      ])
  }

  @Test func tooManyChanges() throws {
    var map = MemoryMap()
    for index in 0..<UInt64(map.capacity) {
      try map.apply(.add(range(index << 13, index << 13 + 0x1000), .usable))
    }
    #expect(throws: MemoryMapError.tooManyEntries) { try map.apply(.add(range(1, 2), .reserved)) }
    #expect(map.count == map.capacity)
    // Every second one goes, then all but the first.
    try map.apply(end(UInt64(map.capacity / 2) << 13))
    #expect(map.count == map.capacity / 2)
    try map.apply(end(1))
    #expect(map.count == 1)
  }
}
