// The checked tags as values. Absent tags are `nil` or empty; only the memory map is always there.

public import Addressing

extension BootInformation {
  /// The firmware's memory map as received.
  public var memoryMap: Table<MemoryMapEntry> {
    @_lifetime(copy self)
    get {
      // `init` lets no information pass that has no memory map.
      firstTag(.memoryMap)!.memoryTable()
    }
  }

  /// UEFI's memory map; absent when the machine booted by BIOS.
  public var efiMemoryMap: Table<EFIMemoryDescriptor>? {
    @_lifetime(copy self)
    get {
      guard let tag = firstTag(.efiMemoryMap) else { return nil }
      return tag.memoryTable()
    }
  }

  /// The version of the EFI memory map's descriptors; 1 in all UEFI editions so far.
  public var efiDescriptorVersion: UInt32? {
    guard let tag = firstTag(.efiMemoryMap) else { return nil }
    return tag.bytes.integer(UInt32.self, at: 12)
  }

  /// The sections of the kernel image (multiboot2, "ELF-Symbols"; the fields are 32 bits wide, as
  /// in the header file there): count at 8, entry size at 12, index of the names at 16.
  public var elfSections: Table<ELFSection>? {
    @_lifetime(copy self)
    get {
      guard let tag = firstTag(.elfSections) else { return nil }
      return Table(
        tag.bytes.extracting(20..<tag.bytes.byteCount), stride: tag.bytes.size(at: 12),
        count: tag.bytes.size(at: 8))
    }
  }

  /// Which of the sections holds their names. Not checked against their count.
  public var elfSectionNamesIndex: Int? {
    guard let tag = firstTag(.elfSections) else { return nil }
    return tag.bytes.size(at: 16)
  }

  public var commandLine: CommandLine {
    @_lifetime(copy self)
    get {
      guard let tag = firstTag(.commandLine) else { return CommandLine(RawSpan()) }
      return CommandLine(tag.string(at: 8))
    }
  }

  public var bootLoaderName: RawSpan? {
    @_lifetime(copy self)
    get {
      guard let tag = firstTag(.bootLoaderName) else { return nil }
      return tag.string(at: 8)
    }
  }

  public var framebuffer: Framebuffer? {
    guard let tag = firstTag(.framebuffer) else { return nil }
    return Framebuffer(tag.bytes)
  }

  /// A copy of the ACPI root pointer, of ACPI 2.0 or later if there is one. Its own checksum and
  /// length are not checked here.
  public var rsdp: RawSpan? {
    @_lifetime(copy self)
    get {
      if let tag = firstTag(.newRSDP) { return tag.bytes.extracting(8..<tag.bytes.byteCount) }
      if let tag = firstTag(.oldRSDP) { return tag.bytes.extracting(8..<tag.bytes.byteCount) }
      return nil
    }
  }

  /// Where a relocatable kernel was put (multiboot2, "Image load base physical address").
  public var loadBase: PhysicalAddress? {
    guard let tag = firstTag(.loadBase) else { return nil }
    return PhysicalAddress(UInt64(tag.bytes.integer(UInt32.self, at: 8)))
  }

  /// The modules, in the order the boot loader was given them.
  public var modules: Modules {
    @_lifetime(copy self)
    get { Modules(of: self) }
  }
}

extension Tag {
  /// The entries of a memory map, EFI's or not: entry size at 8, version at 12, entries from 16 on.
  @_lifetime(copy self)
  fileprivate func memoryTable<Entry>() -> Table<Entry> {
    let (stride, room) = (bytes.size(at: 8), bytes.byteCount - 16)
    return Table(
      bytes.extracting(16..<bytes.byteCount), stride: stride, count: room / stride)
  }
}
