import Addressing
import KernelSpace
import PageTables

extension Command {
  /// Every entry that the CPU reads on its way to an address.
  @_lifetime(arguments: copy arguments)
  func walk(_ arguments: inout Arguments) throws(CommandFailure) {
    let address = VirtualAddress(try arguments.number(arguments.next("ADDRESS")))
    try arguments.finish()
    print("\(address), in \(KernelState.layout.window(of: address).place)")
    guard address.isCanonical(in: KernelState.mode.addressWidth) else {
      return print("  the CPU refuses it before it looks at a table")
    }
    let walk = KernelState.liveReader.walk(address)
    for position in 0..<walk.count {
      walk[position].print()
      walk[position].printFlags()
    }
    guard let translation = Translation(of: address) else {
      return print("  nothing is mapped there: the last entry is not present")
    }
    print("  physical  \(translation.physical), \(bytes: translation.size.byteCount) page")
    print("  rights    \(translation.rights.word), by all entries together")
    print(
      """
        type      \(translation.memoryType.name) by the page table, \
      \(KernelState.plan.memoryTypes.run(at: translation.physical).type.name) by the MTRRs
      """)
  }

  /// The same in one line.
  @_lifetime(arguments: copy arguments)
  func translate(_ arguments: inout Arguments) throws(CommandFailure) {
    let address = VirtualAddress(try arguments.number(arguments.next("ADDRESS")))
    try arguments.finish()
    if let translation = Translation(of: address) {
      print(
        """
        \(address) is physical \(translation.physical), \(bytes: translation.size.byteCount) page \
        \(translation.rights.word) \(translation.memoryType.name)
        """)
    } else {
      print("\(address) is not mapped, in \(KernelState.layout.window(of: address).place)")
    }
  }
}

/// Where an address leads by the live tables, and what may be done there.
struct Translation {
  let physical: PhysicalAddress
  let size: PageSize
  /// What every entry on the way grants.
  let rights: Rights
  let memoryType: MemoryType

  /// `nil` where nothing is mapped.
  init?(of address: VirtualAddress) {
    guard address.isCanonical(in: KernelState.mode.addressWidth) else { return nil }
    let walk = KernelState.liveReader.walk(address)
    var granted = Rights.all
    for position in 0..<walk.count {
      granted = granted.intersection(walk[position].entry.rights)
    }
    let last = walk[walk.count - 1]
    guard case .leaf(let page, let pageSize) = last.entry.item(atLevel: last.level) else {
      return nil
    }
    physical = page + (address.rawValue & pageSize.offsetMask)
    size = pageSize
    rights = granted
    memoryType = last.entry.property(size: pageSize).memoryType
  }
}
