import Addressing
import BootInfo
import Display
import Testing

typealias Field = (position: UInt8, bitCount: UInt8)

private func pixelFormat(
  _ bitsPerPixel: UInt8, _ red: Field, _ green: Field, _ blue: Field
) -> PixelFormat? {
  func field(_ field: Field) -> Framebuffer.ColourField {
    Framebuffer.ColourField(position: field.position, bitCount: field.bitCount)
  }
  return PixelFormat(
    framebuffer(
      bitsPerPixel, .rgb(red: field(red), green: field(green), blue: field(blue))))
}

private func framebuffer(_ bitsPerPixel: UInt8, _ format: Framebuffer.Format) -> Framebuffer {
  Framebuffer(
    address: PhysicalAddress(0xfd00_0000), pitch: 4096, width: 640, height: 480,
    bitsPerPixel: bitsPerPixel, format: format)
}

@Suite struct PixelFormatTests {
  /// White, black, pure colours and one mixed, worked out by hand.
  @Test(
    arguments: [
      (32, (16, 8), (8, 8), (0, 8), 0xff_ffff, 0xff_0000, 0x00_ff00, 0x00_00ff, 0x12_3456),
      (32, (0, 8), (8, 8), (16, 8), 0xff_ffff, 0x00_00ff, 0x00_ff00, 0xff_0000, 0x56_3412),
      (32, (24, 8), (16, 8), (8, 8), 0xffff_ff00, 0xff00_0000, 0x00ff_0000, 0xff00, 0x1234_5600),
      // 18, 52, 86 of 255 are 72, 209, 345 of 1023.
      (
        32, (20, 10), (10, 10), (0, 10), 0x3fff_ffff, 0x3ff0_0000, 0xf_fc00, 0x3ff,
        72 << 20 | 209 << 10 | 345
      ),
      (24, (16, 8), (8, 8), (0, 8), 0xff_ffff, 0xff_0000, 0x00_ff00, 0x00_00ff, 0x12_3456),
      (24, (8, 8), (0, 8), (16, 8), 0xff_ffff, 0x00_ff00, 0x00_00ff, 0xff_0000, 0x56_1234),
      // 18, 52, 86 of 255 are 2, 6, 10 of 31; 13 of 63.
      (16, (11, 5), (5, 6), (0, 5), 0xffff, 0xf800, 0x07e0, 0x001f, 2 << 11 | 13 << 5 | 10),
      (16, (0, 5), (5, 6), (11, 5), 0xffff, 0x001f, 0x07e0, 0xf800, 10 << 11 | 13 << 5 | 2),
      (15, (10, 5), (5, 5), (0, 5), 0x7fff, 0x7c00, 0x03e0, 0x001f, 2 << 10 | 6 << 5 | 10),
      // 3:3:2 bits in the middle, and no blue at all.
      (16, (9, 3), (6, 3), (4, 2), 0x0ff0, 0x0e00, 0x01c0, 0x0030, 1 << 6 | 1 << 4),
      (16, (8, 8), (0, 8), (16, 0), 0xffff, 0xff00, 0x00ff, 0, 0x1234),
    ] as [(UInt8, Field, Field, Field, UInt32, UInt32, UInt32, UInt32, UInt32)])
  func pixels(
    _ bitsPerPixel: UInt8, _ r: Field, _ g: Field, _ b: Field, _ white: UInt32, _ red: UInt32,
    _ green: UInt32, _ blue: UInt32, _ mixed: UInt32
  ) throws {
    let format = try #require(pixelFormat(bitsPerPixel, r, g, b))
    func pixel(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt32 {
      format.pixel(Colour(red: red, green: green, blue: blue))
    }
    #expect(pixel(0, 0, 0) == 0)
    #expect(pixel(255, 255, 255) == white)
    #expect(pixel(255, 0, 0) == red)
    #expect(pixel(0, 255, 0) == green)
    #expect(pixel(0, 0, 255) == blue)
    #expect(pixel(0x12, 0x34, 0x56) == mixed)
  }

  /// Eight pixels as bytes in memory, for every row of a glyph there can be.
  @Test(
    arguments: [
      (16, 0x1234, 0xfedc), (24, 0x12_3456, 0xfe_dcba), (32, 0x1234_5678, 0xfedc_ba98),
    ] as [(UInt8, UInt32, UInt32)])
  func words(_ bitsPerPixel: UInt8, _ ink: UInt32, _ paper: UInt32) throws {
    let format = try #require(pixelFormat(bitsPerPixel, (0, 5), (5, 5), (10, 5)))
    #expect(format.byteCount == Int(bitsPerPixel) / 8)
    for row in UInt8.min...UInt8.max {
      let expected = (0..<8).flatMap { column in
        let pixel = row & 0x80 >> UInt8(column) != 0 ? ink : paper
        return (0..<Int(bitsPerPixel) / 8).map { UInt8(truncatingIfNeeded: pixel >> ($0 * 8)) }
      }
      var bytes: [UInt8] = []
      format.forEachWord(of: row, ink: ink, paper: paper) { word in
        withUnsafeBytes(of: word.littleEndian) { bytes += $0 }
      }
      #expect(bytes == expected)
    }
  }

  @Test func unusable() {
    #expect(pixelFormat(8, (0, 3), (3, 3), (6, 2)) == nil)
    #expect(pixelFormat(12, (0, 4), (4, 4), (8, 4)) == nil)
    #expect(pixelFormat(40, (0, 8), (8, 8), (16, 8)) == nil)
    #expect(pixelFormat(16, (11, 6), (5, 6), (0, 5)) == nil)
    #expect(pixelFormat(24, (0, 8), (8, 8), (255, 255)) == nil)
    #expect(pixelFormat(32, (0, 8), (25, 8), (16, 8)) == nil)
    #expect(PixelFormat(framebuffer(16, .egaText)) == nil)
    #expect(PixelFormat(framebuffer(32, .indexed)) == nil)
    #expect(PixelFormat(framebuffer(32, .unknown(3))) == nil)
  }
}
