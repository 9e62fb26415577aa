import Addressing
import BootInfo
import Display
import Frames

// The memory map as a bar: its regions and the holes between them, the lowest on the left, each as
// wide as the logarithm of its size; below it where they begin, and what there is of each kind.

extension AddressSpacePicture {
  func drawMemoryMap() {
    let (count, ramByteCount) = KernelFrames.withAllocator { frames in
      (frames.map.count, frames.map.ramByteCount)
    }
    write(at: place.mapHeading, Palette.text) {
      printPart("memory map, by the logarithm of sizes: \(count) regions, ")
      printPart("\(about: ramByteCount) of RAM")
    }
    var total: UInt64 = 0
    forEachPart { (range, _) in total += LogarithmicScale.weight(range.byteCount) }
    var drawn: UInt64 = 0
    var free = place.mapAddresses.x
    forEachPart { (range, kind) in
      let bar = place.mapBar
      let start = Int(UInt64(bar.width) * drawn / total)
      drawn += LogarithmicScale.weight(range.byteCount)
      let end = Int(UInt64(bar.width) * drawn / total)
      guard start < end else { return }
      let part = bar.part(start..<end)
      let colour = Palette.colour(of: kind)
      screen.fill(part, colour)
      // A line of the background keeps it apart from the next.
      if part.width > 4 { screen.fill(part.part(part.width - 1..<part.width), Palette.black) }
      if let kind { drawLetter(of: kind, in: part, colour) }
      drawAddress(range.lowerBound, below: part, &free)
    }
    drawKinds()
  }

  private func drawLetter(of kind: RegionKind, in part: Rectangle, _ colour: Colour) {
    let x = (part.x + part.width / 2) / Font.width * Font.width
    guard x >= part.x, x + Font.width < part.right else { return }
    let letter = Rectangle(
      x: x, y: part.y + (part.height - Font.height) / 2, width: Font.width, height: Font.height)
    write(at: letter, Palette.black, on: colour) { printPart("\(kind.letter)") }
  }

  /// Where a region begins, if there is room for the words and a blank behind those before.
  private func drawAddress(_ start: PhysicalAddress, below part: Rectangle, _ free: inout Int) {
    let row = place.mapAddresses
    let x = (part.x + Font.width - 1) / Font.width * Font.width
    // As many characters as `1023.9 GiB` has.
    guard x >= free, x + 10 * Font.width <= row.right else { return }
    free =
      write(at: row.from(x), Palette.faint) { printPart("\(about: start.rawValue)") } + Font.width
  }

  /// The letters and colours of the kinds that there are, and how much there is of each.
  private func drawKinds() {
    var row = Rectangle(
      x: place.mapKinds.x, y: place.mapKinds.y, width: place.mapKinds.width, height: 16)
    for value in UInt8(0)...RegionKind.usable.rawValue {
      guard let kind = RegionKind(rawValue: RegionKind.usable.rawValue - value) else { continue }
      let byteCount = KernelFrames.withAllocator { frames in frames.map.byteCount(of: kind) }
      guard byteCount > 0 else { continue }
      let columns = 4 + kind.name.utf8CodeUnitCount + 10
      if row.width < columns * Font.width {
        row = Rectangle(
          x: place.mapKinds.x, y: place.mapKinds.y + 16, width: place.mapKinds.width, height: 16)
      }
      var x = write(at: row, Palette.black, on: Palette.colour(of: kind)) {
        printPart(" \(kind.letter) ")
      }
      x = write(at: row.from(x), Palette.text) {
        printPart(" \(kind.name) \(about: byteCount)  ")
      }
      row = row.from(x)
    }
  }

  /// Calls `body` with each region of the map and each hole between two, the lowest first.
  private func forEachPart(_ body: (Range<PhysicalAddress>, RegionKind?) -> Void) {
    var end = PhysicalAddress(0)
    let count = KernelFrames.withAllocator { frames in frames.map.count }
    for index in 0..<count {
      let region = KernelFrames.withAllocator { frames in frames.map[index] }
      if end < region.range.lowerBound { body(end..<region.range.lowerBound, nil) }
      body(region.range, region.kind)
      end = region.range.upperBound
    }
  }
}

extension RegionKind {
  /// What stands for it where there is no room for its name.
  fileprivate var letter: StaticString {
    switch self {
    case .unusable: "x"
    case .framebuffer: "f"
    case .reserved: "r"
    case .nvs: "n"
    case .acpi: "a"
    case .persistent: "p"
    case .kernel: "k"
    case .module: "m"
    case .bootInformation: "b"
    case .usable: "u"
    }
  }
}
