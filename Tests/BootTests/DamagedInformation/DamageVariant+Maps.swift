// Memory maps: entries of GRUB's map changed, and other maps in its place.

extension DamageVariant {
  /// As on this machine, in short.
  private static let sound = [
    MapEntry(0, 0x9_fc00, 1), MapEntry(0x9_fc00, 0x400, 2), MapEntry(0xf_0000, 0x1_0000, 2),
    MapEntry(mib, ramEnd - mib, 1), MapEntry(ramEnd, 0x2_1000, 2),
  ]

  private static func map(
    _ name: String, _ entries: [MapEntry], _ ending: Ending, entrySize: Int = 24,
    claimedEntrySize: UInt32? = nil, version: UInt32 = 0
  ) -> DamageVariant {
    DamageVariant(
      "map: " + name,
      Damage.memoryMap(
        entries, entrySize: entrySize, claimedEntrySize: claimedEntrySize, version: version), ending
    )
  }

  /// The fourth entry of GRUB's map, RAM from 1 MiB on: start, length and type.
  private static func ram(_ name: String, _ offset: Int, _ value: UInt32, _ ending: Ending) -> Self
  {
    DamageVariant(
      "RAM: " + name, [.set(tag: 6, offset: 16 + 3 * 24 + offset, to: value)], ending)
  }

  private static let noMemory =
    "there is no memory at 0x[0-9a-f_]+, though the map says so: [a-z ]+ would lie there"

  static let maps: [DamageVariant] =
    ([0, 1, 8, 16, 20, 23, 25, 28, 36, 0xffff_fff9] as [UInt32]).map { size in
      DamageVariant(
        "map: entry size \(size)", [.set(tag: 6, offset: 8, to: size)],
        .refused(
          badInformation
            + "the memory map's entry size is under 24 or no multiple of 8, offset [0-9]+"))
    }
    + ([48, 1 << 16, 0xffff_fff8] as [UInt32]).map { size in
      DamageVariant(
        "map: entry size \(size)", [.set(tag: 6, offset: 8, to: size)], kernelLies(in: "a hole"))
    }
    + ([1, .max] as [UInt32]).map { version in
      DamageVariant("map: version \(version)", [.set(tag: 6, offset: 12, to: version)], .ready)
    }
    + [
      (0, "reserved"), (2, "reserved"), (3, "ACPI tables"), (4, "ACPI NVS"), (5, "unusable"),
      (7, "persistent"), (20, "reserved"), (.max, "reserved"),
    ].map { (type: UInt32, kind: String) in
      ram("type \(type)", 16, type, kernelLies(in: kind))
    }
    + [
      ram("starts at 4 MiB", 0, 4 << 20, kernelLies(in: "a hole")),
      ram("starts above 4 GiB", 4, 1, kernelLies(in: "a hole")),
      ram("starts at the end of all", 4, .max, kernelLies(in: "a hole")),
      ram("is empty", 8, 0, kernelLies(in: "a hole")),
      ram("is 1 MiB", 8, 1 << 20, kernelLies(in: "a hole")),
      ram("is a page short of the kernel", 8, 0x10_0000 + 0x1000, kernelLies(in: "a hole")),
      ram("goes on past 4 GiB", 12, 1, .refused(noMemory)),
      ram("goes on past all addresses", 12, .max, .refused(noMemory)),
    ]
    + (0..<8).filter { $0 != 3 }.map { entry in
      DamageVariant(
        "map: entry \(entry) is unusable", [.set(tag: 6, offset: 16 + 24 * entry + 16, to: 5)],
        .ready)
    }
    + [
      DamageVariant("no map", [.set(tag: 6, offset: 0, to: 0x6666)], .judged),
      map("sound", sound, .ready), map("upside down", sound.reversed(), .ready),
      map("twice", sound + sound, .ready),
      map("with room in its entries", sound, .ready, entrySize: 32),
      map("with much room in its entries", sound, .ready, entrySize: 72, version: 1),
      map("empty", [], kernelLies(in: "a hole")),
      map("of one empty entry", [MapEntry(0, 0, 1)], kernelLies(in: "a hole")),
      map(
        "no usable RAM", sound.map { MapEntry($0.start, $0.byteCount, 2) },
        kernelLies(in: "reserved")),
      map(
        "RAM but where the kernel lies", [sound[0], MapEntry(16 * mib, 64 * mib, 1)],
        kernelLies(in: "a hole")),
      map(
        "RAM where the kernel lies and nowhere else", [MapEntry(2 * mib, mib, 1)],
        .refused("too little RAM for the page tables: .*")),
      map(
        "256 frames", [MapEntry(0, 0x9_f000, 1), MapEntry(2 * mib, mib + mib / 2, 1)],
        .refused("too little RAM for [a-z ]+: .*")),
      map(
        "a page of the kernel is reserved", sound + [MapEntry(2 * mib + 0x5000, 0x1000, 2)],
        kernelLies(in: "reserved")),
      map(
        "a byte of the kernel is unusable", sound + [MapEntry(2 * mib + 0x5123, 1, 5)],
        kernelLies(in: "unusable")),
      map("all is reserved too", sound + [MapEntry(0, .max, 2)], kernelLies(in: "reserved")),
      map("an entry wraps", sound + [MapEntry(.max - 0xfff, 0x2000, 2)], .ready),
      map(
        "RAM at the end of all addresses", sound + [MapEntry(.max - 0xffff, 0x1_0000, 1)],
        .ready),
      map(
        "odd bounds", [MapEntry(3, 0x9_fbf1, 1), MapEntry(mib + 5, ramEnd - mib - 77, 1)], .ready),
      map(
        "RAM that is none, above 4 GiB", sound + [MapEntry(8 << 30, 1 << 30, 1)],
        .refused(noMemory)),
      map("RAM that is none, below 4 GiB", sound + [MapEntry(1 << 30, 1 << 30, 1)], .ready),
      map(
        "800 crumbs", sound + (0..<800).map { MapEntry(1 << 32 + UInt64($0) << 13, 0x1000, 2) },
        .ready),
      map(
        "1100 crumbs", sound + (0..<1100).map { MapEntry(1 << 32 + UInt64($0) << 13, 0x1000, 2) },
        .refused("the memory map has more than 1024 entries")),
      map("1000 entries alike", sound + [MapEntry](repeating: sound[0], count: 1000), .ready),
      map(
        "only single frames",
        [sound[0]]
          + (0..<900).map { MapEntry(mib + UInt64($0) << 13, 0x1000, 1) }, kernelLies(in: "a hole")),
      map(
        "of entries of 16 bytes", sound,
        .refused(
          badInformation + "the memory map's entry size is under 24 or no multiple of 8, offset .*"),
        claimedEntrySize: 16),
    ]
}
