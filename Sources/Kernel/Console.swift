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
  fileprivate private(set) nonisolated(unsafe) static var isOn = false
  /// Where the screen is mapped; `nil` if it is not, or is not there.
  private nonisolated(unsafe) static var base: VirtualAddress?
  private nonisolated(unsafe) static var position = 0

  private static var columns: Int { 80 }
  private static var cells: Int { 80 * 25 }

  /// Looks whether there is a VGA in text mode: its miscellaneous graphics register then maps
  /// 0xb8000 (bits 3:2 = 11) and has the graphics bit clear. Without a VGA it reads as all ones.
  ///
  /// - Precondition: the boot page table is active.
  static func find(_ layout: Layout) {
    out8(0x3ce, 6)
    guard in8(0x3cf) & 0x0d == 0x0c else { return }
    // SAFETY: one CPU, interrupts off; likewise below.
    unsafe base = layout.linearMapping.lowerBound + 0xb8000
  }

  /// The kernel page table takes over: the screen is no longer mapped.
  static func forget() { unsafe base = nil }

  /// It is mapped again, in an area.
  static func move(to address: VirtualAddress) { unsafe base = address }

  /// Shows what goes to the console from now on, from the top of the screen, if there is one.
  static func turnOn() { unsafe isOn = base != nil }

  fileprivate static func put(_ byte: UInt8) {
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
    guard cell < cells, let base = unsafe base else { return }
    let address = base.rawValue + UInt64(cell) * 2
    store8(address, byte)
    store8(address + 1, 0x4f)
  }
}
