import Addressing
import Machine

// Where the kernel's words go: the serial port always, and a VGA in text mode for the line that
// says why the kernel cannot boot. Device memory is out of reach once the kernel page table is
// active, so the screen is for what goes wrong before.

enum Console {
  @inline(never) static func put(_ byte: UInt8) {
    if byte == UInt8(ascii: "\n") { SerialPort.put(UInt8(ascii: "\r")) }
    SerialPort.put(byte)
    if unsafe BootScreen.isOn { BootScreen.put(byte) }
  }
}

/// The VGA's text screen, 80 by 25 characters, through the boot page table's linear mapping.
enum BootScreen {
  private(set) nonisolated(unsafe) static var isOn = false
  private nonisolated(unsafe) static var base: UInt64 = 0
  private nonisolated(unsafe) static var position = 0

  private static var columns: Int { 80 }
  private static var cells: Int { 80 * 25 }

  /// Shows from now on what goes to the console, from the top of the screen, if there is a VGA in
  /// text mode: its miscellaneous graphics register then maps 0xb8000 (bits 3:2 = 11) and has the
  /// graphics bit clear. Where there is no VGA it reads as all ones.
  ///
  /// - Precondition: the boot page table is active.
  static func turnOn(_ layout: Layout) {
    out8(0x3ce, 6)
    guard in8(0x3cf) & 0x0d == 0x0c else { return }
    // SAFETY: one CPU, interrupts off.
    unsafe base = layout.linearMapping.lowerBound.rawValue + 0xb8000
    unsafe isOn = true
  }

  /// The kernel page table takes over: the screen is no longer mapped.
  static func turnOff() {
    // SAFETY: one CPU, interrupts off.
    unsafe isOn = false
  }

  fileprivate static func put(_ byte: UInt8) {
    // SAFETY: one CPU, interrupts off.
    var cell = unsafe position
    if byte == UInt8(ascii: "\n") {
      repeat {
        show(UInt8(ascii: " "), at: cell)
        cell += 1
      } while cell % columns != 0
    } else {
      show(byte, at: cell)
      cell += 1
    }
    unsafe position = cell
  }

  /// White on red. What does not fit on the screen is on the serial line only.
  private static func show(_ byte: UInt8, at cell: Int) {
    guard cell < cells else { return }
    // SAFETY: set once, before `isOn`.
    let address = unsafe base + UInt64(cell) * 2
    store8(address, byte)
    store8(address + 1, 0x4f)
  }
}
