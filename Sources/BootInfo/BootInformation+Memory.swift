// From multiboot2 information to reports for the memory map: who says what about which bytes.
//
//     memory map         RAM and what the firmware keeps of it; the only source of RAM
//     EFI memory map     what UEFI keeps besides: it can only take away
//     modules, the information itself, the framebuffer

import Addressing

extension BootInformation {
  /// Adds all the information says about memory. The kernel image is not among it.
  public func collectMemory(into map: inout MemoryMap) throws(MemoryMapError) {
    let entries = memoryMap
    for index in 0..<entries.count {
      let entry = entries[index]
      try map.add(start: entry.start, byteCount: entry.byteCount, kind: entry.kind)
    }
    if let descriptors = efiMemoryMap {
      for index in 0..<descriptors.count {
        let descriptor = descriptors[index]
        guard let kind = descriptor.restriction else { continue }
        try map.add(start: descriptor.start, byteCount: descriptor.byteCount, kind: kind)
      }
    }
    var modules = modules
    while let module = modules.next() {
      try map.add(
        start: module.range.lowerBound.rawValue, byteCount: module.range.byteCount, kind: .module)
    }
    try map.add(
      start: address.rawValue, byteCount: UInt64(byteCount), kind: .bootInformation)
    if let framebuffer {
      try map.add(
        start: framebuffer.address.rawValue, byteCount: framebuffer.byteCount, kind: .framebuffer)
    }
  }
}

extension MemoryMapEntry {
  /// The entry's type as a kind of region (multiboot2, "Memory map"; 7 from ACPI 6.5, 15).
  public var kind: RegionKind {
    switch type {
    case 1: .usable
    case 3: .acpi
    case 4: .nvs
    case 5: .unusable
    case 7: .persistent
    // 2 is reserved; so is what nobody has told us about, such as the 20 of GRUB.
    default: .reserved
    }
  }
}

extension EFIMemoryDescriptor {
  /// What the descriptor takes away from usable RAM; `nil` for memory that is free once the boot
  /// services are gone (UEFI 2.10, 7.2, memory type usage).
  public var restriction: RegionKind? {
    switch type {
    // Loader code and data, boot services code and data, conventional memory.
    case 1, 2, 3, 4, 7: attributes & Self.specialPurpose == 0 ? nil : .reserved
    case 8: .unusable
    case 9: .acpi
    case 10: .nvs
    case 14: .persistent
    default: .reserved
    }
  }
}
