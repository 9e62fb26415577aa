// The kernel's promises about its address space, checked from outside on a snapshot. Each check
// returns its violations in words; none means that the promise is kept.

/// Where the windows lie. The literals are restated here, so that a slip in the kernel's own
/// layout shows.
public struct Windows: Sendable {
  public var linear: Range<UInt64>
  public var vmalloc: Range<UInt64>
  public var frameMetadata: Range<UInt64>
  public var kernelCode: Range<UInt64> = 0xffff_ffff_8000_0000..<0xffff_ffff_c000_0000

  /// The default windows of 4- or 5-level paging.
  public init(levels: Int) {
    if levels == 4 {
      linear = 0xffff_8000_0000_0000..<0xffff_c000_0000_0000
      vmalloc = 0xffff_c000_0000_0000..<0xffff_e000_0000_0000
      frameMetadata = 0xffff_e000_0000_0000..<0xffff_e100_0000_0000
    } else {
      linear = 0xff00_0000_0000_0000..<0xff80_0000_0000_0000
      vmalloc = 0xff80_0000_0000_0000..<0xffc0_0000_0000_0000
      frameMetadata = 0xffc0_0000_0000_0000..<0xffc2_0000_0000_0000
    }
  }
}

/// What a correct address space depends on. All ranges consist of whole 4 KiB pages.
public struct Machine: Sendable {
  public var windows: Windows
  /// Whether the CPU has 1 GiB pages.
  public var gigabytePages: Bool
  /// Physical: what the linear window must map, and nothing else.
  public var ram: [Range<UInt64>]
  /// Virtual: the kernel's text in the kernel code window, the only executable addresses.
  public var text: Range<UInt64>
  /// Physical: what no mapping may write, the kernel's text and read-only data.
  public var readOnly: [Range<UInt64>]

  public init(
    windows: Windows, gigabytePages: Bool, ram: [Range<UInt64>], text: Range<UInt64>,
    readOnly: [Range<UInt64>]
  ) {
    self.windows = windows
    self.gigabytePages = gigabytePages
    self.ram = ram
    self.text = text
    self.readOnly = readOnly
  }
}

extension Snapshot {
  /// Everything that is wrong with the table on `machine`.
  public func violations(on machine: Machine) -> [String] {
    problems + linearViolations(on: machine) + rightsViolations(on: machine)
      + lowerHalfViolations() + topLevelViolations()
      + largestPagesViolations(in: machine.windows.linear, gigabytePages: machine.gigabytePages)
      + largestPagesViolations(in: machine.windows.kernelCode, gigabytePages: machine.gigabytePages)
      + pageSizeViolations(gigabytePages: machine.gigabytePages)
      + memoryTypeViolations() + strayViolations(on: machine)
  }

  /// Promise 1: the linear window maps all of RAM and nothing else, each byte at base + physical,
  /// write-back (index 0 of IA32_PAT, at reset as in Highland).
  public func linearViolations(on machine: Machine) -> [String] {
    let window = machine.windows.linear
    let linear = runs.filter { $0.virtualRange.overlaps(window) }
    let displaced = linear.filter { $0.virtual &- window.lowerBound != $0.physical }
    // No virtual address is mapped twice, so what is mapped at base + physical is mapped once.
    let mapped = AddressSet(linear.map(\.physicalRange))
    let ram = AddressSet(machine.ram)
    return displaced.map { "linear \(hex($0.virtual)) maps \(hex($0.physical))" }
      + mapped.subtracting(ram).map { "linear window maps \(hex($0)), which is no RAM" }
      + ram.subtracting(mapped).map { "linear window lacks RAM \(hex($0))" }
      + linear.filter { $0.patIndex != 0 }.map { "linear \(hex($0.virtual)) is not write-back" }
  }

  /// Promise 2: nothing is writable and executable, by itself or by an alias; only kernel text is
  /// executable; text and read-only data are written through no alias. The kernel half is none of
  /// user mode's.
  public func rightsViolations(on machine: Machine) -> [String] {
    let executable = runs.filter { $0.grants.contains(.execute) }
    let writable = AddressSet(runs.filter { $0.grants.contains(.write) }.map(\.physicalRange))
    let outsideText = AddressSet(executable.map(\.virtualRange))
      .subtracting(AddressSet([machine.text]))
    return executable.filter { $0.grants.contains(.write) }
      .map { "\(hex($0.virtualRange)) is writable and executable" }
      + AddressSet(executable.map(\.physicalRange)).intersection(writable)
      .map { "physical \(hex($0)) is executable here and writable there" }
      + outsideText.map { "\(hex($0)) is executable but no kernel text" }
      + AddressSet(machine.readOnly).intersection(writable)
      .map { "read-only physical \(hex($0)) is writable" }
      + runs.filter { $0.grants.contains(.user) && $0.virtual >> 63 == 1 }
      .map { "\(hex($0.virtualRange)) of the kernel half is open to user mode" }
      + tables.filter { $0.level < levels && $0.grants.contains(.user) && $0.virtual >> 63 == 1 }
      .map { "the table of level \($0.level) at \(hex($0.virtual)) is open to user mode" }
  }

  /// Promise 3: the lower half is empty.
  public func lowerHalfViolations() -> [String] {
    topLevelEntries.indices.prefix(256).filter { topLevelEntries[$0] & 1 != 0 }
      .map { "top-level entry \($0) of the lower half is present" }
  }

  /// Promise 4: all top-level entries of the kernel half are present, and no table stands at two
  /// places.
  public func topLevelViolations() -> [String] {
    let missing = topLevelEntries.indices.suffix(256).filter { topLevelEntries[$0] & 1 == 0 }
    return missing.map { "top-level entry \($0) of the kernel half is absent" }
      + sharedTableViolations()
  }

  /// Promise 4, over time: the top-level entries of the kernel half are those of `earlier`, but for
  /// the CPU's note that it used one.
  public func topLevelChanges(since earlier: Snapshot) -> [String] {
    let accessed: UInt64 = 1 << 5
    return topLevelEntries.indices.suffix(256).filter {
      (topLevelEntries[$0] ^ earlier.topLevelEntries[$0]) & ~accessed != 0
    }.map { "top-level entry \($0) of the kernel half has changed" }
  }

  /// What another address space would not share: pages of the kernel half that are not global.
  public func globalViolations() -> [String] {
    runs.filter { !$0.global && $0.virtual >> 63 == 1 }
      .map { "\(hex($0.virtualRange)) is not global" }
  }

  /// Tables that more than one entry points to.
  public func sharedTableViolations() -> [String] {
    Dictionary(grouping: tables, by: \.physical).values.filter { $0.count > 1 }
      .map { places in
        let list = places.map { "level \($0.level) at \(hex($0.virtual))" }
        return "table \(hex(places[0].physical)) stands at \(list.joined(separator: ", "))"
      }
      .sorted()
  }

  /// Promise 5, its other half (see `largestPagesViolations`): no 1 GiB page without CPUID's word.
  public func pageSizeViolations(gigabytePages: Bool) -> [String] {
    guard !gigabytePages else { return [] }
    return runs.filter { $0.pages.of1GiB > 0 }
      .map { "\(hex($0.virtualRange)) has \($0.pages.of1GiB) pages of 1 GiB, which the CPU lacks" }
  }

  /// Promise 10: no physical byte is mapped with two memory types, wherever it is mapped.
  public func memoryTypeViolations() -> [String] {
    let byType = Dictionary(grouping: runs, by: \.patIndex)
      .mapValues { AddressSet($0.map(\.physicalRange)) }.sorted { $0.key < $1.key }
    return byType.indices.flatMap { index in
      byType[(index + 1)...].flatMap { other in
        byType[index].value.intersection(other.value).map {
          "physical \(hex($0)) is mapped with the types \(byType[index].key) and \(other.key)"
        }
      }
    }
  }

  /// What is mapped outside all windows.
  public func strayViolations(on machine: Machine) -> [String] {
    let windows = machine.windows
    let inside = AddressSet([
      windows.linear, windows.vmalloc, windows.frameMetadata, windows.kernelCode,
    ])
    return AddressSet(runs.map(\.virtualRange)).subtracting(inside)
      .map { "\(hex($0)) is mapped, outside all windows" }
  }
}
