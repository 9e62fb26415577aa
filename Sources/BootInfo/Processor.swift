// The MADT's processors. Two types of entry tell of them, in fields at other places:
//
//                       APIC id     UID          flags
//      local APIC       1 at 3      1 at 2       4 at 4     bit 0: enabled
//      local x2APIC     4 at 4      4 at 12      4 at 8     bit 1: can be brought online later

/// A processor that can be used, now or later.
public struct Processor: Equatable, Sendable {
  /// What an interrupt that is meant for it is addressed to.
  public let apicID: UInt32

  /// The number by which the other tables call it.
  public let uid: UInt32

  /// Whether it can be started now; otherwise only once the machine has brought it online. Before
  /// revision 5 of the table there is nothing of the latter kind.
  public let isEnabled: Bool

  /// Reads a checked entry; `nil` if it tells of no processor, or of one that is not there.
  init?(_ entry: borrowing APICEntry) {
    let flags: UInt32
    let broadcast: UInt32
    switch entry.type {
    case .localAPIC:
      uid = UInt32(entry.bytes.integer(UInt8.self, at: 2))
      apicID = UInt32(entry.bytes.integer(UInt8.self, at: 3))
      flags = entry.bytes.integer(UInt32.self, at: 4)
      broadcast = 0xff
    case .localX2APIC:
      apicID = entry.bytes.integer(UInt32.self, at: 4)
      flags = entry.bytes.integer(UInt32.self, at: 8)
      uid = entry.bytes.integer(UInt32.self, at: 12)
      broadcast = 0xffff_ffff
    case .ioAPIC, .localAPICAddressOverride, nil:
      return nil
    }
    isEnabled = flags & 1 != 0
    // All ones address every processor (SDM volume 3, "Physical Destination Mode"), so they are no
    // processor's own: some firmware fills entries that it does not need with them.
    guard flags & 3 != 0, apicID != broadcast else { return nil }
  }
}

/// Walks the usable processors: `while let processor = processors.next() { … }`.
public struct Processors: ~Escapable {
  private var entries: APICEntries

  /// Whether the processors with ids below 255 have local APIC entries. Some firmware lists them a
  /// second time, as x2APICs, where only those from 255 on belong then (ACPI 6.5, 5.2.12.12).
  private let lowIDsAreInLocalAPICs: Bool

  @_lifetime(copy table)
  init(in table: RawSpan, lowIDsAreInLocalAPICs: Bool) {
    entries = APICEntries(in: table)
    self.lowIDsAreInLocalAPICs = lowIDsAreInLocalAPICs
  }

  public mutating func next() -> Processor? {
    while let entry = entries.next() {
      guard let processor = Processor(entry) else { continue }
      if entry.type == .localX2APIC, lowIDsAreInLocalAPICs, processor.apicID < 255 { continue }
      return processor
    }
    return nil
  }
}
