// The picture of the address space, read back from the screen's pixels: what stands where the legend
// says what it means, against what is mapped as an independent reader of the tables sees it.

import Oracle
import Testing

@Suite struct PictureTests {
  /// Each window's colours, words and strip, on screens of many sizes and depths.
  @Test(arguments: [
    ("640x480x32", Processor.all), ("640x480x16", .plain), ("1024x768x24", .fiveLevels),
    ("800x600x15", .all), ("1920x1080x32", .gigabytePages),
  ])
  func windows(_ video: String, _ processor: Processor) throws {
    let hardware = Hardware(processor: processor, memory: "3G")
    let (picture, table, _) = try boot(hardware, video: video)
    let legend = try picture.legend()
    #expect(Set(legend.map(\.colour)).count == 3)
    let windows = Windows(levels: table.levels)
    for name in ["beyond the end", "unused", "unused hole", "not canonical", "lower half"] {
      #expect(try picture.bandColours(of: name).isEmpty, "\(name)")
    }
    for (name, window) in [
      ("kernel code", windows.kernelCode), ("frame metadata", windows.frameMetadata),
      ("vmalloc", windows.vmalloc), ("linear mapping", windows.linear),
    ] {
      let runs = table.runs.filter { window.contains($0.virtual) }
      let kinds = legend.filter { kind in runs.contains { $0.grants == kind.grants } }
      #expect(try picture.bandColours(of: name) == kinds.map(\.colour), "\(name)")
      let place = try #require(picture.find(name).max { $0.x < $1.x })
      #expect(
        try picture.text(x: place.x, y: place.y).hasPrefix("\(name) \(digits(window.lowerBound)) "))
      #expect(
        try picture.text(x: place.x, y: place.y + 16)
          == words(kinds, runs, isWide: picture.width >= 1000), "\(name)")
      try checkStrip(picture, x: place.x, y: place.y + 33, runs, legend)
    }
  }

  /// The regions of the memory map, in their order and in the colours of their kinds.
  @Test(arguments: [("640x480x32", "64M"), ("1024x768x16", "6G")])
  func memoryMap(_ video: String, _ memory: String) throws {
    let (picture, _, report) = try boot(Hardware(memory: memory), video: video)
    let regions = report.normalised
    let heading = try #require(picture.find("memory map, by").min { $0.y < $1.y })
    #expect(try picture.text(x: heading.x, y: heading.y).contains(": \(regions.count) regions, "))
    var colours: [String: Screenshot.Colour] = [:]
    for kind in Set(regions.map(\.kind)) {
      let byteCount = regions.filter { $0.kind == kind }.reduce(0) {
        $0 + $1.range.upperBound - $1.range.lowerBound
      }
      let entry = try #require(picture.find("\(kind) \(about(byteCount))").first, "\(kind)")
      colours[kind] = picture.pixel(x: entry.x - 30, y: entry.y)
    }
    #expect(Set(colours.values.map(\.brightness)).count == colours.count)
    var expected: [Screenshot.Colour?] = []
    var end: UInt64 = 0
    for region in regions {
      if region.range.lowerBound > end { expected.append(nil) }
      expected.append(colours[region.kind])
      end = region.range.upperBound
    }
    let row = (heading.x..<picture.width - 8).map { x in
      // Above the letters.
      picture.pixel(x: x, y: heading.y + (picture.width >= 1000 ? 18 : 16))
    }
    // Holes and the lines between regions are dark.
    var found: [Screenshot.Colour?] = []
    for (index, colour) in row.enumerated() where index == 0 || colour != row[index - 1] {
      let known = colours.values.contains(colour) ? colour : nil
      if colour.brightness > 0 { found.append(known) }
    }
    #expect(found == expected)
  }

  /// The command gives the screen to the text, and to the picture again.
  @Test func command() throws {
    func screen(_ commands: String) throws -> Screenshot {
      let guest = try Guest(commandLine: "'run=\(commands); exit'", video: "640x480x32")
      try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
      let screenshot = try guest.monitor.screenshot()
      #expect(try guest.finish().status == 33)
      return screenshot
    }
    #expect(try screen("screen text").text().contains("highland: ready"))
    #expect(try screen("screen text; screen").find("linear mapping").count == 2)
  }

  private func boot(
    _ hardware: Hardware, video: String
  ) throws -> (Screenshot, Snapshot, KernelReport) {
    let guest = try Guest(hardware, video: video)
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let table = try guest.snapshot(physicalWidth: hardware.processor.physicalWidth)
    let screenshot = try guest.monitor.screenshot()
    let ending = try guest.finish()
    #expect(ending.status == 33)
    return (screenshot, table, KernelReport(ending.lines))
  }

  /// What is mapped in a window, as the second row of its panel should say it.
  private func words(_ kinds: [Legend], _ runs: [Run], isWide: Bool) -> String {
    var words = ""
    for kind in kinds {
      let byteCount = runs.filter { $0.grants == kind.grants }.reduce(0) { $0 + $1.byteCount }
      words += "\(kind.word) \(about(byteCount))" + (isWide ? "  " : " ")
    }
    words += "="
    for (unit, short, count) in [
      ("1 GiB", "1G", \PageCounts.of1GiB), ("2 MiB", "2M", \.of2MiB), ("4 KiB", "4K", \.of4KiB),
    ] {
      let sum = runs.reduce(0) { $0 + $1.pages[keyPath: count] }
      if sum > 0 { words += isWide ? " \(sum) x \(unit)" : " \(sum)x\(short)" }
    }
    return words
  }

  /// Each run has its colour, and its share of the strip.
  private func checkStrip(
    _ picture: Screenshot, x: Int, y: Int, _ runs: [Run], _ legend: [Legend]
  ) throws {
    let start = try #require(runs.first).virtual
    let end = try #require(runs.last).virtualRange.upperBound
    let width = picture.width - 8 - x
    func column(_ address: UInt64) -> Double {
      Double(address - start) / Double(end - start) * Double(width)
    }
    // What is thinner than two pixels may stand on top of something else.
    let thin = runs.filter { column($0.virtualRange.upperBound) - column($0.virtual) < 2 }
    let covered = Set(
      thin.flatMap {
        [Int(column($0.virtual)) - 1, Int(column($0.virtual)), Int(column($0.virtual)) + 1]
      })
    var last = start
    for run in runs {
      let colour = legend.first { $0.grants == run.grants }?.colour
      let (from, to) = (column(run.virtual), column(run.virtualRange.upperBound))
      for column in Int(from) + 1..<max(Int(to) - 1, Int(from) + 1) where !covered.contains(column)
      {
        #expect(picture.pixel(x: x + column, y: y) == colour, "column \(column)")
      }
      for column in Int(column(last)) + 1..<max(Int(from) - 1, Int(column(last)) + 1)
      where !covered.contains(column) {
        #expect(!legend.contains { $0.colour == picture.pixel(x: x + column, y: y) })
      }
      last = run.virtualRange.upperBound
    }
    // What may not be written to is on top.
    for run in thin where run.grants != .write {
      let colours = (-1...1).map { shift in
        picture.pixel(x: x + min(max(Int(column(run.virtual)) + shift, 0), width - 1), y: y)
      }
      let kinds = legend.filter { kind in colours.contains(kind.colour) }
      #expect(kinds.contains { $0.grants == run.grants })
    }
  }
}

/// What a colour means.
private struct Legend {
  let word: String
  let grants: Grants
  let colour: Screenshot.Colour
}

extension Screenshot {
  /// The colours of rights, from the legend: the first that is said of each.
  fileprivate func legend() throws -> [Legend] {
    try [("r--", Grants()), ("rw-", .write), ("r-x", .execute)].map { word, grants in
      let place = try #require(find(word).min { ($0.y, $0.x) < ($1.y, $1.x) })
      return Legend(word: word, grants: grants, colour: pixel(x: place.x, y: place.y))
    }
  }

  /// The colours left of a window's name in the bar of all windows, from left to right.
  fileprivate func bandColours(of name: String) throws -> [Colour] {
    let place = try #require(find(name).min { ($0.x, $0.y) < ($1.x, $1.y) }, "\(name)")
    let background = pixel(x: place.x, y: place.y)
    var colours: [Colour] = []
    for x in 8..<place.x {
      let colour = pixel(x: x, y: place.y + 8)
      if colour != background, colour != colours.last { colours.append(colour) }
    }
    return colours
  }

  /// Where a text stands in the picture: in columns of 8 pixels, at any height.
  fileprivate func find(_ text: String) throws -> [(x: Int, y: Int)] {
    let rows = try FontFile.current.get().rows(of: text)
    var places: [(x: Int, y: Int)] = []
    for y in 0...16 * rowsBelowPicture.lowerBound - 16 {
      for x in stride(from: 0, through: width - 8 * rows.count, by: 8)
      where rows.indices.allSatisfy({ shows(rows[$0], x: x + 8 * $0, y: y) }) {
        places.append((x, y))
      }
    }
    return places
  }

  /// Whether a cell shows a glyph: its upper left pixel is never part of one.
  private func shows(_ rows: [UInt8], x: Int, y: Int) -> Bool {
    let paper = pixel(x: x, y: y)
    for (row, bits) in rows.enumerated() {
      for column in 0..<8 {
        let isInk = pixel(x: x + column, y: y + row) != paper
        if isInk != (bits & 0x80 >> UInt8(column) != 0) { return false }
      }
    }
    return true
  }

  /// The text from a place on, up to where there is none, without the blanks at its end.
  fileprivate func text(x: Int, y: Int) throws -> String {
    let glyphs = try FontFile.current.get().glyphs
    var text = String.UnicodeScalarView()
    for x in stride(from: x, through: width - 8, by: 8) {
      guard let glyph = glyphs.first(where: { shows($0.rows, x: x, y: y) }) else { break }
      text.append(glyph.scalar)
    }
    return withoutBlanksAtEnd(String(text))
  }
}

/// A size in the largest unit that it has one of, to a tenth of it, rounded down.
private func about(_ byteCount: UInt64) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
  let unit = byteCount < 1024 ? 0 : (63 - byteCount.leadingZeroBitCount) / 10
  let whole = byteCount >> UInt64(10 * unit)
  let size = Double(byteCount) / Double(UInt64(1) << UInt64(10 * unit))
  let tenths = Int((size - Double(whole)) * 10)
  return "\(whole)" + (tenths > 0 ? ".\(tenths)" : "") + " " + units[unit]
}
