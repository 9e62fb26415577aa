import Addressing
import Display
import Testing

@Suite struct SpacePictureTests {
  private static let screens = [
    (640, 480), (800, 600), (1024, 768), (1280, 1024), (1920, 1080), (3840, 2160), (640, 8000),
    (16000, 480),
  ]

  /// Everything has a place of its own: nothing overlaps, and all is above the text.
  @Test(arguments: screens, [AddressWidth.bits48, .bits57])
  func places(_ screen: (width: Int, height: Int), _ addressWidth: AddressWidth) throws {
    let picture = try #require(
      SpacePicture(
        width: screen.width, height: screen.height, of: Layout(addressWidth: addressWidth)))
    var parts = [
      picture.title, picture.legend, picture.mapHeading, picture.mapBar, picture.mapAddresses,
      picture.mapKinds,
    ]
    for index in 0..<SpacePicture.bandCount { parts.append(picture.band(index)) }
    for index in 0..<4 {
      let panel = picture.panel(index)
      parts.append(panel)
      let (rights, pages) = (picture.rights(ofPanel: index), picture.pages(ofPanel: index))
      #expect(rights.y == panel.y + 32 && pages.y == rights.bottom)
      #expect(pages.bottom <= panel.bottom - (picture.hasStripWords ? 16 : 0))
      #expect(rights.height >= 15 && pages.height >= 6)
    }
    for (index, part) in parts.enumerated() {
      #expect(part.x >= 0 && part.right <= screen.width)
      #expect(part.y >= 0 && part.bottom <= picture.height)
      for other in parts[..<index] {
        #expect(
          part.bottom <= other.y || other.bottom <= part.y || part.right <= other.x
            || other.right <= part.x)
      }
    }
    #expect(picture.height == 16 * picture.textRows.lowerBound)
    #expect(picture.textRows.upperBound == screen.height / 16)
    #expect(picture.textRows.count >= 8)
  }

  /// The bands lie one below the other, and a window of twice the size is higher by the same.
  @Test func bands() throws {
    let picture = try #require(
      SpacePicture(width: 1920, height: 8000, of: Layout(addressWidth: .bits48)))
    for index in 1..<SpacePicture.bandCount {
      #expect(picture.band(index).y == picture.band(index - 1).bottom)
    }
    func height(_ window: Window) -> Int {
      let index = (0..<SpacePicture.bandCount).first { SpacePicture.window(ofBand: $0) == window }
      return picture.band(index!).height
    }
    // 64 TiB, 32 TiB, 1 TiB, 1 GiB.
    let doubling = height(.linearMapping) - height(.vmalloc)
    #expect(doubling > 5)
    // A band begins and ends on whole pixels: its height is off by less than one, a difference of two
    // heights by less than two.
    #expect(abs(height(.vmalloc) - height(.frameMetadata) - 5 * doubling) < 2 + 5 * 2)
    #expect(abs(height(.frameMetadata) - height(.kernelCode) - 10 * doubling) < 2 + 10 * 2)
  }

  /// All windows together are all of the address space.
  @Test(arguments: [AddressWidth.bits48, .bits57])
  func sizes(_ addressWidth: AddressWidth) throws {
    let picture = try #require(
      SpacePicture(width: 640, height: 480, of: Layout(addressWidth: addressWidth)))
    var sum: UInt64 = 0
    for index in 0..<SpacePicture.bandCount {
      sum &+= picture.byteCount(of: SpacePicture.window(ofBand: index))
    }
    #expect(sum == 0)
  }

  @Test(arguments: [(639, 480), (640, 479), (0, 0)])
  func tooSmall(_ width: Int, _ height: Int) {
    #expect(
      SpacePicture(width: width, height: height, of: Layout(addressWidth: .bits48)) == nil)
  }
}

@Suite struct ScaleTests {
  @Test func logarithm() {
    for shift in UInt64(12)..<63 {
      #expect(LogarithmicScale.weight(1 << shift) == 16 * (shift - 11))
      #expect(LogarithmicScale.weight(3 << (shift - 1)) == 16 * (shift - 11) + 8)
    }
    #expect(LogarithmicScale.weight(1) == 16)
    #expect(LogarithmicScale.weight(4095) == 16)
    #expect(LogarithmicScale.weight(.max) == 16 * 52 + 15)
    #expect(LogarithmicScale.weight(0) == 16 * 53)
  }

  @Test func trueScale() {
    let strip = Rectangle(x: 100, y: 0, width: 1000, height: 1)
    let whole: Range<UInt64> = 0xffff_8000_0000_0000..<0xffff_c000_0000_0000
    let start = whole.lowerBound
    let size = whole.upperBound - start
    #expect(strip.columns(of: whole, in: whole) == 0..<1000)
    #expect(strip.columns(of: start..<start + size / 4, in: whole) == 0..<250)
    #expect(strip.columns(of: start + size / 2..<start + size / 2 + 1, in: whole) == 500..<501)
    #expect(strip.columns(of: whole.upperBound - 1..<whole.upperBound, in: whole) == 999..<1000)
    #expect(strip.columns(of: 5..<6, in: 5..<6) == 0..<1000)
  }
}
