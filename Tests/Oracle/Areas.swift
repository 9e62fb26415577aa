// The vmalloc window from outside: what is mapped there, and the guard pages around it.

/// A reservation of the vmalloc window, as the kernel says it is.
public struct Area: Sendable {
  /// Its pages, without the guard pages.
  public let pages: Range<UInt64>
  /// Where the pages lead if it is a device's: to all of this memory.
  public let device: UInt64?
  /// How the pages are cached, as an index into IA32_PAT.
  public let patIndex: UInt8

  /// An area of RAM, all of it mapped or some.
  public init(pages: Range<UInt64>) {
    self.pages = pages
    device = nil
    patIndex = 0
  }

  /// An area of a device, which maps it from its first page to its last.
  public init(pages: Range<UInt64>, device: UInt64, patIndex: UInt8) {
    self.pages = pages
    self.device = device
    self.patIndex = patIndex
  }
}

extension Snapshot {
  /// Promises 1, 7 and 10 in the vmalloc window: nothing is mapped but in areas, which have a guard
  /// page of their own on both sides; RAM is write-back, and what is none is a device's area, each
  /// with its type.
  public func areaViolations(_ areas: [Area], on machine: Machine) -> [String] {
    let window = machine.windows.vmalloc
    let inside = leaves.filter { window.contains($0.virtual) }
    let mapped = AddressSet(inside.map { $0.virtual..<$0.virtual + $0.size })
    let areas = areas.sorted { $0.pages.lowerBound < $1.pages.lowerBound }
    return mapped.subtracting(AddressSet(areas.map(\.pages)))
      .map { "\(hex($0)) is mapped, in no area" }
      + areas.flatMap { contentViolations(of: $0, inside, on: machine) }
      + guardViolations(areas, in: window)
  }

  private func contentViolations(
    of area: Area, _ inside: [Leaf], on machine: Machine
  ) -> [String] {
    let runs = Run.joining(inside.filter { area.pages.contains($0.virtual) })
    guard let device = area.device else {
      return AddressSet(runs.map(\.physicalRange)).subtracting(AddressSet(machine.ram))
        .map { "\(hex($0)), in the area at \(hex(area.pages.lowerBound)), is no RAM" }
        + runs.filter { $0.patIndex != 0 }.map { "\(hex($0.virtualRange)) is not write-back" }
    }
    guard runs.count == 1, runs[0].virtualRange == area.pages, runs[0].physical == device,
      runs[0].grants == .write, runs[0].patIndex == area.patIndex
    else { return ["the area at \(hex(area.pages.lowerBound)) maps a device as \(runs)"] }
    return AddressSet(runs.map(\.physicalRange)).intersection(AddressSet(machine.ram))
      .map { "\(hex($0)), of a device, is RAM" }
  }

  /// A guard page is nobody's: not another area's, nor its guard page.
  private func guardViolations(_ areas: [Area], in window: Range<UInt64>) -> [String] {
    var free = window.lowerBound
    var found: [String] = []
    for area in areas {
      let start = area.pages.lowerBound
      if start < free + 4096 {
        found.append("the area at \(hex(start)) has no guard page of its own below")
      }
      if area.pages.isEmpty || (start | area.pages.upperBound) & 4095 != 0 {
        found.append("\(hex(area.pages)) are no pages")
      }
      // From there on, behind this area's guard page, the next one's may lie.
      free = area.pages.upperBound + 4096
    }
    if free > window.upperBound { found.append("the last area has no guard page above") }
    return found
  }
}
