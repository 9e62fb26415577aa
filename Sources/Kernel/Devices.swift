import Addressing
import BootInfo
import KernelSpace
import Machine
import PageTables

// Device memory that the kernel keeps mapped, each in an area of its own with the memory type that
// suits it: registers uncacheable, screens write-combining.

/// A device's registers or memory.
struct DeviceMemory: ~Copyable {
  private let area: KernelArea
  /// Where it begins: a device need not begin with a page.
  let start: VirtualAddress

  /// The pages that it is mapped with.
  var range: Range<VirtualAddress> { area.range }

  /// - Throws: `AreaError` if it can't be mapped.
  init(
    _ physical: PhysicalAddress, byteCount: UInt64, _ memoryType: MemoryType
  ) throws(AreaError) {
    let pages = try FirmwareMemory.pages(at: physical, byteCount)
    area = try KernelArea.untracked(
      pages, PageProperty(rights: .write, memoryType: memoryType))
    start = area.range.lowerBound + (physical - pages.lowerBound)
  }
}

/// The devices that every PC of today has.
enum Devices {
  private nonisolated(unsafe) static var localAPIC: DeviceMemory?
  private nonisolated(unsafe) static var timer: DeviceMemory?
  private nonisolated(unsafe) static var screen: DeviceMemory?

  /// Where the local APIC's registers are mapped.
  static var localAPICRegisters: VirtualAddress? {
    guard unsafe localAPIC != nil else { return nil }
    return unsafe localAPIC?.start
  }

  /// Maps them, prints what they answer, and begins to use the screen.
  static func map(_ tables: FirmwareTables, _ framebuffer: Framebuffer?) {
    // SAFETY: one CPU boots, alone, and nobody else touches what is kept; likewise below.
    if let address = tables.localAPIC {
      // Version in bits 0 to 7 of the register at 0x30 (SDM volume 3, 11.4.8).
      unsafe localAPIC = map("local APIC", at: address, byteCount: 4096, .uncacheable) { start in
        printPart("version \(shortHex: UInt64(load32(start.rawValue + 0x30) & 0xff))")
      }
    }
    if let table = tables.timer {
      // The period of a tick in femtoseconds: the upper half of the first register (HPET, 2.3.4).
      unsafe timer = map("HPET", at: table.address, byteCount: 1024, .uncacheable) { start in
        printPart("\(load64(start.rawValue) >> 32 / 1_000_000) ns a tick")
      }
    }
    var found: Screen?
    if let framebuffer {
      unsafe screen = map(
        "framebuffer", at: framebuffer.address, byteCount: framebuffer.byteCount, .writeCombining
      ) { start in
        found = Screen(framebuffer, mappedAt: start, Font(KernelState.bootRecord))
        printPart("\(framebuffer.width) x \(framebuffer.height)")
        if framebuffer.format != .egaText {
          printPart(", \(UInt64(framebuffer.bitsPerPixel)) bits per pixel")
        }
        if found == nil { printPart(", not for text") }
      }
    }
    Console.show(found)
  }

  /// The device whose memory is mapped at an address.
  static func name(at address: VirtualAddress) -> StaticString? {
    if unsafe localAPIC?.range.contains(address) == true { return "local APIC" }
    if unsafe timer?.range.contains(address) == true { return "HPET" }
    if unsafe screen?.range.contains(address) == true { return "framebuffer" }
    return nil
  }

  private static func map(
    _ name: StaticString, at address: PhysicalAddress, byteCount: UInt64, _ type: MemoryType,
    _ describe: (VirtualAddress) -> Void
  ) -> DeviceMemory? {
    do throws(AreaError) {
      let memory = try DeviceMemory(address, byteCount: byteCount, type)
      printPart("device: \(name) at \(address), mapped at \(memory.start): ")
      describe(memory.start)
      print("")
      return memory
    } catch {
      print("device: \(name) at \(address) can't be mapped")
      return nil
    }
  }
}
