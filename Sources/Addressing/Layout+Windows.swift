// The windows of a layout by name, and the check of a hand-made layout.

/// A part of the virtual address space, used or not. The kernel's report lists all of them.
public enum Window: UInt8, Sendable, BitwiseCopyable {
  case lowerHalf, notCanonical, linearMapping, vmalloc, frameMetadata, unusedHole, kernelCode,
    unusedTop, beyondTheEnd

  /// The four windows that hold mappings.
  public static var used: InlineArray<4, Window> {
    [.linearMapping, .vmalloc, .frameMetadata, .kernelCode]
  }

  public var name: StaticString {
    switch self {
    case .lowerHalf: "lower half"
    case .notCanonical: "not canonical"
    case .linearMapping: "linear mapping"
    case .vmalloc: "vmalloc"
    case .frameMetadata: "frame metadata"
    case .unusedHole: "unused hole"
    case .kernelCode: "kernel code"
    case .unusedTop: "unused"
    case .beyondTheEnd: "beyond the end"
    }
  }
}

extension Layout {
  /// The addresses of a used window; `nil` for the parts of the space that hold no mappings.
  public func range(of window: Window) -> Range<VirtualAddress>? {
    switch window {
    case .linearMapping: linearMapping
    case .vmalloc: vmalloc
    case .frameMetadata: frameMetadata
    case .kernelCode: kernelCode
    case .lowerHalf, .notCanonical, .unusedHole, .unusedTop, .beyondTheEnd: nil
    }
  }

  /// The window that holds `address`. What lies between the used windows is the unused hole, what
  /// lies between the highest of them and `end` the unused top.
  public func window(of address: VirtualAddress) -> Window {
    if address < addressWidth.lowerHalfEnd { return .lowerHalf }
    if address < addressWidth.upperHalf { return .notCanonical }
    if address >= Layout.end { return .beyondTheEnd }
    var highestEnd = addressWidth.upperHalf
    let used = Window.used
    for index in used.indices {
      guard let range = range(of: used[index]) else { continue }
      if range.contains(address) { return used[index] }
      highestEnd = max(highestEnd, range.upperBound)
    }
    return address < highestEnd ? .unusedHole : .unusedTop
  }

  func validate() throws(LayoutError) {
    let used = Window.used
    for index in used.indices {
      let window = used[index]
      guard let range = range(of: window) else { continue }
      if range.isEmpty { throw .empty(window) }
      if range.lowerBound < addressWidth.upperHalf || range.upperBound > Layout.end {
        throw .outsideKernelHalf(window)
      }
      let unit =
        window == .kernelCode ? PageSize.size4KiB.byteCount : addressWidth.topLevelEntrySpan
      if range.lowerBound.rawValue % unit != 0 || range.upperBound.rawValue % unit != 0 {
        throw .misaligned(window)
      }
      for earlier in 0..<index {
        guard let other = self.range(of: used[earlier]) else { continue }
        if topLevelEntries(of: range).overlaps(topLevelEntries(of: other)) {
          throw .overlap(used[earlier], window)
        }
      }
    }
  }

  /// The indices of the top-level entries that `range` touches.
  private func topLevelEntries(of range: Range<VirtualAddress>) -> ClosedRange<UInt64> {
    let span = addressWidth.topLevelEntrySpan
    return range.lowerBound.rawValue / span...(range.upperBound.rawValue - 1) / span
  }
}
