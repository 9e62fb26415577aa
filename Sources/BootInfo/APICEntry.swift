// One entry of the MADT, and the checks that make its fields safe to read (ACPI 6.5, 5.2.12).
//
//                             0      1        2       3         4            8            12
//                            +------+--------+-------+---------+------------+------------+-----+
//      local APIC            | 0    | 8      | UID   | APIC id | flags      |
//      I/O APIC              | 1    | 12     | id    | 0       | address    | GSI base   |
//      local APIC address    | 5    | 12     | 0               | address                 |
//      local x2APIC          | 9    | 16     | 0               | x2APIC id  | flags      | UID |
//                            +------+--------+-------+---------+------------+------------+-----+
//                             type   length

/// The types that are read; all others are skipped.
enum APICEntryType: UInt8 {
  case localAPIC = 0
  case ioAPIC = 1
  case localAPICAddressOverride = 5
  case localX2APIC = 9

  /// The bytes up to the end of the last field.
  var leastByteCount: Int {
    switch self {
    case .localAPIC: 8
    case .ioAPIC, .localAPICAddressOverride: 12
    case .localX2APIC: 16
    }
  }
}

/// An entry that lies wholly within its table.
struct APICEntry: ~Escapable {
  /// The entry's own bytes, from its type on.
  let bytes: RawSpan

  var type: APICEntryType? { APICEntryType(rawValue: bytes.integer(UInt8.self, at: 0)) }

  /// Checks the entry at an offset before the table's end.
  @_lifetime(copy table)
  init(in table: RawSpan, at offset: Int) throws(ACPIError) {
    let room = table.byteCount - offset
    guard room >= 2 else { throw ACPIError(.entryPastEnd, at: offset) }
    let length = Int(table.integer(UInt8.self, at: offset + 1))
    // Less than its own head: such an entry would never let a walk move on.
    guard length >= 2 else { throw ACPIError(.entryTooShort, at: offset) }
    guard length <= room else { throw ACPIError(.entryPastEnd, at: offset) }
    bytes = table.extracting(offset..<offset + length)
    if let type, length < type.leastByteCount { throw ACPIError(.entryTooShort, at: offset) }
  }

  /// An entry that has been checked before.
  @_lifetime(copy table)
  fileprivate init(checked table: RawSpan, at offset: Int) {
    let length = Int(table.integer(UInt8.self, at: offset + 1))
    bytes = table.extracting(offset..<offset + length)
  }
}

/// Walks the entries of a checked MADT: `while let entry = entries.next() { … }`.
struct APICEntries: ~Escapable {
  /// Where in a MADT the entries start.
  static var start: Int { 44 }

  private let table: RawSpan
  private var offset = Self.start

  @_lifetime(copy table)
  init(in table: RawSpan) { self.table = table }

  @_lifetime(copy self)
  mutating func next() -> APICEntry? {
    if offset == table.byteCount { return nil }
    let entry = APICEntry(checked: table, at: offset)
    offset += entry.bytes.byteCount
    return entry
  }
}
