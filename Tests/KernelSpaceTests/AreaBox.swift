// Areas where a test can keep them: what can't be copied fits in no array.

import Addressing
import Frames
import KernelSpace
import PageTables
import TestSupport

typealias TestSegment = Segment<SimulatedPool>
typealias TestFrame = Frame<SimulatedPool>

/// Ends a value, here and now.
func end<Value: ~Copyable>(_ value: consuming Value) {}

/// What an area says is at an offset, with the owners that its frame has by its slot.
enum Found: Equatable {
  case nothing
  case tracked(UInt64, Rights, owners: UInt64)
  case untracked(UInt64, PageProperty)
}

final class AreaBox {
  private var area: Area?
  private(set) var range: Range<VirtualAddress>

  init(_ area: consuming Area) {
    range = area.range
    self.area = consume area
  }

  /// An empty area.
  convenience init(pages: UInt64, alignedTo alignment: PageSize = .size4KiB) throws(AreaError) {
    self.init(try Area(byteCount: pages << 12, alignedTo: alignment))
  }

  /// An area of new frames in a row.
  convenience init(
    frames count: UInt64, _ rights: Rights = .write, order: UInt64 = 0, at offset: UInt64 = 0,
    pages: UInt64? = nil
  ) throws {
    var segment: TestSegment? = try TestSegment(frameCount: count, order: order)
    self.init(
      try Area.tracked(&segment, rights, at: offset, byteCount: pages.map { $0 << 12 }))
  }

  var start: UInt64 { range.lowerBound.rawValue }

  func end() { area = nil }

  func map(
    _ segment: inout TestSegment?, _ rights: Rights = .write, at offset: UInt64
  ) throws(AreaError) { try area?.map(&segment, rights, at: offset) }

  func map(
    _ frame: inout TestFrame?, _ rights: Rights = .write, at offset: UInt64
  ) throws(AreaError) { try area?.map(&frame, rights, at: offset) }

  func map(
    untracked physical: Range<UInt64>, _ property: PageProperty, at offset: UInt64
  ) throws(AreaError) {
    try area?.map(untracked: SimulatedMachine.physical(physical), property, at: offset)
  }

  func protect(_ offsets: Range<UInt64>, _ rights: Rights) throws(AreaError) {
    try area?.protect(offsets, rights)
  }

  func unmap(_ offsets: Range<UInt64>) throws(AreaError) { try area?.unmap(offsets) }

  func split(at offset: UInt64) throws(AreaError) -> AreaBox {
    guard let upper = try area?.split(at: offset) else { preconditionFailure() }
    range = area?.range ?? range
    return AreaBox(upper)
  }

  /// What is at an offset.
  func query(_ offset: UInt64, on bench: AreaBench) throws(AreaError) -> Found {
    switch try area?.query(offset) {
    case .none: return .nothing
    case .some(.untracked(let physical, let property)):
      return .untracked(physical.rawValue, property)
    case .some(.tracked(let physical, let property)):
      return .tracked(
        physical.rawValue, property.rights, owners: bench.owners(physical.rawValue))
    }
  }

  /// A share of the frame at an offset.
  func frame(_ offset: UInt64) throws(AreaError) -> TestFrame? {
    try area?.frame(at: offset)
  }
}

extension SimulatedMachine {
  static func physical(_ range: Range<UInt64>) -> Range<PhysicalAddress> {
    PhysicalAddress(range.lowerBound)..<PhysicalAddress(range.upperBound)
  }
}
