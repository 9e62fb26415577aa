// What the kernel says while it boots, for comparison with what the tests see from outside.

import Oracle

struct KernelReport {
  /// The firmware's map and the kernel's, as printed.
  private(set) var received: [MemoryRegion] = []
  private(set) var normalised: [MemoryRegion] = []
  /// The other lines of the boot, blanks reduced to one: columns may move.
  private(set) var lines: [String] = []
  /// What it said to each command, likewise.
  private(set) var answers: [(command: String, lines: [String])] = []

  init(_ lines: [String]) {
    var inNormalisedMap = false
    for line in lines {
      if line.hasPrefix(Self.prompt) {
        answers.append((String(line.dropFirst(Self.prompt.count)), []))
      } else if !answers.isEmpty {
        answers[answers.count - 1].lines.append(line.withSingleBlanks)
      } else if let region = MemoryRegion(line) {
        if inNormalisedMap { normalised.append(region) } else { received.append(region) }
      } else {
        inNormalisedMap = inNormalisedMap || line.hasPrefix("memory map normalised")
        self.lines.append(line.withSingleBlanks)
      }
    }
  }

  private static let prompt = "highland> "

  /// What the kernel says of its address space: when it has booted, and when `layout` asks for it,
  /// with the answers that `areas` and `mappings` gave last.
  var addressSpaces: [AddressSpaceReport] {
    let boot = lines.drop { !$0.hasPrefix("address space, ") }
    var reports = boot.isEmpty ? [] : [AddressSpaceReport(boot)]
    var last: [String: [String]] = [:]
    for answer in answers {
      last[answer.command] = answer.lines
      guard answer.command == "layout" else { continue }
      var report = AddressSpaceReport(answer.lines[...])
      report.areas = last["areas"].map { $0.map(ReportedArea.init) }
      report.mappings = last["mappings"]
      reports.append(report)
    }
    return reports
  }

  /// The line that starts with `start`.
  func line(_ start: String) -> String? { lines.first { $0.hasPrefix(start) } }
}

extension String {
  fileprivate var withSingleBlanks: String { split(separator: " ").joined(separator: " ") }
}

/// What the kernel says of its address space at one moment.
struct AddressSpaceReport {
  /// The line above the picture.
  let heading: String?
  /// The picture, a line each.
  let picture: [String]
  let tables: String?
  /// The promises that are said to be kept.
  let keptPromises: [String]
  /// The reservations of the vmalloc window; `nil` where nobody asked.
  var areas: [ReportedArea?]?
  /// What is mapped, run by run; `nil` where nobody asked.
  var mappings: [String]?

  /// - Parameter lines: the first is the heading.
  init(_ lines: ArraySlice<String>) {
    heading = lines.first
    picture = Array(lines.dropFirst().prefix { !$0.hasPrefix("table frames: ") })
    tables = lines.first { $0.hasPrefix("table frames: ") }
    keptPromises = lines.filter { $0.hasPrefix("promise ") }.map { String($0.prefix { $0 != ":" }) }
  }
}

/// A line of what `areas` says, without the guard pages:
/// `0xff80_0000_0002_8000 - 0xff80_0000_0002_9000 4 KiB HPET: 4 KiB mapped`, or behind the size
/// `ended: waits for a flush`.
struct ReportedArea {
  let pages: Range<UInt64>
  let owner: String
  /// The size of what is mapped.
  let mapped: String

  init?(_ line: String) {
    guard
      let match = line.wholeMatch(
        of: /(0x[0-9a-f_]+) - (0x[0-9a-f_]+) (\d+ \w+) (.+): (?:(\d+ \w+) mapped.*|waits.*)/),
      let start = address(match.1), let end = address(match.2), start < end,
      match.3 == size(end - start)
    else { return nil }
    (pages, owner, mapped) = (start..<end, String(match.4), match.5.map(String.init) ?? size(0))
  }
}

/// A device that the kernel has mapped:
/// `device: HPET at 0x0000_0000_fed0_0000, mapped at 0xff80_0000_0002_8000: 10 ns a tick`.
struct MappedDevice {
  let name: String
  let physical: UInt64
  let virtual: UInt64
  /// What it said of itself.
  let answer: String

  init?(_ line: String) {
    guard
      let match = line.wholeMatch(
        of: /device: (.+) at (0x[0-9a-f_]+), mapped at (0x[0-9a-f_]+): (.*)/),
      let physical = address(match.2), let virtual = address(match.3)
    else { return nil }
    (name, answer) = (String(match.1), String(match.4))
    (self.physical, self.virtual) = (physical, virtual)
  }

  /// The area that it should have: registers uncacheable (index 3 of IA32_PAT as Highland sets it),
  /// a screen's memory write-combining (index 5). `nil` for a device that nobody knows.
  var area: Area? {
    let (byteCount, patIndex): (UInt64, UInt8)
    switch name {
    case "local APIC", "I/O APIC": (byteCount, patIndex) = (4096, 3)
    case "HPET": (byteCount, patIndex) = (1024, 3)
    case "framebuffer":
      // Text has two bytes a character; nothing QEMU has to show leaves a gap between rows.
      guard let match = answer.prefixMatch(of: /(\d+) x (\d+)(?:, (\d+) bits)?/),
        let width = UInt64(match.1), let height = UInt64(match.2)
      else { return nil }
      let bits = match.3.flatMap { UInt64($0) } ?? 16
      (byteCount, patIndex) = (width * height * ((bits + 7) / 8), 5)
    default: return nil
    }
    let (start, end) = (physical & ~0xfff, (physical + byteCount + 0xfff) & ~0xfff)
    let first = virtual & ~0xfff
    return Area(pages: first..<first + (end - start), device: start, patIndex: patIndex)
  }
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

/// What `mappings` should say of `table`: a line a run, under the name of its window.
func mappings(of table: Snapshot) -> [String] {
  let windows = Windows(levels: table.levels)
  let parts = [
    ("linear mapping", windows.linear), ("vmalloc", windows.vmalloc),
    ("frame metadata", windows.frameMetadata), ("kernel code", windows.kernelCode),
  ]
  return parts.flatMap { name, window in
    let runs = table.runs.filter { window.contains($0.virtual) }
    return (runs.isEmpty ? [] : [name])
      + runs.map { run in
        let range = "\(digits(run.virtual)) - \(digits(run.virtual + run.byteCount))"
        return "\(range) \(size(run.byteCount)) \(word(for: run.grants)) "
          + "\(memoryTypes[Int(run.patIndex)]) to \(digits(run.physical)): \(contents(run.pages))"
      }
  }
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
