// A plan in words: all of it, or one line.

import Addressing
import BootInfo
import KernelSpace
import PageTables
import TestSupport

extension MachinePlan {
  /// All lines about the machine.
  func report(of name: String) -> [String] {
    let head = [
      "plan of \(name): \(firmwareMap.reports.count) entries",
      "processor: \(cpu.mode.levels) paging levels, \(physicalAddressWidth) physical address bits, "
        + "1 GiB pages: \(cpu.gigabytePages ? "yes" : "no")",
    ]
    switch outcome {
    case .refused(let reason): return head + ["cannot boot: \(reason)"]
    case .built(let space, let verdict):
      return head + Self.regions(of: space.map) + ["address space:"]
        + Self.picture(verdict.survey, space.plan.layout)
        + [Self.tables(verdict.survey, cpu.mode)] + verdict.report
    }
  }

  /// One line about the machine.
  func summary(of name: String) -> String {
    let head = "\(name): \(firmwareMap.reports.count) entries"
    switch outcome {
    case .refused(let reason): return "\(head), cannot boot: \(reason)"
    case .built(let space, let verdict):
      let windows = Window.used
      let pages = windows.indices.reduce(PageCounts()) {
        $0 + verdict.survey.pages(in: windows[$1])
      }
      // An entry is written for each page, and for each table but the root.
      let operations =
        pages.size1GiB + pages.size2MiB + pages.size4KiB + UInt64(verdict.survey.tableCount - 1)
      return "\(head), \(size(space.map.ramByteCount)) of RAM, "
        + "\(verdict.survey.tableCount) table frames, \(operations) operations: "
        + "\(pages.size1GiB) x 1 GiB, \(pages.size2MiB) x 2 MiB, \(pages.size4KiB) x 4 KiB, "
        + verdict.summary
    }
  }

  private static func regions(of map: borrowing MemoryMap) -> [String] {
    var lines = [
      "memory map normalised: \(map.count) regions, \(size(map.ramByteCount)) of RAM"
    ]
    for index in 0..<map.count {
      let region = map[index]
      lines.append(
        "  \(digits(region.range.lowerBound.rawValue)) - \(digits(region.range.upperBound.rawValue)) "
          + "\(right(size(region.range.byteCount), 13))  \(region.kind.name)")
    }
    if map.ramLeftOut > 0 {
      lines.append(
        "left out: \(size(map.ramLeftOut)) of RAM past what the CPU or the window can address")
    }
    return lines
  }

  /// The windows, highest first, as the kernel draws them.
  private static func picture(_ survey: AddressSpaceSurvey, _ layout: Layout) -> [String] {
    func boundary(_ address: UInt64) -> String { " +-+ <- \(digits(address))" }
    let windows: [(Window, VirtualAddress)] = [
      (.unusedTop, layout.kernelCode.upperBound), (.kernelCode, layout.kernelCode.lowerBound),
      (.unusedHole, layout.frameMetadata.upperBound),
      (.frameMetadata, layout.frameMetadata.lowerBound), (.vmalloc, layout.vmalloc.lowerBound),
      (.linearMapping, layout.linearMapping.lowerBound),
    ]
    return [" | |    \(Window.beyondTheEnd.name)", boundary(Layout.end.rawValue)]
      + windows.flatMap { contents(of: $0, survey) + [boundary($1.rawValue)] }
      + [
        " . .    \(Window.notCanonical.name)", boundary(layout.addressWidth.lowerHalfEnd.rawValue),
      ]
      + contents(of: .lowerHalf, survey) + [boundary(0)]
  }

  /// A line for each combination of rights.
  private static func contents(of window: Window, _ survey: AddressSpaceSurvey) -> [String] {
    let lines = (0...Rights.all.rawValue).map(Rights.init(rawValue:)).compactMap { rights in
      let pages = survey.pages(in: window, rights)
      return pages.byteCount == 0
        ? nil
        : "\(rights.word) \(right(size(pages.byteCount), 12)): "
          + "\(right("\(pages.size1GiB)", 4)) x 1 GiB, \(right("\(pages.size2MiB)", 4)) x 2 MiB, "
          + "\(right("\(pages.size4KiB)", 4)) x 4 KiB"
    }
    let name = "\(window.name)".padding(16)
    if lines.isEmpty { return [" | |    \(name) nothing mapped"] }
    return lines.enumerated().map { index, line in
      " |#|    \(index == 0 ? name : "".padding(16)) \(line)"
    }
  }

  private static func tables(_ survey: AddressSpaceSurvey, _ mode: PagingMode) -> String {
    let levels = stride(from: mode.levels, to: 0, by: -1)
      .map { "\(survey.tableCount(atLevel: $0)) of level \($0)" }
    return "table frames: \(survey.tableCount) = \(levels.joined(separator: " + ")); "
      + size(UInt64(survey.tableCount) * 4096)
  }
}

extension Verdict {
  /// A line for each promise, and what breaks it below.
  var report: [String] {
    let promises = Promise.audited
    let lines = promises.indices.flatMap { index -> [String] in
      let promise = promises[index]
      let found = findings[promise] ?? []
      let word = found.isEmpty ? "kept" : "broken"
      return ["promise \(right("\(promise.rawValue)", 2)) \(word): \(promise.words)"]
        + found.map { "  \($0)" }
    }
    return lines + others.map { "broken: \($0)" }
  }

  /// `OK`, or what is wrong.
  var summary: String {
    if isKept { return "OK" }
    let promises = broken.map { "promise \($0.rawValue) is broken" }
    return (promises + others).joined(separator: "; ")
  }
}

private func right(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

extension String {
  fileprivate func padding(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}

/// All 16 digits, in groups of four.
func digits(_ address: UInt64) -> String {
  let digits = String(address, radix: 16)
  let padded = Array(String(repeating: "0", count: 16 - digits.count) + digits)
  return "0x"
    + stride(from: 0, to: 16, by: 4).map { String(padded[$0..<$0 + 4]) }
    .joined(separator: "_")
}

/// An exact size, in the largest unit that divides it.
func size(_ byteCount: UInt64) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
  let unit = byteCount == 0 ? 0 : min(byteCount.trailingZeroBitCount / 10, 5)
  return "\(byteCount >> UInt64(10 * unit)) \(units[unit])"
}
