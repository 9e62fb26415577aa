public import Addressing

/// Where the picture of an address space has its parts on a screen of pixels. Below it are rows of
/// text:
///
///     +-------------------------------------------------------------+
///     | title                                                       |
///     | legend                                                      |
///     | +---------+  ,- linear mapping 0xffff_8000_0000_0000 64 TiB |
///     | | bands:  | /   rw- 511.2 MiB, ...                          |
///     | | all of  |/    +---------------------------------------+   |
///     | | the     |     | strip: what is mapped, true to scale  |   |
///     | | windows |\    +---------------------------------------+   |
///     | +---------+ `- ...                                          |
///     | memory map                                                  |
///     | +---------------------------------------------------------+ |
///     | | its regions                                             | |
///     | +---------------------------------------------------------+ |
///     +-------------------------------------------------------------+
///     | highland>                                                   |
///
/// Bands and regions are as large as the logarithm of what they stand for. All text stands in columns
/// of 8 pixels.
public struct SpacePicture: Sendable {
  /// The rows of 16 pixels that are left for text.
  public let textRows: Range<Int>
  /// The picture's size in pixels.
  public let width, height: Int
  /// Whether there is room for more than the shortest words.
  public let isWide: Bool
  private let layout: Layout

  /// The picture for a screen; `nil` where it is too small: less than 640 by 480.
  public init?(width: Int, height: Int, of layout: Layout) {
    guard width >= 640, height >= 480 else { return nil }
    let rows = height / 16
    // A third for text, at least 8 rows; and the picture needs 22.
    let textRowCount = min(max(rows / 3, 8), rows - 22)
    textRows = rows - textRowCount..<rows
    self.width = width
    self.height = 16 * textRows.lowerBound
    isWide = width >= 1000 && self.height >= 500
    self.layout = layout
  }

  private var margin: Int { 8 }

  public var title: Rectangle { Rectangle(x: 0, y: 0, width: width, height: isWide ? 24 : 16) }

  /// A row of text.
  public var legend: Rectangle {
    Rectangle(x: margin, y: isWide ? 30 : 17, width: width - 2 * margin, height: 16)
  }

  // The windows.

  private var bodyTop: Int { isWide ? 58 : 35 }
  private var bodyHeight: Int { mapHeading.y - bodyTop - (isWide ? 10 : 4) }

  /// All parts of the address space, the highest first.
  public static var bandCount: Int { 9 }

  public static func window(ofBand index: Int) -> Window {
    guard let window = Window(rawValue: UInt8(bandCount - 1 - index)) else {
      preconditionFailure("there is no such band")
    }
    return window
  }

  public func byteCount(of window: Window) -> UInt64 {
    switch window {
    case .lowerHalf: layout.addressWidth.lowerHalfEnd.rawValue
    case .notCanonical: layout.addressWidth.upperHalf - layout.addressWidth.lowerHalfEnd
    case .linearMapping: layout.linearMapping.byteCount
    case .vmalloc: layout.vmalloc.byteCount
    case .frameMetadata: layout.frameMetadata.byteCount
    case .unusedHole: layout.kernelCode.lowerBound - layout.frameMetadata.upperBound
    case .kernelCode: layout.kernelCode.byteCount
    case .unusedTop: Layout.end - layout.kernelCode.upperBound
    case .beyondTheEnd: 0 &- Layout.end.rawValue
    }
  }

  /// A part of the address space, as high as the logarithm of its size, and at least a line of text.
  public func band(_ index: Int) -> Rectangle {
    let (least, labelColumns) = (16, isWide ? 25 : 14)
    let smallest = LogarithmicScale.weight(byteCount(of: .beyondTheEnd))
    var (above, all, own): (UInt64, UInt64, UInt64) = (0, 0, 0)
    for other in 0..<Self.bandCount {
      let weight = LogarithmicScale.weight(byteCount(of: Self.window(ofBand: other))) - smallest
      if other < index { above += weight }
      if other == index { own = weight }
      all += weight
    }
    let extra = bodyHeight - Self.bandCount * least
    func scaled(_ weight: UInt64) -> Int { extra * Int(weight) / Int(all) }
    let y = index * least + scaled(above)
    return Rectangle(
      x: margin, y: bodyTop + y, width: bandColourWidth + 8 * labelColumns,
      height: (index + 1) * least + scaled(above + own) - y)
  }

  /// The left part of a band shows what the window's pages allow; the rest is for its name.
  public var bandColourWidth: Int { isWide ? 32 : 16 }

  /// The windows that hold mappings, the highest first.
  public static var panels: InlineArray<4, Window> {
    [.kernelCode, .frameMetadata, .vmalloc, .linearMapping]
  }

  /// Two rows of text, and below them the strip of what is mapped in a window.
  public func panel(_ index: Int) -> Rectangle {
    let x = band(0).right + (isWide ? 48 : 16)
    let y = bodyTop + bodyHeight * index / 4
    return Rectangle(
      x: x, y: y, width: width - margin - x, height: bodyTop + bodyHeight * (index + 1) / 4 - y)
  }

  /// Whether there is a row for words below a strip.
  public var hasStripWords: Bool { bodyHeight >= 4 * 84 }

  /// What is mapped, coloured by what it allows.
  public func rights(ofPanel index: Int) -> Rectangle {
    let strip = strip(index)
    return Rectangle(
      x: strip.x, y: strip.y, width: strip.width, height: strip.height - pageLaneHeight(strip))
  }

  /// The pages below it: the larger a page, the higher.
  public func pages(ofPanel index: Int) -> Rectangle {
    let strip = strip(index)
    let height = pageLaneHeight(strip)
    return Rectangle(
      x: strip.x, y: strip.bottom - height, width: strip.width, height: height)
  }

  private func strip(_ index: Int) -> Rectangle {
    let panel = panel(index)
    let below = hasStripWords ? 16 + 8 : isWide ? 6 : 3
    return Rectangle(
      x: panel.x, y: panel.y + 32, width: panel.width, height: panel.height - 32 - below)
  }

  private func pageLaneHeight(_ strip: Rectangle) -> Int { max(6, strip.height / 4) }

  // The memory map.

  /// A row of text; the lowest pixels of the picture keep the rows below apart.
  public var mapHeading: Rectangle {
    Rectangle(
      x: margin, y: mapBar.y - 16 - (isWide ? 2 : 0), width: width - 2 * margin, height: 16)
  }

  /// The regions of the memory map, the lowest on the left.
  public var mapBar: Rectangle {
    let height = isWide ? 32 : 16
    return Rectangle(
      x: margin, y: mapAddresses.y - height, width: width - 2 * margin, height: height)
  }

  /// A row of text for where regions begin.
  public var mapAddresses: Rectangle {
    Rectangle(x: margin, y: mapKinds.y - 16, width: width - 2 * margin, height: 16)
  }

  /// Two rows of text for the kinds of regions.
  public var mapKinds: Rectangle {
    Rectangle(
      x: margin, y: height - 32 - (isWide ? 8 : 4), width: width - 2 * margin, height: 32)
  }
}
