import Addressing
import BootInfo
import Display
import Machine

// Where the kernel's words go: to the serial port, and to the screen that the boot loader left. The
// serial port works from the first instruction on. Device memory is out of reach from the activation
// of the kernel page table until the screen has an area of its own; what is said before is kept, and
// the screen then begins with it.
//
// Before activation the screen is for alarms alone: for the line that says why the kernel cannot
// boot. It goes over whatever the boot loader left on top.

enum Console {
  // SAFETY: one CPU, whose interrupt handlers print nothing; likewise for all that follows.
  private nonisolated(unsafe) static var choice = ConsoleChoice.all
  private nonisolated(unsafe) static var usesSerial = true
  private nonisolated(unsafe) static var usesScreen = true
  private nonisolated(unsafe) static var screen: ScreenConsole?
  /// What can be had as a screen for an alarm, as long as the boot page table has it mapped.
  private nonisolated(unsafe) static var alarmScreen: Screen?
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

  /// The kernel page table takes over: the screen is no longer mapped.
  static func forgetAlarmScreen() { unsafe alarmScreen = nil }

  /// Puts all that was said so far on the screen, now that it is mapped for good, and all that will
  /// be. Where there is none, or none that the command line allows, the serial port has to do.
  static func show(_ mapped: Screen?) {
    guard let mapped, unsafe choice.allows(mapped) else { return useSerial() }
    mapped.clear()
    unsafe screen = ScreenConsole(on: mapped)
    unsafe screen?.hide()
    unsafe log?.forEachByte { byte in unsafe screen?.put(byte) }
    unsafe screen?.show()
  }

  /// How many characters a line has room for.
  static var columns: Int { unsafe screen?.columns ?? 80 }

  /// Shows on the screen where the text goes on, until something is written.
  static func showCursor() { unsafe screen?.showCursor() }

  /// What comes now is why the kernel ends: it stands out on the screen, and goes to the serial port
  /// where there is no screen to be had.
  static func raiseAlarm() {
    if let found = unsafe alarmScreen {
      unsafe screen = ScreenConsole(on: found)
      unsafe alarmScreen = nil
    }
    if unsafe screen?.raiseAlarm() == nil { useSerial() }
  }

  /// A fault while one was reported may have been the screen's doing: from now on one of the two is
  /// used, the serial port or the screen.
  static func use(screen: Bool) {
    unsafe usesSerial = !screen
    unsafe usesScreen = screen
  }

  @inline(never) static func put(_ byte: UInt8) {
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

  init(on screen: Screen) {
    let record = KernelState.bootRecord
    font = Font(record)
    // SAFETY: the memory is there as long as the image is, and there is one screen at a time.
    grid = TextGrid(
      columns: screen.columns, rows: screen.rows, on: screen,
      storage: unsafe FixedArray(
        unsafeStorage: storage(record.screenCells, record.screenCellsSize)))
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
    grid.showCursor()
    storeFence()
  }

  mutating func raiseAlarm() { grid.style = .alarm }
  mutating func hide() { grid.hide() }
  mutating func show() { grid.show() }
}
