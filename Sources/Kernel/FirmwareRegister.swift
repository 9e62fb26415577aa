import Addressing
import BootInfo
import KernelSpace
import Machine
import PageTables

/// A register that an ACPI table names, in whatever space it lies.
struct FirmwareRegister: ~Copyable {
  private enum Place {
    case port(UInt16)
    case memory(VirtualAddress)
    /// What selects it, and the port where it then is.
    case pci(selector: UInt32, port: UInt16)
  }

  private let place: Place
  /// Where it lies in memory: mapped as long as this value lives.
  private let memory: DeviceMemory?

  private init(_ place: Place, _ memory: consuming DeviceMemory? = nil) {
    self.place = place
    self.memory = memory
  }

  /// The register, ready for use; `nil` where it can't be reached.
  ///
  /// - Parameter byteCount: its width, 1 or 2.
  static func reach(_ register: GenericAddress, byteCount: UInt64) -> FirmwareRegister? {
    let address = register.address
    switch register.space {
    case .port where address <= 0x1_0000 - byteCount:
      return FirmwareRegister(.port(UInt16(address)))
    case .memory:
      do throws(AreaError) {
        let memory = try DeviceMemory(
          PhysicalAddress(address), byteCount: byteCount, .uncacheable)
        return FirmwareRegister(.memory(memory.start), memory)
      } catch { return nil }
    // Through the two ports of the first configuration mechanism (PCI 3.0, 3.2.2.3.2).
    case .pciConfiguration
    where address >> 32 < 32 && address >> 16 & 0xffff < 8 && address & 0xffff <= 256 - byteCount:
      let function = UInt32(address >> 32) << 11 | UInt32(address >> 16 & 7) << 8
      return FirmwareRegister(
        .pci(
          selector: 1 << 31 | function | UInt32(address & 0xfc),
          port: 0xcfc + UInt16(address & 3)))
    default: return nil
    }
  }

  func read16() -> UInt16 {
    switch place {
    case .port(let port): return in16(port)
    case .memory(let address): return load16(address.rawValue)
    case .pci(let selector, let port):
      out32(0xcf8, selector)
      return in16(port)
    }
  }

  func write16(_ value: UInt16) {
    switch place {
    case .port(let port): out16(port, value)
    case .memory(let address): store16(address.rawValue, value)
    case .pci(let selector, let port):
      out32(0xcf8, selector)
      out16(port, value)
    }
  }

  func write8(_ value: UInt8) {
    switch place {
    case .port(let port): out8(port, value)
    case .memory(let address): store8(address.rawValue, value)
    case .pci(let selector, let port):
      out32(0xcf8, selector)
      out8(port, value)
    }
  }
}
