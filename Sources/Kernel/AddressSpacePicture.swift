import Addressing
import BootInfo
import Display
import KernelSpace
import PageTables

// The address space as a picture of pixels, drawn anew from the live tables and the memory map each
// time. Where its parts lie is worked out in Display/SpacePicture.swift.
//
// What a colour says is also said by letters or by height: not everybody sees the same colours. They
// are those of Okabe and Ito, which most people can tell apart.

struct AddressSpacePicture {
  let place: SpacePicture
  let screen: Screen
  let font: Font
  let layout: Layout
  let survey: AddressSpaceSurvey
  /// Where in each panel's window the lowest page begins and the highest ends.
  private(set) var extents = InlineArray<4, Range<VirtualAddress>?>(repeating: nil)

  /// Reads the live tables.
  init(_ place: SpacePicture, on screen: Screen, _ font: Font) {
    (self.place, self.screen, self.font) = (place, screen, font)
    layout = KernelState.layout
    var counted = AddressSpaceSurvey()
    let (layout, panels) = (layout, SpacePicture.panels)
    var found = extents
    LiveMappings.forEachRun { run in
      let window = layout.window(of: run.virtual.lowerBound)
      counted.count(run, in: window)
      for index in panels.indices where panels[index] == window {
        let start = found[index]?.lowerBound ?? run.virtual.lowerBound
        found[index] = start..<run.virtual.upperBound
      }
    }
    survey = counted
    extents = found
  }

  /// Draws all of it.
  ///
  /// - Precondition: the screen is black there.
  func draw() {
    drawTitle()
    drawLegend()
    for index in 0..<SpacePicture.bandCount { drawBand(index) }
    for index in SpacePicture.panels.indices { drawPanel(index) }
    drawMemoryMap()
    screen.fill(
      Rectangle(x: 0, y: place.height - 2, width: place.width, height: 1), Palette.frame)
  }

  private func drawTitle() {
    let title = place.title
    screen.fill(title, Palette.title)
    let text = Rectangle(
      x: 8, y: title.y + (title.height - 16) / 2, width: title.width - 16, height: 16)
    let reader = KernelState.liveReader
    write(at: text, Palette.white, on: Palette.title) {
      printPart("Highland: the address space, from its live tables; \(reader.mode.levels) levels")
      if place.isWide {
        printPart(", root \(reader.root)")
      }
    }
  }

  private func drawLegend() {
    var x = place.legend.x
    func words(_ words: StaticString) {
      x = write(at: place.legend.from(x), Palette.text) { printPart("\(words)") }
    }
    func rights(_ rights: Rights, _ meaning: StaticString) {
      x = write(at: place.legend.from(x), Palette.black, on: Palette.colour(of: rights)) {
        printPart("\(rights.word)")
      }
      words(meaning)
    }
    func pages(_ size: PageSize, _ meaning: StaticString) {
      let lane = Rectangle(x: x, y: place.legend.y + 2, width: 16, height: 12)
      draw(size, in: lane)
      x += 16
      words(meaning)
    }
    rights(.none, place.isWide ? " read  " : " read ")
    rights(.write, place.isWide ? " read, write  " : " write ")
    rights(.execute, place.isWide ? " read, execute     pages: " : " execute  pages:")
    pages(.size4KiB, place.isWide ? " 4 KiB  " : " 4K ")
    pages(.size2MiB, place.isWide ? " 2 MiB  " : " 2M ")
    pages(.size1GiB, place.isWide ? " 1 GiB" : " 1G")
    words(
      place.isWide
        ? "     left: all windows by the logarithm of their size; right: what is mapped, to scale"
        : "   left: log scale")
  }

  /// A page's size as a height.
  func draw(_ size: PageSize, in lane: Rectangle) {
    let height =
      switch size {
      case .size4KiB: max(lane.height / 3, 2)
      case .size2MiB: max(lane.height * 2 / 3, 4)
      case .size1GiB: lane.height
      }
    screen.fill(
      Rectangle(x: lane.x, y: lane.bottom - height, width: lane.width, height: height),
      Palette.pages)
  }

  /// Writes in a row of text, as far as there is room; returns where it ends.
  @discardableResult
  func write(
    at row: Rectangle, _ ink: Colour, on paper: Colour = Palette.black, _ words: () -> Void
  ) -> Int {
    Console.write(
      with: Pen(
        screen: screen, font: font, x: row.x, y: row.y, end: row.right, ink: ink, paper: paper),
      words)
  }
}

extension Rectangle {
  /// Some of its columns, counted from its own left end.
  func part(_ columns: Range<Int>) -> Rectangle {
    Rectangle(
      x: x + columns.lowerBound, y: y, width: columns.upperBound - columns.lowerBound,
      height: height)
  }

  /// What is left of it from `x` on.
  func from(_ x: Int) -> Rectangle {
    Rectangle(x: x, y: y, width: right - x, height: height)
  }
}

/// The colours of the picture.
enum Palette {
  static var black: Colour { Colour(red: 0, green: 0, blue: 0) }
  static var white: Colour { Colour(red: 0xff, green: 0xff, blue: 0xff) }
  static var text: Colour { Colour(red: 0xcc, green: 0xcc, blue: 0xcc) }
  static var faint: Colour { Colour(red: 0x99, green: 0x99, blue: 0x99) }
  static var frame: Colour { Colour(red: 0x60, green: 0x60, blue: 0x60) }
  static var title: Colour { Colour(red: 0x10, green: 0x28, blue: 0x50) }
  static var empty: Colour { Colour(red: 0x28, green: 0x28, blue: 0x28) }
  static var pages: Colour { Colour(red: 0xb8, green: 0xb8, blue: 0xb8) }

  /// Of pages that allow this. What no page may allow stands out.
  static func colour(of rights: Rights) -> Colour {
    switch rights {
    case .none: Colour(red: 0x56, green: 0xb4, blue: 0xe9)
    case .write: Colour(red: 0xe6, green: 0x9f, blue: 0x00)
    case .execute: Colour(red: 0x00, green: 0xb0, blue: 0x80)
    default: Colour(red: 0xff, green: 0x20, blue: 0x20)
    }
  }

  /// Of a region of the memory map; `nil` is a hole.
  static func colour(of kind: RegionKind?) -> Colour {
    switch kind {
    case .usable: Colour(red: 0x00, green: 0x9e, blue: 0x73)
    case .kernel: Colour(red: 0xe6, green: 0x9f, blue: 0x00)
    case .module: Colour(red: 0xf0, green: 0xe4, blue: 0x42)
    case .bootInformation: Colour(red: 0xf0, green: 0xd0, blue: 0xa0)
    case .acpi: Colour(red: 0x56, green: 0xb4, blue: 0xe9)
    case .nvs: Colour(red: 0x30, green: 0x80, blue: 0xc8)
    case .persistent: Colour(red: 0xa0, green: 0x80, blue: 0xd0)
    case .framebuffer: Colour(red: 0xcc, green: 0x79, blue: 0xa7)
    case .reserved: Colour(red: 0xb0, green: 0xb0, blue: 0xb0)
    case .unusable: Colour(red: 0xd5, green: 0x5e, blue: 0x00)
    case nil: empty
    }
  }
}
