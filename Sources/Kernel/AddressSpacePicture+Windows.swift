import Addressing
import Display
import KernelSpace
import PageTables

// The windows: on the left all of them, by the logarithm of their size; on the right what is mapped in
// those that hold mappings, true to scale.

extension AddressSpacePicture {
  /// A part of the address space: its colours and its name.
  func drawBand(_ index: Int) {
    let window = SpacePicture.window(ofBand: index)
    let band = place.band(index)
    // A line of the background keeps it apart from the next.
    let height = band.height - 1
    let colours = Rectangle(x: band.x, y: band.y, width: place.bandColourWidth, height: height)
    screen.fill(Rectangle(x: band.x, y: band.y, width: band.width, height: height), Palette.empty)
    var count = 0
    forEachRights(of: window) { _, _ in count += 1 }
    var position = 0
    forEachRights(of: window) { rights, _ in
      let (start, end) = (colours.width * position / count, colours.width * (position + 1) / count)
      screen.fill(
        Rectangle(x: colours.x + start, y: colours.y, width: end - start, height: height),
        Palette.colour(of: rights))
      position += 1
    }
    // In the middle: the label is as high as the lowest band.
    let label = Rectangle(
      x: colours.right, y: band.y + (band.height - 16) / 2, width: band.width - colours.width,
      height: 16)
    write(at: label, count > 0 ? Palette.white : Palette.faint, on: Palette.empty) {
      printPart("\(window.name, width: 14)")
      if place.isWide { printPart(" \(about: place.byteCount(of: window))") }
    }
  }

  /// A window that holds mappings.
  func drawPanel(_ index: Int) {
    let window = SpacePicture.panels[index]
    let panel = place.panel(index)
    drawZoom(from: window, to: panel.x, panel.y..<place.pages(ofPanel: index).bottom)
    guard let range = layout.range(of: window) else { return }
    let row = Rectangle(x: panel.x, y: panel.y, width: panel.width, height: 16)
    let afterName = write(at: row, Palette.white) { printPart("\(window.name)") }
    let extent = extents[index]
    write(at: row.from(afterName), Palette.text) {
      printPart(" \(range.lowerBound) \(about: range.byteCount)")
      if let extent {
        printPart(", \(place.isWide ? "of which here " : "here ")\(about: extent.byteCount)")
      }
    }
    drawSizes(
      of: window, in: Rectangle(x: panel.x, y: panel.y + 16, width: panel.width, height: 16))
    let (rights, pages) = (place.rights(ofPanel: index), place.pages(ofPanel: index))
    screen.fill(rights, Palette.empty)
    screen.fill(pages, Palette.empty)
    guard let extent else { return }
    drawStrip(of: extent, rights, pages)
    if place.hasStripWords { drawEnds(of: extent, in: range, below: pages) }
  }

  /// What is mapped, in words.
  private func drawSizes(of window: Window, in row: Rectangle) {
    var x = row.x
    forEachRights(of: window) { rights, counts in
      x = write(at: row.from(x), Palette.black, on: Palette.colour(of: rights)) {
        printPart("\(rights.word)")
      }
      x = write(at: row.from(x), Palette.text) {
        printPart(" \(about: counts.byteCount)\(place.isWide ? "  " : " ")")
      }
    }
    let sum = survey.pages(in: window)
    guard sum.byteCount > 0 else {
      _ = write(at: row, Palette.faint) { printPart("nothing mapped") }
      return
    }
    write(at: row.from(x), Palette.text) {
      printPart("=")
      if sum.size1GiB > 0 {
        printPart(place.isWide ? " \(sum.size1GiB) x 1 GiB" : " \(sum.size1GiB)x1G")
      }
      if sum.size2MiB > 0 {
        printPart(place.isWide ? " \(sum.size2MiB) x 2 MiB" : " \(sum.size2MiB)x2M")
      }
      if sum.size4KiB > 0 {
        printPart(place.isWide ? " \(sum.size4KiB) x 4 KiB" : " \(sum.size4KiB)x4K")
      }
    }
  }

  /// The pages of a window, true to scale. What is smaller than a pixel comes last, on top, and what
  /// is not like most pages, that may be written to, at the very last.
  private func drawStrip(
    of extent: Range<VirtualAddress>, _ rightsLane: Rectangle, _ pageLane: Rectangle
  ) {
    let whole = extent.lowerBound.rawValue..<extent.upperBound.rawValue
    let pixel = extent.byteCount / UInt64(rightsLane.width)
    func draw(small: Bool, writable: Bool) {
      LivePages.forEach(in: extent) { pages in
        guard (pages.range.byteCount < pixel) == small, (pages.rights == .write) == writable
        else { return }
        let columns = rightsLane.columns(
          of: pages.range.lowerBound.rawValue..<pages.range.upperBound.rawValue, in: whole)
        drawRights(pages.rights, in: rightsLane.part(columns))
        screen.fill(pageLane.part(columns), Palette.empty)
        self.draw(pages.size, in: pageLane.part(columns))
      }
    }
    for isSmall in 0...1 {
      draw(small: isSmall == 1, writable: true)
      draw(small: isSmall == 1, writable: false)
    }
  }

  private func drawRights(_ rights: Rights, in part: Rectangle) {
    let colour = Palette.colour(of: rights)
    screen.fill(part, colour)
    guard part.width >= 5 * Font.width, part.height >= Font.height else { return }
    // In the middle, but in columns of text.
    let x = (part.x + part.width / 2 + Font.width / 2) / Font.width * Font.width
    let word = Rectangle(
      x: x - 2 * Font.width, y: part.y + (part.height - Font.height) / 2, width: 3 * Font.width,
      height: Font.height)
    write(at: word, Palette.black, on: colour) { printPart("\(rights.word)") }
  }

  /// Where in the window a strip begins and ends.
  private func drawEnds(
    of extent: Range<VirtualAddress>, in range: Range<VirtualAddress>, below pages: Rectangle
  ) {
    let row = Rectangle(x: pages.x, y: pages.bottom + 1, width: pages.width, height: 16)
    write(at: row, Palette.faint) {
      printPart("+\(about: extent.lowerBound - range.lowerBound)")
    }
    // At most as many characters as `+1023.9 GiB` has.
    write(at: row.from(row.right / 8 * 8 - 88), Palette.faint) {
      printPart("+\(about: extent.upperBound - range.lowerBound)")
    }
  }

  /// Two lines from a band to its panel, which shows it larger.
  private func drawZoom(from window: Window, to right: Int, _ rows: Range<Int>) {
    let band = place.band(SpacePicture.bandCount - 1 - Int(window.rawValue))
    let (x, width) = (band.right, right - 6 - band.right)
    func draw(from: Int, to: Int) {
      for step in 0..<width {
        let (y, next) = (
          from + (to - from) * step / width, from + (to - from) * (step + 1) / width
        )
        let (top, bottom) = (min(y, next), max(y, next))
        screen.fill(
          Rectangle(x: x + step, y: top, width: 1, height: max(bottom - top, 1)), Palette.frame)
      }
    }
    draw(from: band.y, to: rows.lowerBound)
    draw(from: band.bottom - 2, to: rows.upperBound - 1)
    screen.fill(
      Rectangle(x: x + width, y: rows.lowerBound, width: 1, height: rows.count), Palette.frame)
  }

  /// The combinations of rights that a window's pages have.
  private func forEachRights(of window: Window, _ body: (Rights, PageCounts) -> Void) {
    for bits in 0...Rights.all.rawValue {
      let counts = survey.pages(in: window, Rights(rawValue: bits))
      if counts.byteCount > 0 { body(Rights(rawValue: bits), counts) }
    }
  }
}
