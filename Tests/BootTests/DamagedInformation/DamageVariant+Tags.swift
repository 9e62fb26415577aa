// Modules, screens, and all other tags.

/// Modules.
extension DamageVariant {
  private static func module(
    _ name: String, _ start: UInt32, _ end: UInt32, _ ending: Ending, text: [UInt8] = [0],
    size: UInt32? = nil
  ) -> DamageVariant {
    DamageVariant(
      "module: " + name,
      [.append(Damage.tag(3, littleEndian(start) + littleEndian(end) + text, size: size))], ending)
  }

  private static func moduleLies(in what: String) -> Ending {
    .refused("the module at 0x[0-9a-f_]+ lies in \(what), not in usable RAM")
  }

  static let modules: [DamageVariant] = [
    module("sound", 0x200_0000, 0x201_0000, .ready),
    module("of one byte", 0x200_0001, 0x200_0002, .ready),
    module("empty", 0x200_0000, 0x200_0000, .ready),
    module("at 0", 0, 0x1000, .ready),
    module(
      "ends before it starts", 0x200_1000, 0x200_0000,
      .refused(badInformation + "a module ends before it starts, offset .*")),
    module("in a hole", 0x1000_0000, 0x1000_1000, moduleLies(in: "a hole")),
    module("runs out of RAM", 0x7fd_e000, 0x7fe_1000, moduleLies(in: "reserved")),
    module("in ROM", 0xf_0000, 0xf_1000, moduleLies(in: "reserved")),
    module("over all 4 GiB", 0, .max, .refused("the (kernel|module) at .* lies in .*")),
    module(
      "text without end", 0x200_0000, 0x201_0000,
      .refused(badInformation + "a string does not end within its tag, offset .*"),
      text: [0x41, 0x42]),
    module(
      "no text", 0x200_0000, 0x201_0000,
      .refused(badInformation + "a string does not end within its tag, offset .*"), text: []),
    module(
      "short", 0x200_0000, 0x201_0000,
      .refused(badInformation + "a tag is too short for its fields, offset .*"), size: 15),
    module(
      "long", 0x200_0000, 0x201_0000,
      .refused(badInformation + "a tag runs past the end, offset .*"), size: 999),
    DamageVariant(
      "200 modules",
      [
        .append(
          (0..<200 as Range<UInt32>).flatMap { index in
            Damage.tag(
              3,
              littleEndian(0x200_0000 + index << 12) + littleEndian(0x200_0800 + index << 12)
                + [UInt8](repeating: 0x61, count: 7) + [0])
          })
      ], .ready),
  ]
}

/// Screens: words of the framebuffer's tag (3.6.12), which here says 80 by 25 characters at 0xb8000.
extension DamageVariant {
  private static func screen(_ name: String, _ words: [Int: UInt32], _ ending: Ending = .ready)
    -> DamageVariant
  {
    DamageVariant(
      "screen: " + name,
      words.sorted { $0.key < $1.key }.map { .set(tag: 8, offset: $0.key, to: $0.value) }, ending)
  }

  static let screens: [DamageVariant] = [
    screen("in the kernel", [8: 0x20_0000], kernelLies(in: "framebuffer")),
    screen("in RAM", [8: 0x300_0000]),
    screen("at 0", [8: 0]),
    screen("past all addresses", [12: .max]),
    screen("at the end of all addresses", [8: 0xffff_f000, 12: .max]),
    screen("at an odd address", [8: 0xb_8001]),
    screen("no width", [20: 0]), screen("no height", [24: 0]), screen("no pitch", [16: 0]),
    screen("wider than its pitch", [20: 10_000]),
    screen(
      "without bounds", [16: .max, 20: .max, 24: .max], .refused("the .* lies in framebuffer.*")),
    screen("of an unknown type", [28: 0x0710]),
    screen(
      "with colours, too short", [28: 0x0110],
      .refused(badInformation + "a tag is too short for its fields, offset .*")),
    screen("indexed", [28: 0x0008]),
    screen("0 bits a pixel", [28: 0x0200]), screen("255 bits a pixel", [28: 0x02ff]),
  ]
}

/// Everything else.
extension DamageVariant {
  private static func appending(_ name: String, _ tag: [UInt8], _ ending: Ending) -> DamageVariant {
    DamageVariant(name, [.append(tag)], ending)
  }

  /// One descriptor of UEFI's map: type, padding, start, virtual address, pages, attributes.
  private static func efiMap(
    _ descriptorSize: UInt32, _ type: UInt32, _ start: UInt64, pages: UInt64
  ) -> [UInt8] {
    Damage.tag(
      17,
      littleEndian(descriptorSize) + littleEndian(UInt32(1)) + littleEndian(type)
        + littleEndian(UInt32(0)) + littleEndian(start) + littleEndian(UInt64(0))
        + littleEndian(pages) + littleEndian(UInt64(0)) + littleEndian(UInt64(0)))
  }

  static let others: [DamageVariant] =
    // The root pointer, of which GRUB gives a copy (ACPI 6.5, 5.2.5.3): RSDT's address at 16.
    [
      DamageVariant("ACPI: signature", [.set(tag: 14, offset: 8, to: 0)], .ready),
      DamageVariant("ACPI: checksum", [.flip(tag: 14, offset: 16, mask: 1)], .ready),
      DamageVariant("ACPI: nothing in the tag", [.set(tag: 14, offset: 4, to: 8)], .judged),
    ]
    + ([0, 0x20_0000, 0x1000_0000, 0xffff_fff0, 0xfee0_0000, 0xb_8000] as [UInt32]).map { address in
      // The bytes of a root pointer sum to zero.
      let body = Array("RSD PTR ".utf8) + [0] + Array("BOCHS ".utf8) + [0] + littleEndian(address)
      var bytes = body
      bytes[8] = 0 &- body.reduce(0, &+)
      return DamageVariant(
        "ACPI: tables at \(String(address, radix: 16))",
        [.set(tag: 14, offset: 0, to: 0x1414), .append(Damage.tag(14, bytes))], .ready)
    }
    + [
      appending(
        "UEFI map: sound", efiMap(48, 7, 0x200_0000, pages: 16), .ready),
      appending(
        "UEFI map: the kernel is reserved", efiMap(48, 0, 2 * mib, pages: 16),
        kernelLies(in: "reserved")),
      appending(
        "UEFI map: the kernel is unusable", efiMap(48, 8, 2 * mib, pages: 1),
        kernelLies(in: "unusable")),
      appending("UEFI map: pages past all", efiMap(48, 0, 0x300_0000, pages: .max), .ready),
      appending(
        "UEFI map: descriptors of 32 bytes", efiMap(32, 7, 0x200_0000, pages: 16),
        .refused(
          badInformation + "the EFI descriptor size is under 40 or no multiple of 8, offset .*")),
      appending(
        "UEFI map: descriptors of 44 bytes", efiMap(44, 7, 0x200_0000, pages: 16),
        .refused(
          badInformation + "the EFI descriptor size is under 40 or no multiple of 8, offset .*")),
      appending("unknown tag", Damage.tag(0x7fff_ffff, []), .ready),
      appending(
        "1000 unknown tags", (0..<1000).flatMap { Damage.tag(1000 + $0, []) }, .ready),
      appending(
        "a tag after the map says: another map",
        Damage.tag(
          6,
          littleEndian(UInt32(24))
            + littleEndian(UInt32(0))), .ready),
      appending(
        "ELF sections: more than there are",
        Damage.tag(
          9, littleEndian(UInt32.max) + littleEndian(UInt32(64)) + littleEndian(UInt32(0))),
        .refused(badInformation + "a tag is too short for its fields, offset .*")),
      appending(
        "ELF sections: small headers",
        Damage.tag(9, littleEndian(UInt32(1)) + littleEndian(UInt32(40)) + littleEndian(UInt32(0))),
        .refused(badInformation + "the ELF section header size is under 64, offset .*")),
      DamageVariant("load base: anywhere", [.set(tag: 21, offset: 8, to: 0x1234_5678)], .ready),
      DamageVariant(
        "loader's name: no letters", [.set(tag: 2, offset: 8, to: 0x8001_1bff)], .ready),
      DamageVariant("loader's name: empty", [.set(tag: 2, offset: 8, to: 0)], .ready),
    ]
}
