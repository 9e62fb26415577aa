// The linear mapping, both ways: virtual = base + physical.

/// Why an address has no counterpart in the linear mapping.
public enum LinearMappingError: Error, Equatable {
  /// The physical address lies past the end of the linear window.
  case physicalAddressPastWindow(PhysicalAddress)
  /// The virtual address lies outside the linear window.
  case virtualAddressOutsideWindow(VirtualAddress)
}

extension Layout {
  /// The linear window's size: physical memory past it cannot be mapped linearly.
  public var linearCapacity: UInt64 { linearMapping.byteCount }

  /// The linear address of a physical one. Says nothing about whether RAM lies there.
  public func linearAddress(
    of physical: PhysicalAddress
  ) throws(LinearMappingError) -> VirtualAddress {
    guard physical.rawValue < linearCapacity else { throw .physicalAddressPastWindow(physical) }
    return linearMapping.lowerBound + physical.rawValue
  }

  /// The physical address behind a linear one. Says nothing about whether it is mapped.
  public func physicalAddress(
    ofLinear virtual: VirtualAddress
  ) throws(LinearMappingError) -> PhysicalAddress {
    guard linearMapping.contains(virtual) else { throw .virtualAddressOutsideWindow(virtual) }
    return PhysicalAddress(virtual - linearMapping.lowerBound)
  }
}
