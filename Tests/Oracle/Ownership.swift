// Two records that must not contradict each other: the page table, and what the frame metadata says
// of the frames that it uses.

extension SlotTable {
  /// Where the slots say something else of a frame than what `snapshot` uses it for.
  public func violations(of snapshot: Snapshot, on machine: Machine) -> [String] {
    var found = problems
    func expect(_ frames: Range<UInt64>, _ use: String, _ isRight: (Slot) -> Bool) {
      for frame in frames where self[frame].map(isRight) != true {
        let slot = self[frame].map(String.init(describing:)) ?? "not there"
        found.append("frame \(hex(frame)), \(use): its slot is \(slot)")
      }
    }
    for table in snapshot.tables {
      expect(table.physical.frames(1), "a table of level \(table.level)") {
        $0 == Slot(.reserved, .pageTable)
      }
    }
    for page in pages {
      expect(page.physical.frames(1), "holds slots") { $0 == Slot(.reserved, .metadata) }
    }
    for range in machine.readOnly {
      expect(range.lowerBound.frames((range.upperBound - range.lowerBound) >> 12), "kernel text") {
        $0 == Slot(.reserved, .kernel)
      }
    }
    let ram = AddressSet(machine.ram)
    for leaf in snapshot.leaves where machine.windows.vmalloc.contains(leaf.virtual) {
      let page = AddressSet([leaf.physical..<leaf.physical + leaf.size])
      guard !page.intersection(ram).isEmpty else { continue }
      expect(leaf.physical.frames(leaf.size >> 12), "mapped at \(hex(leaf.virtual))") {
        $0.kind == .data && ($0.state == .exclusive || $0.state == .shared && $0.count > 0)
      }
    }
    func bytes(_ runs: [SlotRun]) -> AddressSet {
      AddressSet(runs.map { $0.frames.lowerBound << 12..<$0.frames.upperBound << 12 })
    }
    found += bytes(runs.filter { $0.slot.kind == .notRAM }).intersection(ram)
      .map { "\(hex($0)) is RAM, and its slots deny it" }
    found += bytes(runs.filter { $0.slot.kind != .notRAM }).subtracting(ram)
      .map { "\(hex($0)) is no RAM, and its slots deny it" }
    return found
  }
}

extension UInt64 {
  /// The numbers of `count` frames, the first of which lies at this address.
  fileprivate func frames(_ count: UInt64) -> Range<UInt64> { self >> 12..<self >> 12 + count }
}
