// What a stretch of physical memory is, and which report of it is believed.

public import Addressing

/// What a region of physical memory holds, strongest first: where two reports overlap, the kind
/// with the lower raw value wins.
///
///     unusable           broken RAM, or RAM the firmware withholds     not RAM
///     framebuffer        what the screen shows                         not RAM
///     reserved           the firmware's own, devices, unknown types    not RAM
///     nvs                ACPI non-volatile storage                         RAM
///     acpi               ACPI tables                                       RAM
///     persistent         memory that keeps its contents without power  not RAM
///     kernel             the kernel image                                  RAM
///     module             a file the boot loader brought along              RAM
///     bootInformation    the multiboot2 information                        RAM
///     usable             free RAM                                          RAM
public enum RegionKind: UInt8, Sendable, BitwiseCopyable {
  case unusable, framebuffer, reserved, nvs, acpi, persistent, kernel, module, bootInformation,
    usable

  /// Whether the region may be in the linear mapping.
  public var isRAM: Bool {
    switch self {
    case .nvs, .acpi, .kernel, .module, .bootInformation, .usable: true
    case .unusable, .framebuffer, .reserved, .persistent: false
    }
  }

  /// Whether the region was carved out of usable RAM: not the firmware's report, but what the boot
  /// loader put there.
  var liesInUsableRAM: Bool { self == .bootInformation || mustLieInUsableRAM }

  /// Whether the machine cannot be trusted when the region lies anywhere but in usable RAM.
  var mustLieInUsableRAM: Bool { self == .kernel || self == .module }

  public var name: StaticString {
    switch self {
    case .unusable: "unusable"
    case .framebuffer: "framebuffer"
    case .reserved: "reserved"
    case .nvs: "ACPI NVS"
    case .acpi: "ACPI tables"
    case .persistent: "persistent"
    case .kernel: "kernel"
    case .module: "module"
    case .bootInformation: "boot information"
    case .usable: "usable"
    }
  }
}

/// A stretch of physical memory of one kind.
public struct MemoryRegion: Equatable, Sendable {
  public let range: Range<PhysicalAddress>
  public let kind: RegionKind

  public init(_ range: Range<PhysicalAddress>, _ kind: RegionKind) {
    self.range = range
    self.kind = kind
  }
}
