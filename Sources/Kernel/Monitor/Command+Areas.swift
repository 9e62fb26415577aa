import Addressing
import BootInfo
import Frames
import KernelSpace
import PageTables

// The areas there are, and some to play with.

/// A scratch area. The raw value is its place.
enum ScratchName: UInt8, NamedChoice {
  case a, b, c, d, e, f, g, h

  var name: StaticString {
    switch self {
    case .a: "a"
    case .b: "b"
    case .c: "c"
    case .d: "d"
    case .e: "e"
    case .f: "f"
    case .g: "g"
    case .h: "h"
    }
  }

  var place: Int { Int(rawValue) }
}

/// Rights to ask for; the kernel refuses some of them.
enum NamedRights: UInt8, NamedChoice {
  case read, write, execute, all

  var name: StaticString {
    switch self {
    case .read: "r"
    case .write: "rw"
    case .execute: "rx"
    case .all: "rwx"
    }
  }

  var rights: Rights {
    switch self {
    case .read: .none
    case .write: .write
    case .execute: .execute
    case .all: .write | .execute
    }
  }
}

extension Command {
  /// The reservations of the vmalloc window.
  @_lifetime(arguments: copy arguments)
  func areas(_ arguments: inout Arguments) throws(CommandFailure) {
    try arguments.finish()
    let page = PageSize.size4KiB.byteCount
    var position = KernelState.layout.vmalloc.lowerBound
    while let found = KernelHalf.withAreas({ areas in
      areas.firstReservation(endingAbove: position)
    }) {
      position = found.range.upperBound
      let inner = found.range.lowerBound + page..<found.range.upperBound - page
      printPart("  \(inner.lowerBound) - \(inner.upperBound) \(bytes: inner.byteCount, width: 10) ")
      guard found.areaCount > 0 else {
        print("ended: waits for a flush")
        continue
      }
      var mapped: UInt64 = 0
      LiveMappings.forEachRun(from: inner.lowerBound, to: inner.upperBound - 1) { run in
        mapped += run.virtual.byteCount
      }
      print(
        """
        \(AreaOwner(of: inner.lowerBound)): \(bytes: mapped) mapped\
        \(found.areaCount > 1 ? ", shared by the pieces of an area" : "")
        """)
    }
  }

  /// Makes a scratch area: with frames of its own, or of physical memory that is nobody's.
  @_lifetime(arguments: copy arguments)
  func map(_ arguments: inout Arguments) throws(CommandFailure) {
    let name: ScratchName = try arguments.choice(arguments.next("NAME"), "NAME")
    let what = try arguments.next("SIZE")
    let size = try? what.number()
    let physical = size == nil ? try arguments.range(what) : 0..<0
    var rights = NamedRights.write
    if let word = arguments.next() { rights = try arguments.choice(word, "RIGHTS") }
    var type = size == nil ? MemoryType.uncacheable : .writeBack
    if let word = arguments.next() { type = try arguments.choice(word, "TYPE") }
    try arguments.finish()
    guard AreaPlaces.isFree(name.place) else {
      throw fail("scratch area \(name.name) is there already: unmap it first")
    }
    if size != nil, type != .writeBack { throw fail("the frames of an area are write-back") }
    do throws(AreaError) {
      if let size {
        AreaPlaces.put(try makeScratchArea(size, rights.rights), at: name.place)
      } else {
        let range =
          PhysicalAddress(physical.lowerBound)..<PhysicalAddress(physical.upperBound)
        let property = PageProperty(rights: rights.rights, memoryType: type)
        AreaPlaces.put(try KernelArea.untracked(range, property), at: name.place)
      }
    } catch { throw fail("\(error)") }
    show(name)
  }

  /// An area with frames of its own, cleared, on large pages where they fit.
  private func makeScratchArea(
    _ byteCount: UInt64, _ rights: Rights
  ) throws(AreaError) -> KernelArea {
    guard byteCount > 0 else { throw .empty }
    guard byteCount & PageSize.size4KiB.offsetMask == 0 else { throw .misaligned(byteCount) }
    var size = KernelState.largestPage
    while size.byteCount > byteCount, let smaller = size.smaller { size = smaller }
    let frames = try makeSegment(
      byteCount >> PageSize.size4KiB.shift, order: size.shift - PageSize.size4KiB.shift)
    for index in 0..<frames.frameCount { KernelFrames.memory.table(at: frames[index]).clear() }
    var given: Segment<KernelFrames>? = frames
    return try KernelArea.tracked(&given, rights)
  }

  @_lifetime(arguments: copy arguments)
  func unmap(_ arguments: inout Arguments) throws(CommandFailure) {
    let name = try existingArea(&arguments)
    var offsets: Range<UInt64>?
    if let word = arguments.next() { offsets = try arguments.range(word) }
    try arguments.finish()
    guard let offsets else {
      _ = AreaPlaces.take(name.place)
      KernelHalf.flush()
      return print("scratch area \(name.name) has ended")
    }
    do throws(AreaError) {
      try AreaPlaces.change(name.place) { (area) throws(AreaError) in try area.unmap(offsets) }
    } catch { throw fail("\(error)") }
    show(name)
  }

  @_lifetime(arguments: copy arguments)
  func protect(_ arguments: inout Arguments) throws(CommandFailure) {
    let name = try existingArea(&arguments)
    let rights: NamedRights = try arguments.choice(arguments.next("RIGHTS"), "RIGHTS")
    var offsets: Range<UInt64>?
    if let word = arguments.next() { offsets = try arguments.range(word) }
    try arguments.finish()
    do throws(AreaError) {
      try AreaPlaces.change(name.place) { (area) throws(AreaError) in
        try area.protect(offsets ?? 0..<area.byteCount, rights.rights)
      }
    } catch { throw fail("\(error)") }
    show(name)
  }

  @_lifetime(arguments: copy arguments)
  private func existingArea(_ arguments: inout Arguments) throws(CommandFailure) -> ScratchName {
    let name: ScratchName = try arguments.choice(arguments.next("NAME"), "NAME")
    guard !AreaPlaces.isFree(name.place) else {
      throw fail("there is no scratch area \(name.name): map makes one")
    }
    return name
  }

  /// A scratch area as it is now, read from the live tables.
  private func show(_ name: ScratchName) {
    guard let range = AreaPlaces.range(at: name.place) else { return }
    print(
      """
      scratch area \(name.name): \(range.lowerBound) - \(range.upperBound), \
      \(bytes: range.byteCount)
      """)
    LiveMappings.forEachRun(from: range.lowerBound, to: range.upperBound - 1) { run in
      let first = run.virtual.lowerBound - range.lowerBound
      print(
        """
          \(shortHex: first) - \(shortHex: first + run.virtual.byteCount) \
        \(run.effectiveRights.word) \(run.memoryType.name) to \(run.physical)
        """)
    }
  }
}
