import Addressing
import BootInfo
import KernelSpace

// The tables that ACPI firmware leaves in memory: the root pointer, from the boot loader, leads to
// the root table, and that to all others. Two of them are read: which interrupt controllers there
// are (MADT), and where the timer is (HPET). A bad table is named and skipped.

/// What ACPI says about the machine.
struct FirmwareTables {
  private(set) var localAPIC: PhysicalAddress?
  private(set) var timer: HPETDescriptionTable?

  /// The root pointer, if the boot loader found one that can be believed.
  static func rootPointer(
    _ information: borrowing BootInformation
  ) -> RootSystemDescriptionPointer? {
    guard let bytes = information.rsdp else { return nil }
    do throws(ACPIError) { return try RootSystemDescriptionPointer(bytes) } catch {
      print("ACPI: the root pointer is skipped: \(error.reason.message)")
      return nil
    }
  }

  /// Reads the tables that `pointer` leads to, and prints what is in them.
  static func read(from pointer: RootSystemDescriptionPointer?) -> FirmwareTables {
    var found = FirmwareTables()
    guard let pointer else {
      print("ACPI: no root pointer")
      return found
    }
    withTable(at: pointer.rootTable) { table throws(ACPIError) in
      let root = try RootSystemDescriptionTable(table, pointer.kind)
      print(
        """
        ACPI: \(pointer.kind == .xsdt ? "XSDT" : "RSDT") at \(pointer.rootTable), \
        \(root.count) tables
        """)
      for index in 0..<root.count {
        if let address = root[index] { found.readTable(at: address) }
      }
    }
    return found
  }

  private mutating func readTable(at address: PhysicalAddress) {
    var found = self
    Self.withTable(at: address) { table throws(ACPIError) in
      switch table.header.signature {
      case .madt:
        let madt = try MultipleAPICDescriptionTable(table)
        found.localAPIC = madt.localAPIC
        Self.describe(madt, at: address)
      case .hpet:
        let timer = try HPETDescriptionTable(table)
        found.timer = timer
        print(
          """
          ACPI: HPET at \(address): timer at \(timer.address), \(timer.comparatorCount) \
          comparators
          """)
      default: break
      }
    }
    self = found
  }

  private static func describe(_ madt: MultipleAPICDescriptionTable, at address: PhysicalAddress) {
    printPart(
      """
      ACPI: MADT at \(address): processors: \(madt.enabledProcessorCount), local APIC at \
      \(madt.localAPIC)
      """)
    var controllers = madt.ioAPICs
    while let controller = controllers.next() {
      printPart(", I/O APIC at \(controller.address)")
    }
    print("")
  }

  /// Calls `body` with the checked table at `address`; what is wrong with it, or with what `body`
  /// finds in it, is named.
  private static func withTable(
    at address: PhysicalAddress,
    _ body: (borrowing SystemDescriptionTable) throws(ACPIError) -> Void
  ) {
    do throws(AreaError) {
      var header: DescriptionHeader?
      try FirmwareMemory.read(at: address, count: DescriptionHeader.byteCount) { bytes in
        attempt(address) { () throws(ACPIError) in header = try DescriptionHeader(bytes) }
      }
      guard let header else { return }
      try FirmwareMemory.read(at: address, count: header.tableByteCount) { bytes in
        attempt(address) { () throws(ACPIError) in try body(SystemDescriptionTable(bytes)) }
      }
    } catch {
      print("ACPI: the table at \(address) is skipped: it can't be mapped")
    }
  }

  private static func attempt(
    _ address: PhysicalAddress, _ body: () throws(ACPIError) -> Void
  ) {
    do throws(ACPIError) { try body() } catch {
      print(
        "ACPI: the table at \(address) is skipped: \(error.reason.message), offset \(error.offset)")
    }
  }
}
