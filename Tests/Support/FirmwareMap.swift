// The memory map of a machine as its firmware gives it, and what follows from it by the rules for
// maps, worked out without Highland's normaliser.

import BootInfo
import Oracle

/// A firmware's memory map.
public struct FirmwareMap: Equatable, Sendable {
  public let reports: [Report]

  public init(_ reports: [Report]) { self.reports = reports }

  private func parts(of kinds: RegionKind...) -> [Range<UInt64>] {
    // No page-table entry holds an address past 2^52.
    reports.filter { kinds.contains($0.kind) }.map { $0.range.clamped(to: 0..<1 << 52) }
  }

  private func outward(_ parts: [Range<UInt64>]) -> AddressSet {
    AddressSet(
      parts.filter { !$0.isEmpty }
        .map { $0.lowerBound & ~0xfff..<($0.upperBound + 0xfff) & ~0xfff })
  }

  /// The pages that are usable if nothing else claims them.
  private var usable: AddressSet {
    AddressSet(
      AddressSet(parts(of: .usable)).ranges.map { range in
        let start = (range.lowerBound + 0xfff) & ~0xfff
        return start..<max(start, range.upperBound & ~0xfff)
      })
  }

  /// The pages that are RAM: usable RAM inward, ACPI's outward, and the others take theirs outward.
  public var ram: [Range<UInt64>] {
    let acpi = outward(parts(of: .acpi, .nvs))
    let persistent = outward(parts(of: .persistent)).subtracting(acpi)
    let others = outward(parts(of: .reserved, .unusable)).ranges + persistent
    return AddressSet(usable.ranges + acpi.ranges).subtracting(AddressSet(others))
  }

  /// Where a loader puts the image: the lowest multiple of 2 MiB below 4 GiB with room in usable
  /// RAM; `nil` if there is none.
  public var image: FakeImage? {
    let twoMiB: UInt64 = 0x20_0000
    let others = outward(parts(of: .unusable, .reserved, .nvs, .acpi, .persistent))
    let starts = usable.subtracting(others).compactMap { range -> UInt64? in
      let start = max(twoMiB, (range.lowerBound + twoMiB - 1) & ~(twoMiB - 1))
      return start + FakeImage().byteCount <= min(range.upperBound, 1 << 32) ? start : nil
    }
    return starts.first.map { FakeImage(start: $0) }
  }
}
