// What the random lives of areas know of each area: no tables, no slots.

import Addressing
import PageTables

/// A page as the model knows it.
struct ModelPage: Equatable {
  var physical: UInt64
  var rights: Rights
  var isTracked: Bool
  var patIndex: UInt8 = 0
}

/// A reservation: its page numbers, guards included, and the areas in it.
final class ModelReservation {
  let pages: Range<UInt64>
  var parts = 1

  init(of area: AreaBox) {
    pages = area.start >> 12 - 1..<area.range.upperBound.rawValue >> 12 + 1
  }
}

/// An area and what is mapped there, by page number.
final class ModelArea {
  let box: AreaBox
  let reservation: ModelReservation
  var pages: [UInt64: ModelPage] = [:]

  init(_ box: AreaBox, in reservation: ModelReservation? = nil) {
    self.box = box
    self.reservation = reservation ?? ModelReservation(of: box)
  }

  var first: UInt64 { box.start >> 12 }
  var pageCount: UInt64 { box.range.byteCount >> 12 }
}

/// A share of a frame that no area has.
final class HeldFrame {
  var frame: TestFrame?
  let address: UInt64

  init(_ frame: consuming TestFrame) {
    address = frame.address.rawValue
    self.frame = consume frame
  }
}
