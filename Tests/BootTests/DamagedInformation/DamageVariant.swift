// The variants of damage and what each ends in, said beforehand: by hand, or, where bits of sizes and
// types change, by the second reader of Tests/Oracle/InformationBytes.swift.

/// Damaged boot information, and how Highland must end on it.
struct DamageVariant: Sendable {
  enum Ending: Sendable {
    case ready
    /// `highland: cannot boot: ` and what matches this.
    case refused(String)
    /// What the second reader says: ready, or the fault that it finds.
    case judged
  }

  let name: String
  let damage: [Damage]
  let ending: Ending

  init(_ name: String, _ damage: [Damage], _ ending: Ending) {
    (self.name, self.damage, self.ending) = (name, damage, ending)
  }

  static let all: [DamageVariant] =
    entries + totals + sizes + types + maps + modules + screens + others
}

// What the variants' expectations share. The machine is a q35 of 128 MiB by BIOS.
extension DamageVariant {
  /// Where RAM ends; the kernel lies at 2 MiB.
  static let ramEnd: UInt64 = 0x7fd_f000
  static let mib: UInt64 = 1 << 20
  static let badInformation = "the multiboot2 information at 0x[0-9a-f_]+ is bad: "

  static func kernelLies(in what: String) -> Ending {
    .refused(
      "the kernel at 0x0000_0000_002[0-9a-f]_[0-9a-f]{4} lies in \(what), not in usable RAM")
  }
}

/// What Highland finds in its registers, and where the information lies.
extension DamageVariant {
  static let entries: [DamageVariant] =
    ([0, 0x2bad_b002, 0x36d7_6288, 0xb6d7_6289, .max] as [UInt32]).map { magic in
      DamageVariant(
        "magic \(magic)", [.magic(magic)],
        .refused(#"the loader is not multiboot2 \(wrong magic in EAX\)"#))
    }
    + (1..<8).map { distance in
      DamageVariant(
        "pointer off by \(distance)", [.shiftPointer(UInt32(distance))],
        .refused(badInformation + "its address is not a multiple of 8, offset 0"))
    }
    // A place without memory reads as ones or zeros, ROM and devices as they like.
    + ([0x8000_0000, 0xa_0000, 0xfee0_0000, 0xfffc_0000, 0xe000_0000] as [UInt32]).map { address in
      DamageVariant(
        "pointer to \(String(address, radix: 16))", [.pointer(address)],
        .refused(
          "the multiboot2 information(, at 0x[0-9a-f_]+, runs past 4 GiB| at 0x[0-9a-f_]+ is bad: .*)"
        ))
    }
    + ([0xffff_fffc, 0xffff_fff9, 0xffff_ffff] as [UInt32]).map { address in
      DamageVariant(
        "pointer to \(String(address, radix: 16))", [.pointer(address)],
        .refused("the multiboot2 information, at 0x[0-9a-f_]+, runs past 4 GiB"))
    }
    + ([0x500, 0x1000, 0x8000, 0x9_e000, 0x10_0000, 0x80_0000, 0x400_0000, 0x7fd_e000] as [UInt32])
    .map { address in
      DamageVariant(
        "moved to \(String(address, radix: 16))", [.move(to: address), .pointer(address)], .ready)
    }

  /// Truncations, and a total size that is anything else.
  static let totals: [DamageVariant] =
    ([0, 1, 7, 8, 9, 15] as [UInt32]).map { total in
      DamageVariant("total size \(total)", [.set(tag: nil, offset: 0, to: total)], .judged)
    }
    + stride(from: 1, to: 470, by: 7).map { missing in
      DamageVariant(
        "\(missing) bytes are missing", [.add(tag: nil, offset: 0, UInt32.max - missing + 1)],
        .judged)
    }
    + ([8, 64, 4096, 1 << 16] as [UInt32]).map { more in
      DamageVariant("total size is \(more) more", [.add(tag: nil, offset: 0, more)], .ready)
    }
    + ([0xffff_ffff, 0xffff_f000, 0xff80_0000] as [UInt32]).map { total in
      DamageVariant(
        "total size \(total)", [.set(tag: nil, offset: 0, to: total)],
        .refused("the multiboot2 information, at 0x[0-9a-f_]+, runs past 4 GiB"))
    }
    + (0..<32).map { bit in
      DamageVariant(
        "total size, bit \(bit)", [.flip(tag: nil, offset: 0, mask: 1 << UInt32(bit))], .judged)
    }
    + ([0xffff_ffff, 1] as [UInt32]).map { value in
      DamageVariant("reserved word \(value)", [.set(tag: nil, offset: 4, to: value)], .ready)
    }

  /// The types of the tags that GRUB gives there.
  private static let givenTags: [UInt32] = [21, 1, 2, 10, 6, 9, 4, 5, 8, 14]

  /// Every tag with another size.
  static let sizes: [DamageVariant] = givenTags.flatMap { tag in
    ([0, 7, 8, 9] as [UInt32]).map { size in
      DamageVariant("tag \(tag): size \(size)", [.set(tag: tag, offset: 4, to: size)], .judged)
    }
      + [0, 1, 2, 3, 4, 5, 8, 16, 31].map { bit in
        DamageVariant(
          "tag \(tag): size, bit \(bit)", [.flip(tag: tag, offset: 4, mask: 1 << UInt32(bit))],
          .judged)
      }
  }

  /// Every tag as another one.
  static let types: [DamageVariant] = givenTags.flatMap { tag in
    [0, 1, 2, 3, 4, 31].map { bit in
      DamageVariant(
        "tag \(tag): type, bit \(bit)", [.flip(tag: tag, offset: 0, mask: 1 << UInt32(bit))],
        .judged)
    }
  }
}
