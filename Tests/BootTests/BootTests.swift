// The real ISO image, booted through GRUB: what the rows of MatrixTests leave out. See Boot.check for
// what is looked at.
//
// A test holds its thread while its guest runs, so there are no more guests at once than Swift's
// thread pool has threads: one for each processor.

import Testing

@Suite struct BootTests {
  /// With no more words on the command line than it takes, and four levels where there are five.
  @Test(arguments: [Hardware.Firmware.bios, .uefi], ["exit", "exit no5lvl"])
  func byFirmware(_ firmware: Hardware.Firmware, _ commandLine: String) throws {
    let hardware = Hardware(firmware: firmware, machine: "pc", processor: .all, memory: "3G")
    try Boot(hardware: hardware, commandLine: commandLine).check()
  }
}
