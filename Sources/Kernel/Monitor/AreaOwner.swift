import Addressing
import BootInfo
import KernelSpace

/// Whose an address is, as far as the vmalloc window goes: the windows besides have one owner each.
enum AreaOwner {
  case window(Window)
  case device(StaticString)
  case scratch(ScratchName)
  case stress
  /// A guard page, or an area that the kernel has for a moment.
  case other

  init(of address: VirtualAddress) {
    let window = KernelState.layout.window(of: address)
    self = window == .vmalloc ? AreaOwner(inVmalloc: address) : .window(window)
  }

  private init(inVmalloc address: VirtualAddress) {
    if let name = Devices.name(at: address) {
      self = .device(name)
      return
    }
    for place in 0..<AreaPlaces.forStress.upperBound {
      guard AreaPlaces.range(at: place)?.contains(address) == true else { continue }
      if let name = ScratchName(rawValue: UInt8(place)) {
        self = .scratch(name)
      } else {
        self = .stress
      }
      return
    }
    self = .other
  }
}

extension Text.Interpolation {
  func appendInterpolation(_ owner: AreaOwner) {
    switch owner {
    case .window(let window): appendInterpolation(window.name)
    case .device(let name): appendInterpolation(name)
    case .scratch(let name):
      appendLiteral("scratch area ")
      appendInterpolation(name.name)
    case .stress: appendLiteral("stress")
    case .other: appendLiteral("kernel")
    }
  }
}
