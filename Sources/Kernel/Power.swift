import BootInfo
import Machine

// Turning the machine off, and starting it anew.

enum Power {
  /// Turns the machine off, by ACPI. Returns only where that can't be done, and says why.
  ///
  /// What the firmware may want to have run before, the method \_PTS, is not: that takes an
  /// interpreter.
  static func off() {
    guard let fixed = FirmwareTables.current.fixed else {
      return refuse("ACPI has no FADT that can be read")
    }
    guard !fixed.isHardwareReduced else {
      return refuse("this is reduced ACPI hardware, without the registers for it")
    }
    guard let block = fixed.pm1aControl else { return refuse("the FADT has no PM1a control block") }
    guard let softOff = FirmwareTables.current.softOff() else {
      return refuse("no ACPI table has a package \\_S5")
    }
    guard let pm1a = FirmwareRegister.reach(block, byteCount: 2) else {
      return refuse("the PM1a control block can't be reached")
    }
    guard turnOnACPI(fixed, pm1a) else { return refuse("the firmware does not turn ACPI mode on") }
    disableInterrupts()
    SerialPort.drain()
    writeBackCaches()
    sleep(pm1a, softOff.pm1a, isEnabled: false)
    if let other = fixed.pm1bControl, let pm1b = FirmwareRegister.reach(other, byteCount: 2) {
      sleep(pm1b, softOff.pm1b, isEnabled: false)
      sleep(pm1a, softOff.pm1a, isEnabled: true)
      sleep(pm1b, softOff.pm1b, isEnabled: true)
    } else {
      sleep(pm1a, softOff.pm1a, isEnabled: true)
    }
    wait()
    refuse("the machine was told to, and stays on")
  }

  /// Starts the machine anew: by ACPI where that is supported, else as the first PCs did it, by the
  /// keyboard controller, which holds the processor's reset line. The last resort is a fault that
  /// cannot be delivered while a fault cannot be delivered: the processor shuts down, and chipsets
  /// answer that by a reset.
  static func reboot() -> Never {
    disableInterrupts()
    SerialPort.drain()
    if let fixed = FirmwareTables.current.fixed, let address = fixed.resetRegister,
      let register = FirmwareRegister.reach(address, byteCount: 1)
    {
      register.write8(fixed.resetValue)
      wait()
    }
    resetByKeyboardController()
    wait()
    loadIDT(0, 0)
    undefinedOpcode()
    haltForever()
  }

  private static func refuse(_ why: StaticString) { print("highland: cannot power off: \(why)") }

  /// Whether ACPI mode is on in the end. Firmware may begin in another, and leaves it on command
  /// (ACPI 6.5, 4.8.2.5, "Legacy/ACPI Select").
  private static func turnOnACPI(
    _ fixed: FixedDescriptionTable, _ control: borrowing FirmwareRegister
  ) -> Bool {
    let isACPI: UInt16 = 1 << 0
    guard control.read16() & isACPI == 0, let port = fixed.commandPort, fixed.enableValue != 0
    else { return true }
    out8(port, fixed.enableValue)
    for _ in 0..<patience where control.read16() & isACPI != 0 { return true }
    return false
  }

  /// Writes the sleep type, and the bit that has it happen, and leaves all else as it is (ACPI 6.5,
  /// 4.8.3.2.1, "PM1 Control Registers").
  private static func sleep(
    _ control: borrowing FirmwareRegister, _ type: UInt8, isEnabled: Bool
  ) {
    let others = control.read16() & ~(0b1111 << 10)
    control.write16(others | UInt16(type) << 10 | (isEnabled ? 1 << 13 : 0))
  }

  /// Command 0xfe has the controller pulse its output line 0, once it takes commands: bit 1 of its
  /// status is clear.
  private static func resetByKeyboardController() {
    for _ in 0..<patience where in8(0x64) & 2 == 0 { break }
    out8(0x64, 0xfe)
  }

  /// A few seconds: as many reads of a port, at about a microsecond each.
  private static var patience: Int { 3_000_000 }

  /// Gives the hardware the time to act. Port 0x80 is for POST codes, and harmless.
  private static func wait() {
    for _ in 0..<patience { _ = in8(0x80) }
  }
}
