import Addressing
import BootInfo
import Display
import Frames
import Machine
import PageTables

// Where the kernel's words go: to the serial port, and to the screen that the boot loader left. The
// serial port works from the first instruction on. Device memory is out of reach from the activation
// of the kernel page table until the screen has an area of its own; what is said before is kept, and
// the screen then begins with it.
//
// Until then the screen is for alarms alone: for the line that says why the kernel cannot boot. It goes
// over whatever the boot loader left on top. After activation it takes the boot page table once more.

enum Console {
  // SAFETY: one CPU, whose interrupt handlers print nothing; likewise for all that follows.
  private nonisolated(unsafe) static var choice = ConsoleChoice.all
  private nonisolated(unsafe) static var usesSerial = true
  private nonisolated(unsafe) static var usesScreen = true
  private nonisolated(unsafe) static var screen: ScreenConsole?
  /// What can be had as a screen for an alarm: the boot page table has it mapped.
  private nonisolated(unsafe) static var alarmScreen: Screen?
  /// The boot page table, while another is active and this is still there.
  private nonisolated(unsafe) static var bootTable: UInt64?
  /// Whether the screen shows the picture of the address space above the text.
  private nonisolated(unsafe) static var showsPicture = false
  /// What draws the words that are meant for the picture, not for the consoles.
  private nonisolated(unsafe) static var pen: Pen?
  /// What was said before there was a screen.
  private nonisolated(unsafe) static var log: ByteRing?

  /// Looks for a VGA in text mode, before the boot loader's information tells of the screen.
  ///
  /// - Precondition: the boot page table is active.
  static func begin(_ layout: Layout) {
    let record = KernelState.bootRecord
    // SAFETY: the memory is there as long as the image is, and the log's alone.
    unsafe log = ByteRing(
      FixedArray(unsafeStorage: storage(record.consoleLog, record.consoleLogSize)))
    if VGA.isInTextMode {
      unsafe alarmScreen = Screen(
        textAt: layout.linearMapping.lowerBound + 0xb8000, Font(record))
    }
  }

  /// Uses what the command line allows, and nothing else, from now on.
  ///
  /// - Precondition: the boot page table is active; it reaches up to 4 GiB.
  static func choose(_ wanted: ConsoleChoice, _ framebuffer: Framebuffer?, _ layout: Layout) {
    unsafe choice = wanted
    unsafe usesSerial = wanted.serial
    if let framebuffer {
      let (end, overflow) = framebuffer.address.rawValue
        .addingReportingOverflow(framebuffer.byteCount)
      if !overflow, end <= 4 << 30 {
        unsafe alarmScreen = Screen(
          framebuffer,
          mappedAt: layout.linearMapping.lowerBound + framebuffer.address.rawValue,
          Font(KernelState.bootRecord))
      }
    }
    if let screen = unsafe alarmScreen, !wanted.allows(screen) { unsafe alarmScreen = nil }
  }

  /// The kernel page table is about to take over, and the screen will no longer be mapped.
  static func keepBootTable() { unsafe bootTable = readCR3() }

  /// Nothing of the boot page table is needed from now on. Puts all that was said so far on the screen, now that it is mapped for good, and all that will
  /// be. Where there is none, or none that the command line allows, the serial port has to do.
  static func show(_ mapped: Screen?) {
    unsafe (bootTable, alarmScreen) = (nil, nil)
    guard let mapped, unsafe choice.allows(mapped) else { return useSerial() }
    mapped.clear()
    unsafe screen = ScreenConsole(on: mapped, cells: makeCells(mapped))
    unsafe screen?.hide()
    unsafe log?.forEachByte { byte in unsafe screen?.put(byte) }
    unsafe screen?.show(in: 0..<mapped.rows)
  }

  /// Draws the address space as it is now on the upper part of the screen, and keeps the text to the
  /// lower part, if there is a framebuffer and it is large enough.
  static func showPicture() -> Bool {
    guard let surface = unsafe screen?.surface, surface.format != nil,
      let place = SpacePicture(
        width: surface.width, height: surface.height, of: KernelState.layout)
    else { return false }
    unsafe showsPicture = true
    surface.clear()
    AddressSpacePicture(place, on: surface, Font(KernelState.bootRecord)).draw()
    unsafe screen?.show(in: place.textRows)
    return true
  }

  /// Gives all of the screen to the text.
  static func showText() {
    guard unsafe showsPicture, let surface = unsafe screen?.surface else { return }
    unsafe showsPicture = false
    surface.clear()
    unsafe screen?.show(in: 0..<surface.rows)
  }

  static var isPictureShown: Bool { unsafe showsPicture }

  /// Has what `words` prints drawn by a pen; returns where it ends.
  static func write(with pen: Pen, _ words: () -> Void) -> Int {
    unsafe self.pen = pen
    words()
    let end = unsafe self.pen?.x ?? pen.x
    unsafe self.pen = nil
    return end
  }

  /// Nothing more will be said for now: the screen is filled to its last row.
  static func settle() {
    if unsafe usesScreen { unsafe screen?.settle() }
  }

  /// Memory for what a screen shows, kept for good. If there is none, what the image has must do, and
  /// a large screen uses its upper rows.
  private static func makeCells(_ mapped: Screen) -> FixedArray<Cell> {
    let byteCount =
      TextGrid<Screen>.cellCount(columns: mapped.columns, rows: mapped.rows)
      * MemoryLayout<Cell>.stride
    let frames = try? KernelFrames.withAllocator { (frames) throws(OutOfFrames) in
      try frames.allocate(UInt64(byteCount + 4095) / 4096, as: .bookkeeping)
    }
    guard let frames else { return alarmCells }
    // SAFETY: the frames are the screen's alone, and the linear mapping has them.
    return unsafe FixedArray(
      unsafeStorage: storage(paddrToVaddr(frames.lowerBound).rawValue, UInt64(byteCount)))
  }

  private static var alarmCells: FixedArray<Cell> {
    let record = KernelState.bootRecord
    // SAFETY: the memory is there as long as the image is, and one screen at a time uses it.
    return unsafe FixedArray(
      unsafeStorage: storage(record.screenCells, record.screenCellsSize))
  }

  /// How many characters a line has room for.
  static var columns: Int { unsafe screen?.columns ?? 80 }

  /// Shows on the screen where the text goes on, until something is written.
  static func showCursor() { unsafe screen?.showCursor() }

  /// What comes now is why the kernel ends: it stands out on the screen, and goes to the serial port
  /// where there is no screen to be had.
  static func raiseAlarm() {
    unsafe pen = nil
    showText()
    if let found = unsafe alarmScreen {
      if let table = unsafe bootTable { KernelState.reactivate(table) }
      unsafe screen = ScreenConsole(on: found, cells: alarmCells)
      unsafe alarmScreen = nil
    }
    if unsafe screen?.raiseAlarm() == nil { useSerial() }
  }

  /// A fault while one was reported may have been the screen's doing: from now on one of the two is
  /// used, the serial port or the screen.
  static func use(screen: Bool) {
    unsafe pen = nil
    unsafe usesSerial = !screen
    unsafe usesScreen = screen
  }

  @inline(never) static func put(_ byte: UInt8) {
    guard unsafe pen == nil else { return unsafe pen!.put(byte) }
    if unsafe usesSerial { putSerial(byte) }
    guard unsafe usesScreen else { return }
    if unsafe screen?.put(byte) == nil { unsafe log?.append(byte) }
  }

  private static func putSerial(_ byte: UInt8) {
    if byte == UInt8(ascii: "\n") { SerialPort.put(UInt8(ascii: "\r")) }
    SerialPort.put(byte)
  }

  private static func useSerial() {
    guard unsafe !usesSerial else { return }
    unsafe usesSerial = true
    unsafe log?.forEachByte(putSerial)
  }
}

/// A screen that takes UTF-8.
private struct ScreenConsole: ~Copyable {
  private var grid: TextGrid<Screen>
  private var decoder = UTF8Decoder()
  private let font: Font
  let surface: Screen

  init(on screen: Screen, cells: consuming FixedArray<Cell>) {
    font = Font(KernelState.bootRecord)
    surface = screen
    grid = TextGrid(
      columns: screen.columns, rows: screen.rows, on: screen, storage: cells)
  }

  mutating func put(_ byte: UInt8) {
    let decoded = decoder.decode(byte)
    if decoded.isBroken { grid.put(glyph: font.glyph(for: "\u{fffd}")) }
    guard let scalar = decoded.scalar else { return }
    if scalar == "\u{8}" {
      grid.goBack()
    } else if scalar == "\u{7}" {
      // The bell: there is none.
    } else if scalar == "\n" {
      grid.endLine()
      // What write-combining has gathered goes out now, not when the CPU has need of the room.
      storeFence()
    } else {
      grid.put(glyph: font.glyph(for: scalar))
    }
  }

  var columns: Int { grid.columns }

  mutating func showCursor() {
    grid.settle()
    grid.showCursor()
    storeFence()
  }

  mutating func raiseAlarm() { grid.style = .alarm }
  mutating func hide() { grid.hide() }
  mutating func show(in rows: Range<Int>) { grid.show(in: rows) }
  mutating func settle() { grid.settle() }
}
