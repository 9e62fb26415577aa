import Addressing
import BootInfo
import KernelSpace

// What the kernel knows of the firmware's tables, read anew.

extension FirmwareTables {
  /// Prints a line for each table, then what turns the machine off and what resets it.
  func printTables() {
    guard let root else {
      return print("no ACPI tables: there is no root pointer, or acpi=reclaim took them over")
    }
    print("ACPI: root pointer of revision \(UInt64(root.revision)), and these tables:")
    printTable(at: root.rootTable)
    forEachTable { address in printTable(at: address) }
    if let dsdt = fixed?.dsdt { printTable(at: dsdt) }
    guard let fixed else { return }
    printPart("power off: ")
    if fixed.isHardwareReduced {
      print("not by the registers of reduced hardware")
    } else if let block = fixed.pm1aControl, let types = softOff() {
      printPart("sleep type \(UInt64(types.pm1a)) to PM1a control, \(block)")
      if let other = fixed.pm1bControl {
        printPart("; \(UInt64(types.pm1b)) to PM1b control, \(other)")
      }
      print("")
    } else {
      print("no PM1a control block, or no package \\_S5")
    }
    printPart("reset: ")
    if let register = fixed.resetRegister {
      print("\(shortHex: UInt64(fixed.resetValue)) to \(register)")
    } else {
      print("by the keyboard controller")
    }
  }

  private func printTable(at address: PhysicalAddress) {
    do throws(AreaError) {
      var byteCount: Int?
      try FirmwareMemory.read(at: address, count: DescriptionHeader.byteCount) { bytes in
        do throws(ACPIError) {
          let header = try DescriptionHeader(bytes)
          byteCount = header.tableByteCount
          printPart(
            """
              \(header.signature)  \(address)  revision \(UInt64(header.revision)), \
            \(UInt64(header.tableByteCount)) bytes:\u{20}
            """)
        } catch { print("  the table at \(address) is bad: \(error.reason.message)") }
      }
      guard let byteCount else { return }
      try FirmwareMemory.read(at: address, count: byteCount) { bytes in
        do throws(ACPIError) {
          _ = try SystemDescriptionTable(bytes)
          print("checksum holds")
        } catch { print("\(error.reason.message)") }
      }
    } catch { print("  the table at \(address) can't be mapped") }
  }
}

extension Text.Interpolation {
  func appendInterpolation(_ signature: TableSignature) {
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      Self.put(foreign: UInt8(truncatingIfNeeded: signature.rawValue >> shift))
    }
  }

  func appendInterpolation(_ register: GenericAddress) {
    switch register.space {
    case .port: appendInterpolation("port \(shortHex: register.address)")
    case .memory: appendInterpolation("memory at \(hex: register.address)")
    case .pciConfiguration: appendInterpolation("PCI configuration \(hex: register.address)")
    case nil: appendInterpolation("a space that is not known, \(hex: register.address)")
    }
  }

  private func appendInterpolation(_: Text) {}
}
