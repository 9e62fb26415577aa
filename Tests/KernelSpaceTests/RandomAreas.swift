// Random lives of areas against a model that knows pages, owners and reservations by name, and no
// tables: what is mapped where, who has a share of which frame, which pages nobody else may have.

import Addressing
import Frames
import KernelSpace
import PageTables
import TestSupport
import Testing

final class RandomAreas {
  let bench: AreaBench
  let windowPages: UInt64
  var random: SeededGenerator
  var areas: [ModelArea] = []
  var held: [HeldFrame] = []
  /// The owners of each frame, without what waits for a flush.
  var owners: [UInt64: UInt64] = [:]
  var counts = Counts()
  var failure: String?

  struct Counts {
    /// Changes and lookups, each compared with the model.
    var operations = 0
    var created = 0
    var mapped = 0
    var refused = 0
    var protected = 0
    var unmapped = 0
    var split = 0
    var ended = 0
    var shared = 0
    var starved = 0
    var outOfAddresses = 0
    var largePages = 0
  }

  init(_ mode: PagingMode, seed: UInt64) throws {
    windowPages = 6000
    bench = try AreaBench(ramByteCount: 32 << 20, mode: mode, windowPages: windowPages)
    random = SeededGenerator(seed: seed)
  }

  func run(_ operationCount: Int) throws -> Counts {
    try bench.run {
      var round = 0
      while counts.operations < operationCount, failure == nil {
        round += 1
        try change()
        if round % 250 == 0 { checkEverything() }
      }
      while !areas.isEmpty { end(at: .random(in: areas.indices, using: &random)) }
      while let last = held.popLast() { release(last) }
      checkEverything()
      if !owners.isEmpty { fail("the model has owners left") }
    }
    return counts
  }

  func fail(_ reason: String) {
    if failure == nil { failure = "operation \(counts.operations): \(reason)" }
  }

  private func change() throws {
    counts.operations += 1
    let isFull = bench.machine.frames.freeCount < 2500 || areas.count > 40
    guard !isFull, areas.count > 2 else {
      return isFull ? end(at: .random(in: areas.indices, using: &random)) : try create()
    }
    let index = Int.random(in: areas.indices, using: &random)
    let area = areas[index]
    let samples = samples(of: area)
    for page in samples { bench.tlb.touch(page << 12, writes: .random(using: &random)) }
    switch UInt8.random(in: 0..<20, using: &random) {
    case 0..<3: try create()
    case 3..<8: try map(into: area)
    case 8..<11: protect(area)
    case 11..<14: unmap(area)
    case 14: split(area)
    case 15..<17: end(at: index)
    case 17: SimulatedSpace.flush()
    default: share(area)
    }
    for page in samples { use(page, of: area) }
    if counts.operations % 2 == 0 { bench.judge() }
    if let complaint = bench.tlb.complaints.first { fail(complaint) }
  }

  // MARK: Changes

  private func create() throws {
    let kind = UInt8.random(in: 0..<3, using: &random)
    let count = randomCount()
    let offset = UInt64.random(in: 0..<4, using: &random) << 12
    let rights = randomRights()
    var box: AreaBox?
    var (unit, phase, pageCount) = (UInt64(1), UInt64(0), offset >> 12 + count)
    var pages: [ModelPage] = []
    let error: AreaError?
    switch kind {
    case 0:
      unit = count > 500 ? 512 : 1
      pageCount = count
      error = attempt { () throws(AreaError) in
        box = try AreaBox(pages: count, alignedTo: count > 500 ? .size2MiB : .size4KiB)
      }
    case 1:
      var segment: TestSegment? = try TestSegment(
        frameCount: count, order: count >= 512 ? 9 : 0)
      let physical = frames(segment?.range)
      (unit, phase) = room(physical[0], count, offset)
      pages = physical.map { ModelPage(physical: $0, rights: rights, isTracked: true) }
      error = attempt { () throws(AreaError) in
        box = AreaBox(try Area.tracked(&segment, rights, at: offset))
      }
      if segment.isNone != (error == nil) { fail("the segment of an area that fails") }
    default:
      let start = 1 << 40 + UInt64.random(in: 0..<1 << 20, using: &random) << 12
      let property = PageProperty(rights: rights, memoryType: .uncacheable)
      (unit, phase) = room(start, count, offset)
      pages = (0..<count).map {
        ModelPage(physical: start + $0 << 12, rights: rights, isTracked: false, patIndex: 3)
      }
      error = attempt { () throws(AreaError) in
        box = AreaBox(
          try Area.untracked(
            SimulatedMachine.physical(start..<start + count << 12), property, at: offset))
      }
    }
    let hasRoom = hasRoom(pageCount, unit, phase)
    guard let box else {
      guard error == .outOfAddresses(pageCount: pageCount), !hasRoom else {
        return fail("\(pageCount) pages: \(String(describing: error))")
      }
      counts.outOfAddresses += 1
      return
    }
    counts.created += 1
    let area = ModelArea(box)
    if box.range.byteCount != pageCount << 12 || (box.start >> 12) % unit != phase {
      fail("an area of \(pageCount) pages at \(box.range)")
    }
    if areas.contains(where: { $0.reservation.pages.overlaps(area.reservation.pages) }) {
      fail("\(box.range) meets another area")
    }
    areas.append(area)
    put(pages, into: area, at: offset)
  }

  private func map(into area: ModelArea) throws {
    let count = min(randomCount(), area.pageCount)
    let offset = UInt64.random(in: 0...area.pageCount - count, using: &random) << 12
    let rights = randomRights()
    var pages: [ModelPage] = []
    let error: AreaError?
    var isTaken = true
    switch UInt8.random(in: 0..<3, using: &random) {
    case 0:
      var segment: TestSegment? = try TestSegment(frameCount: count)
      pages = frames(segment?.range).map {
        ModelPage(physical: $0, rights: rights, isTracked: true)
      }
      error = attempt { () throws(AreaError) in try area.box.map(&segment, rights, at: offset) }
      isTaken = segment.isNone
    case 1:
      // A share of a frame that may have other owners.
      let index = held.isEmpty ? nil : Int.random(in: held.indices, using: &random)
      var frame: TestFrame? = try index.map { held[$0].frame?.share() } ?? TestFrame()
      let address = frame?.address.rawValue ?? 0
      pages = [ModelPage(physical: address, rights: rights, isTracked: true)]
      error = attempt { () throws(AreaError) in try area.box.map(&frame, rights, at: offset) }
      isTaken = frame.isNone
    default:
      // Not where the uncacheable ones are: what is mapped twice has one type.
      let start = 1 << 41 + UInt64.random(in: 0..<1 << 20, using: &random) << 12
      pages = (0..<count).map {
        ModelPage(physical: start + $0 << 12, rights: rights, isTracked: false)
      }
      error = attempt { () throws(AreaError) in
        try area.box.map(untracked: start..<start + count << 12, .kernel(rights), at: offset)
      }
    }
    let first = area.first + offset >> 12
    let isMapped = (0..<UInt64(pages.count)).contains { area.pages[first + $0] != nil }
    if pages[0].isTracked, isTaken != (error == nil) { fail("what was to be mapped is gone") }
    switch error {
    case nil where !isMapped:
      counts.mapped += 1
      put(pages, into: area, at: offset)
    case .pageTable(.alreadyMapped)? where isMapped: counts.refused += 1
    default: fail("mapping at \(offset): \(String(describing: error)), mapped: \(isMapped)")
    }
  }

  private func put(_ pages: [ModelPage], into area: ModelArea, at offset: UInt64) {
    for (index, page) in pages.enumerated() {
      area.pages[area.first + offset >> 12 + UInt64(index)] = page
      if page.isTracked { owners[page.physical, default: 0] += 1 }
    }
  }

  private func protect(_ area: ModelArea) {
    let pages = randomPages(of: area)
    let rights = randomRights()
    let offsets = (pages.lowerBound - area.first) << 12..<(pages.upperBound - area.first) << 12
    guard succeeds({ () throws(AreaError) in try area.box.protect(offsets, rights) }) else {
      return
    }
    for page in pages { area.pages[page]?.rights = rights }
    counts.protected += 1
  }

  private func unmap(_ area: ModelArea) {
    let pages = randomPages(of: area)
    let offsets = (pages.lowerBound - area.first) << 12..<(pages.upperBound - area.first) << 12
    guard succeeds({ () throws(AreaError) in try area.box.unmap(offsets) }) else { return }
    for page in pages { drop(area.pages.removeValue(forKey: page)) }
    counts.unmapped += 1
  }

  private func drop(_ page: ModelPage?) {
    guard let page, page.isTracked else { return }
    owners[page.physical]! -= 1
    if owners[page.physical] == 0 { owners[page.physical] = nil }
  }

  private func split(_ area: ModelArea) {
    guard area.pageCount > 1 else { return }
    let offset = UInt64.random(in: 1..<area.pageCount, using: &random) << 12
    var box: AreaBox?
    guard succeeds({ () throws(AreaError) in box = try area.box.split(at: offset) }), let box
    else { return }
    let upper = ModelArea(box, in: area.reservation)
    area.reservation.parts += 1
    upper.pages = area.pages.filter { $0.key >= upper.first }
    area.pages = area.pages.filter { $0.key < upper.first }
    if area.first + area.pageCount != upper.first { fail("the halves of \(area.first)") }
    areas.append(upper)
    counts.split += 1
  }

  private func end(at index: Int) {
    areas.swapAt(index, areas.count - 1)
    let area = areas.removeLast()
    area.box.end()
    for page in area.pages.values { drop(page) }
    area.pages = [:]
    area.reservation.parts -= 1
    counts.ended += 1
  }

  /// Takes a share of what is mapped, or ends one.
  private func share(_ area: ModelArea) {
    if held.count > 20 || !held.isEmpty && Bool.random(using: &random) {
      held.swapAt(.random(in: held.indices, using: &random), held.count - 1)
      return release(held.removeLast())
    }
    guard let (page, mapped) = area.pages.first(where: \.value.isTracked),
      let frame = try? area.box.frame((page - area.first) << 12)
    else { return }
    held.append(HeldFrame(frame))
    if held.last!.address != mapped.physical { fail("a share of the wrong frame") }
    owners[mapped.physical]! += 1
    counts.shared += 1
  }

  private func release(_ share: HeldFrame) {
    share.frame = nil
    drop(ModelPage(physical: share.address, rights: .none, isTracked: true))
  }

  // MARK: Random arguments

  private func randomCount() -> UInt64 {
    switch UInt8.random(in: 0..<16, using: &random) {
    case 0: .random(in: 500..<700, using: &random)
    case 1: 512
    case 2..<5: .random(in: 1..<60, using: &random)
    default: .random(in: 1..<9, using: &random)
    }
  }

  private func randomRights() -> Rights { Bool.random(using: &random) ? .write : .none }

  private func randomPages(of area: ModelArea) -> Range<UInt64> {
    let start = UInt64.random(in: 0..<area.pageCount, using: &random)
    let limit = Bool.random(using: &random) ? area.pageCount : min(area.pageCount, start + 6)
    return area.first + start..<area.first + UInt64.random(in: start...limit, using: &random)
  }
}
