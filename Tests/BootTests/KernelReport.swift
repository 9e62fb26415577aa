// What the kernel says while it boots, for comparison with what the tests see from outside.

import Oracle

struct KernelReport {
  /// The firmware's map and the kernel's, as printed.
  private(set) var received: [MemoryRegion] = []
  private(set) var normalised: [MemoryRegion] = []
  /// The other lines, blanks reduced to one: columns may move.
  private(set) var lines: [String] = []

  init(_ lines: [String]) {
    var inNormalisedMap = false
    for line in lines {
      if let region = MemoryRegion(line) {
        if inNormalisedMap { normalised.append(region) } else { received.append(region) }
      } else {
        inNormalisedMap = inNormalisedMap || line.hasPrefix("memory map normalised")
        self.lines.append(line.split(separator: " ").joined(separator: " "))
      }
    }
  }

  /// The lines after the one that starts with `start`, up to the one that starts with `end`.
  func lines(from start: String, to end: String) -> [String] {
    let rest = lines.drop { !$0.hasPrefix(start) }.dropFirst()
    return Array(rest.prefix { !$0.hasPrefix(end) })
  }

  /// The line that starts with `start`.
  func line(_ start: String) -> String? { lines.first { $0.hasPrefix(start) } }
}

/// A line of a memory map: `0x0000_0000_0010_0000 - 0x0000_0000_07fd_f000  129916 KiB  usable`.
struct MemoryRegion: Equatable {
  let range: Range<UInt64>
  let kind: String

  init(_ range: Range<UInt64>, _ kind: String) { (self.range, self.kind) = (range, kind) }

  init?(_ line: String) {
    let words = line.split(separator: " ")
    guard words.count > 5, words[1] == "-", let start = address(words[0]),
      let end = address(words[2]), start <= end, "\(words[3]) \(words[4])" == size(end - start)
    else { return nil }
    range = start..<end
    kind = words[5...].joined(separator: " ")
  }
}

/// The RAM of a firmware's map, by the rules for maps: usable RAM shrinks to whole pages, everything
/// else grows; ACPI tables and NVS are RAM, too; whatever else overlaps RAM wins over it.
func ram(of received: [MemoryRegion]) -> RangeSet<UInt64> {
  func pages(_ range: Range<UInt64>) -> Range<UInt64> {
    range.lowerBound & ~0xfff..<(range.upperBound + 0xfff) & ~0xfff
  }
  var usable = RangeSet<UInt64>()
  for region in received where region.kind == "usable" { usable.insert(contentsOf: region.range) }
  var ram = RangeSet<UInt64>()
  for range in usable.ranges {
    let (first, end) = ((range.lowerBound + 0xfff) & ~0xfff, range.upperBound & ~0xfff)
    if first < end { ram.insert(contentsOf: first..<end) }
  }
  for region in received where region.kind.hasPrefix("ACPI") {
    ram.insert(contentsOf: pages(region.range))
  }
  for region in received where region.kind != "usable" && !region.kind.hasPrefix("ACPI") {
    ram.remove(contentsOf: pages(region.range))
  }
  return ram
}

/// The picture that the kernel should draw of `table`, highest address first.
func picture(of table: Snapshot) -> [String] {
  let windows = Windows(levels: table.levels)
  let lowerHalfEnd: UInt64 = table.levels == 5 ? 0x0100_0000_0000_0000 : 0x0000_8000_0000_0000
  let end: UInt64 = 0xffff_ffff_ffff_0000
  let parts = [
    ("unused", windows.kernelCode.upperBound..<end),
    ("kernel code", windows.kernelCode),
    ("unused hole", windows.frameMetadata.upperBound..<windows.kernelCode.lowerBound),
    ("frame metadata", windows.frameMetadata),
    ("vmalloc", windows.vmalloc),
    ("linear mapping", windows.linear),
  ]
  return ["| | beyond the end", boundary(end)]
    + parts.flatMap { contents(of: table, $0, $1) + [boundary($1.lowerBound)] }
    + [". . not canonical", boundary(lowerHalfEnd)]
    + contents(of: table, "lower half", 0..<lowerHalfEnd) + [boundary(0)]
}

private func boundary(_ address: UInt64) -> String { "+-+ <- \(digits(address))" }

/// A line for each combination of rights in a window.
private func contents(
  of table: Snapshot, _ name: String, _ window: Range<UInt64>
) -> [String] {
  let rights: [(Grants, String)] = [([], "r--"), (.write, "rw-"), (.execute, "r-x")]
  let lines = rights.compactMap { grants, word -> String? in
    let runs = table.runs.filter { window.contains($0.virtual) && $0.grants == grants }
    guard !runs.isEmpty else { return nil }
    let byteCount = runs.reduce(0) { $0 + $1.byteCount }
    var pages = PageCounts()
    for run in runs {
      pages.of1GiB += run.pages.of1GiB
      pages.of2MiB += run.pages.of2MiB
      pages.of4KiB += run.pages.of4KiB
    }
    return "\(word) \(size(byteCount)): \(pages.of1GiB) x 1 GiB, \(pages.of2MiB) x 2 MiB, "
      + "\(pages.of4KiB) x 4 KiB"
  }
  if lines.isEmpty { return ["| | \(name) nothing mapped"] }
  return ["|#| \(name) \(lines[0])"] + lines.dropFirst().map { "|#| \($0)" }
}

/// What the kernel should say about the tables themselves.
func tableFrames(of table: Snapshot) -> String {
  let levels = stride(from: table.levels, to: 0, by: -1).map { level in
    "\(table.tables.count { $0.level == level }) of level \(level)"
  }
  return "table frames: \(table.tables.count) = \(levels.joined(separator: " + ")); "
    + size(UInt64(table.tables.count) * 4096)
}

/// All 16 digits, in groups of four.
func digits(_ address: UInt64) -> String {
  let digits = String(address, radix: 16)
  let padded = Array(String(repeating: "0", count: 16 - digits.count) + digits)
  return "0x"
    + stride(from: 0, to: 16, by: 4).map { String(padded[$0..<$0 + 4]) }.joined(separator: "_")
}

/// The address that `digits` are of.
func address(_ digits: Substring) -> UInt64? {
  guard digits.hasPrefix("0x") else { return nil }
  return UInt64(digits.dropFirst(2).filter { $0 != "_" }, radix: 16)
}

/// An exact size, in the largest unit that divides it.
func size(_ byteCount: UInt64) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
  let unit = byteCount == 0 ? 0 : min(byteCount.trailingZeroBitCount / 10, 5)
  return "\(byteCount >> UInt64(10 * unit)) \(units[unit])"
}
