// The machine's processors and interrupt controllers (ACPI 6.5, 5.2.12, MADT).
//
//       0                36                 40      44                     length
//      +----------------+------------------+-------+-------+-------+- - - +
//      | header, "APIC" | local APIC (32   | flags | entry | entry |      |
//      |                | bits of address) |       |       |       |      |
//      +----------------+------------------+-------+-------+-------+- - - +
//                                                  each with a type, a length and what the type says
//
// Making a view walks all entries once and checks all that is read later, as for the multiboot2
// information: an entry that contradicts the table, or itself, refuses the whole.

public import Addressing

/// A MADT whose entries have all been checked.
public struct MultipleAPICDescriptionTable: ~Escapable {
  private let bytes: RawSpan

  /// Where each processor sees its local APIC's registers: the header's 32 bits of address, unless
  /// an entry gives all 64 (ACPI 6.5, 5.2.12.8). Of more such entries the first counts.
  public let localAPIC: PhysicalAddress

  /// Whether a local APIC entry tells of a usable processor.
  private let hasUsableLocalAPIC: Bool

  /// Takes a table for the MADT.
  ///
  /// - Complexity: O(entries)
  @_lifetime(copy table)
  public init(_ table: SystemDescriptionTable) throws(ACPIError) {
    try table.check(.madt, least: APICEntries.start)
    bytes = table.bytes
    var override: PhysicalAddress?
    var hasUsableLocalAPIC = false
    var offset = APICEntries.start
    while offset < bytes.byteCount {
      let entry = try APICEntry(in: bytes, at: offset)
      switch entry.type {
      case .localAPICAddressOverride: override = override ?? entry.bytes.address(at: 4)
      case .localAPIC: if Processor(entry) != nil { hasUsableLocalAPIC = true }
      case .ioAPIC, .localX2APIC, nil: break
      }
      offset += entry.bytes.byteCount
    }
    localAPIC = override ?? PhysicalAddress(UInt64(bytes.integer(UInt32.self, at: 36)))
    self.hasUsableLocalAPIC = hasUsableLocalAPIC
  }

  /// Whether the machine has two 8259 controllers besides, to be masked before APICs are used
  /// (ACPI 6.5, 5.2.12, "Multiple APIC Flags").
  public var hasDual8259: Bool { bytes.integer(UInt32.self, at: 40) & 1 != 0 }

  /// The usable processors, in the firmware's order: it should begin with the one that booted
  /// (ACPI 6.5, 5.2.12.1).
  public var processors: Processors {
    @_lifetime(copy self)
    get { Processors(in: bytes, lowIDsAreInLocalAPICs: hasUsableLocalAPIC) }
  }

  /// The I/O APICs, in the firmware's order.
  public var ioAPICs: IOAPICs {
    @_lifetime(copy self)
    get { IOAPICs(in: bytes) }
  }

  /// How many processors can be started now.
  public var enabledProcessorCount: Int {
    var count = 0
    var processors = processors
    while let processor = processors.next() {
      if processor.isEnabled { count += 1 }
    }
    return count
  }
}
