import Addressing
import Frames
import KernelSpace
import Machine
import PageTables

/// Random work on kernel virtual areas: they are made, split, filled, protected, unmapped in part and
/// dropped, up to 56 of them at once. Every page that is mapped holds its own address, and keeps it.
///
/// The same seed does the same again, where it finds the same.
struct AreaStress {
  private var state: UInt64
  /// A page that did not hold its own address any more.
  private(set) var damaged: VirtualAddress?

  init(seed: UInt64) { state = seed }

  /// One step with a random area. What runs short of frames or addresses, or would map something over
  /// something, is left undone.
  mutating func doSomething() {
    let place = randomPlace()
    do throws(AreaError) {
      if AreaPlaces.isFree(place) { try make(at: place) } else { try change(place) }
    } catch {}
    if random(below: 64) == 0 { KernelHalf.flush() }
  }

  private mutating func make(at place: Int) throws(AreaError) {
    // One in eight has room for a large page.
    let isLarge = random(below: 8) == 0
    let pageCount = isLarge ? 512 : 1 + random(below: 16)
    var frames: Segment<KernelFrames>? = try makeSegment(pageCount, order: isLarge ? 9 : 0)
    let room = (pageCount + random(below: 4)) * pageByteCount
    AreaPlaces.put(try KernelArea.tracked(&frames, randomRights(), byteCount: room), at: place)
    try AreaPlaces.change(place) { (area) throws(AreaError) in
      try Self.stamp(0..<pageCount * pageByteCount, of: area)
    }
  }

  private mutating func change(_ place: Int) throws(AreaError) {
    switch random(below: 8) {
    case 0: _ = AreaPlaces.take(place)
    case 1: try split(place)
    case 2: try fill(place)
    case 3, 4:
      let rights = randomRights()
      let offsets = randomOffsets(in: place)
      try AreaPlaces.change(place) { (area) throws(AreaError) in
        try area.protect(offsets, rights)
      }
    case 5:
      let offsets = randomOffsets(in: place)
      try AreaPlaces.change(place) { (area) throws(AreaError) in try area.unmap(offsets) }
    default: try check(place)
    }
  }

  /// Moves the upper part of an area to another place.
  private mutating func split(_ place: Int) throws(AreaError) {
    let other = randomPlace()
    let offset = randomOffsets(in: place).lowerBound
    guard AreaPlaces.isFree(other), offset > 0 else { return }
    try AreaPlaces.change(place) { (area) throws(AreaError) in
      AreaPlaces.put(try area.split(at: offset), at: other)
    }
  }

  /// Maps frames where there may be none.
  private mutating func fill(_ place: Int) throws(AreaError) {
    let offsets = randomOffsets(in: place)
    let count = min(4, offsets.upperBound - offsets.lowerBound >> PageSize.size4KiB.shift)
    let rights = randomRights()
    try AreaPlaces.change(place) { (area) throws(AreaError) in
      // In here: the compiler does not survive a captured segment.
      var frames: Segment<KernelFrames>? = try makeSegment(count)
      try area.map(&frames, rights, at: offsets.lowerBound)
      let end = offsets.lowerBound + count * pageByteCount
      try Self.stamp(offsets.lowerBound..<end, of: area)
    }
  }

  /// Writes each page's address into its frame, by the linear mapping: the area may be read-only.
  private static func stamp(
    _ offsets: Range<UInt64>, of area: borrowing KernelArea
  ) throws(AreaError) {
    for offset in stride(from: offsets.lowerBound, to: offsets.upperBound, by: Int(pageByteCount)) {
      guard case .tracked(let frame, _) = try area.query(offset) else { continue }
      store64(paddrToVaddr(frame).rawValue, (area.range.lowerBound + offset).rawValue)
    }
  }

  /// Looks at every page of an area, through it and through the linear mapping.
  mutating func check(_ place: Int) throws(AreaError) {
    var found: VirtualAddress?
    try AreaPlaces.change(place) { (area) throws(AreaError) in
      for offset in stride(from: 0, to: area.byteCount, by: Int(pageByteCount)) {
        guard case .tracked(let frame, _) = try area.query(offset) else { continue }
        let page = area.range.lowerBound + offset
        if load64(page.rawValue) != page.rawValue
          || load64(paddrToVaddr(frame).rawValue) != page.rawValue
        {
          found = page
        }
      }
    }
    damaged = damaged ?? found
  }

  private mutating func randomPlace() -> Int {
    let places = AreaPlaces.forStress
    return places.lowerBound + Int(random(below: UInt64(places.count)))
  }

  private mutating func randomRights() -> Rights { random(below: 2) == 0 ? .none : .write }

  /// Some pages of the area in a place, where there is one.
  private mutating func randomOffsets(in place: Int) -> Range<UInt64> {
    let byteCount = AreaPlaces.range(at: place)?.byteCount ?? pageByteCount
    let pageCount = byteCount >> PageSize.size4KiB.shift
    let first = random(below: pageCount)
    let end = first + 1 + random(below: pageCount - first)
    return first * pageByteCount..<end * pageByteCount
  }

  /// SplitMix64.
  private mutating func random(below bound: UInt64) -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return (mixed ^ mixed >> 31) % bound
  }
}
