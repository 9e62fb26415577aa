import Addressing
import BootInfo
import KernelSpace

// The tables that ACPI firmware leaves in memory: the root pointer, from the boot loader, leads to
// the root table, and that to all others. These are read: which interrupt controllers there are
// (MADT), where the timer is (HPET), and how the machine is turned off (FADT, and the code that it
// points to). A bad table is named and skipped.

/// What ACPI says about the machine.
struct FirmwareTables {
  private(set) var localAPIC: PhysicalAddress?
  private(set) var timer: HPETDescriptionTable?
  private(set) var fixed: FixedDescriptionTable?
  /// What leads to the tables, as long as they are there.
  private(set) var root: RootSystemDescriptionPointer?
  /// What was searched for before the tables went.
  private var keptSoftOff: SoftOffPackage?

  /// What booting found.
  static var current: FirmwareTables {
    // SAFETY: one CPU; written while it boots, alone.
    unsafe stored
  }

  private nonisolated(unsafe) static var stored = FirmwareTables()

  private init() {}

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
  static func read(from pointer: RootSystemDescriptionPointer?) {
    guard let pointer else { return print("ACPI: no root pointer") }
    var found = FirmwareTables()
    found.root = pointer
    withTable(at: pointer.rootTable) { table throws(ACPIError) in
      let root = try RootSystemDescriptionTable(table, pointer.kind)
      print("ACPI: \(pointer.kind.name) at \(pointer.rootTable), \(root.count) tables")
      for index in 0..<root.count {
        if let address = root[index] { found.readTable(at: address) }
      }
    }
    unsafe stored = found
  }

  /// Reads what may be asked for later: the tables' memory is about to be used for something else.
  static func forgetTables() {
    unsafe stored.keptSoftOff = current.softOff()
    unsafe stored.root = nil
  }

  /// What turns the machine off, out of the DSDT or the first SSDT that tells it.
  func softOff() -> SoftOffPackage? {
    var found = keptSoftOff
    guard root != nil else { return found }
    if let dsdt = fixed?.dsdt {
      Self.withTable(at: dsdt) { table throws(ACPIError) in found = SoftOffPackage(in: table) }
    }
    forEachTable { address in
      guard found == nil else { return }
      Self.withTable(at: address) { table throws(ACPIError) in found = SoftOffPackage(in: table) }
    }
    return found
  }

  /// Calls `body` with the address of each table that the root table lists.
  func forEachTable(_ body: (PhysicalAddress) -> Void) {
    guard let pointer = root else { return }
    Self.withTable(at: pointer.rootTable) { table throws(ACPIError) in
      let root = try RootSystemDescriptionTable(table, pointer.kind)
      for index in 0..<root.count {
        if let address = root[index] { body(address) }
      }
    }
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
      case .fadt: found.fixed = try FixedDescriptionTable(table)
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
  static func withTable(
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

extension RootSystemDescriptionTable.Kind {
  var name: StaticString { self == .xsdt ? "XSDT" : "RSDT" }
}
