// Long random sequences of all that owners can do, against a dictionary from frames to owners.

import Addressing
import BootInfo
import Frames
import Oracle
import PageTables
import TestSupport
import Testing

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

/// Something that owns frames, or took them as tables.
private enum Holding: ~Copyable {
  case shared(SharedFrame)
  case sole(SoleFrame)
  case segment(Frames)
  case table(PhysicalAddress)
}

/// An array holds no value that cannot be copied.
private final class Box {
  var holding: Holding?

  init(_ holding: consuming Holding) { self.holding = consume holding }
}

/// What must be so.
private struct Model {
  private(set) var slots: [UInt64: Slot] = [:]
  private(set) var tables: Set<UInt64> = []

  mutating func add(_ range: Range<UInt64>, _ slot: Slot) {
    for frame in range {
      // Nobody had it: else one frame was handed out twice.
      #expect(slots[frame] == nil && !tables.contains(frame))
      slots[frame] = slot
    }
  }

  mutating func share(_ range: Range<UInt64>) { for frame in range { count(frame, by: 1) } }

  mutating func end(_ range: Range<UInt64>) { for frame in range { count(frame, by: -1) } }

  private mutating func count(_ frame: UInt64, by step: Int) {
    let slot = slots[frame]!
    let count = Int(slot.count) + step
    slots[frame] = count == 0 ? nil : Slot(slot.state, .data, count: UInt32(count))
  }

  mutating func makeSole(_ frame: UInt64) { slots[frame] = Slot(.exclusive, .data, count: 1) }

  mutating func makeShared(_ frame: UInt64) { slots[frame] = Slot(.shared, .data, count: 1) }

  mutating func addTable(_ frame: UInt64) {
    #expect(slots[frame] == nil && tables.insert(frame).inserted)
  }

  mutating func removeTable(_ frame: UInt64) { tables.remove(frame) }
}

/// One sequence: what is held, and what the model says of it.
private struct RandomSequence {
  let machine: SimulatedMachine
  var random: SeededGenerator
  var boxes: [Box] = []
  var model = Model()
  /// How much is held at most, so that the machine is empty at times and full at others.
  var most = 400
  private(set) var refusals = 0

  init(_ machine: SimulatedMachine, seed: UInt64) {
    self.machine = machine
    random = SeededGenerator(seed: seed)
  }

  private mutating func pick<T: RandomAccessCollection>(_ all: T) -> T.Element {
    all.randomElement(using: &random)!
  }

  mutating func step() {
    if boxes.isEmpty || boxes.count < most && Int.random(in: 0..<5, using: &random) < 2 {
      take()
    } else {
      change(Int.random(in: boxes.indices, using: &random))
    }
  }

  private mutating func take() {
    let limit = pick([nil, nil, nil, PhysicalAddress(mib), PhysicalAddress(4 * gib)])
    let isZeroed = Int.random(in: 0..<8, using: &random) == 0
    do throws(OutOfFrames) {
      switch Int.random(in: 0..<6, using: &random) {
      case 0, 1:
        let frame = try SharedFrame(below: limit, isZeroed: isZeroed)
        model.add(frame.address.number, Slot(.shared, .data, count: 1))
        boxes.append(Box(.shared(frame)))
      case 2:
        let frame = try SoleFrame(below: limit, isZeroed: isZeroed)
        model.add(frame.address.number, Slot(.exclusive, .data, count: 1))
        boxes.append(Box(.sole(frame)))
      case 3, 4:
        let order = UInt64(pick(0...6))
        let segment = try Frames(
          frameCount: UInt64(pick(1...pick([3, 20, 300]))), order: order, below: limit)
        #expect(segment.range.numbers.lowerBound % (1 << order) == 0)
        if let limit { #expect(segment.range.upperBound <= limit) }
        model.add(segment.range.numbers, Slot(.shared, .data, count: 1))
        boxes.append(Box(.segment(segment)))
      default:
        let count = pick(1...pick([2, 40]))
        try machine.frames.reserve(count)
        for _ in 0..<count {
          let table = machine.frames.takeFrame()
          model.addTable(table.number.lowerBound)
          boxes.append(Box(.table(table)))
        }
      }
    } catch {
      refusals += 1
    }
  }

  private mutating func change(_ index: Int) {
    guard let holding = boxes[index].holding.take() else { return }
    switch consume holding {
    case .table(let table):
      machine.frames.giveBack(table)
      model.removeTable(table.number.lowerBound)
      remove(index)
    case .shared(let frame): change(index, frame)
    case .sole(let frame):
      if Bool.random(using: &random) {
        model.makeShared(frame.address.number.lowerBound)
        boxes[index].holding = .shared(SharedFrame(frame))
      } else {
        model.end(frame.address.number)
        remove(index)
      }
    case .segment(let segment): change(index, segment)
    }
  }

  private mutating func remove(_ index: Int) {
    boxes.swapAt(index, boxes.count - 1)
    boxes.removeLast()
  }

  private mutating func change(_ index: Int, _ frame: consuming SharedFrame) {
    let number = frame.address.number
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      boxes.append(Box(.shared(frame.share())))
      model.share(number)
    case 1:
      // By its address; a look-up elsewhere is refused as the model says.
      let other = PhysicalAddress(UInt64.random(in: 0..<0x2000, using: &random) << 12)
      if let found = try? SharedFrame(at: other) {
        #expect(model.slots[other.number.lowerBound]?.state == .shared)
        model.share(other.number)
        boxes.append(Box(.shared(found)))
      } else {
        #expect(model.slots[other.number.lowerBound]?.state != .shared)
      }
    case 2:
      let isSole = model.slots[number.lowerBound]?.count == 1
      var optional: SharedFrame? = consume frame
      if let sole = SoleFrame(&optional) {
        #expect(isSole)
        model.makeSole(number.lowerBound)
        boxes[index].holding = .sole(sole)
      } else {
        #expect(!isSole)
        boxes[index].holding = .shared(optional.take()!)
      }
      return
    case 3:
      boxes[index].holding = .segment(Frames(frame))
      return
    default:
      model.end(number)
      _ = consume frame
      remove(index)
      return
    }
    boxes[index].holding = .shared(frame)
  }

  private mutating func change(_ index: Int, _ whole: consuming Frames) {
    var segment = whole
    let count = segment.frameCount
    switch Int.random(in: 0..<8, using: &random) {
    case 0: boxes.append(Box(.segment(segment.split(at: pick(0...count)))))
    case 1:
      let first = pick(0...count)
      let slice = segment.slice(first..<pick(first...count))
      model.share(slice.range.numbers)
      boxes.append(Box(.segment(slice)))
    case 2:
      if let frame = segment.removeFirst() { boxes.append(Box(.shared(frame))) }
    case 3:
      // The frame that follows, where it can be had.
      let end = segment.range.upperBound
      var next = try? SharedFrame(at: end)
      let isThere = model.slots[end.number.lowerBound]?.state == .shared
      if isThere { model.share(end.number) }
      let isAppended = segment.append(&next)
      #expect(isAppended == isThere)
    default:
      model.end(segment.range.numbers)
      _ = consume segment
      remove(index)
      return
    }
    boxes[index].holding = .segment(segment)
  }

  mutating func endAll() {
    for box in boxes {
      if case .table(let table)? = box.holding.take() { machine.frames.giveBack(table) }
    }
    boxes.removeAll()
  }

  func expectAgreement() {
    machine.expectWhole(data: SlotRun.joining(model.slots), tables: model.tables)
  }
}

extension PhysicalAddress {
  /// The frame's number, alone in a range.
  fileprivate var number: Range<UInt64> { rawValue >> 12..<rawValue >> 12 + 1 }
}

@Suite struct RandomOwnersTests {
  /// Some RAM below 1 MiB, some low, some around 4 GiB: small enough to run out.
  private static let reports = [
    Report(0, 0x8_0000, .usable), Report(mib, 7 * mib, .usable), Report(8 * mib, 12 * mib, .usable),
    Report(2 * mib, 2 * mib + 0x8000, .kernel),
    Report(4 * gib - 2 * mib, 4 * gib + 3 * mib, .usable),
  ]

  @Test(arguments: 1...8) func ownersAgreeWithTheModel(seed: UInt64) throws {
    let machine = try SimulatedMachine(Self.reports)
    SimulatedPool.with(machine) {
      var sequence = RandomSequence(machine, seed: seed)
      for round in 0..<13 {
        sequence.most = [60, 400, 2000][round % 3]
        for _ in 0..<2000 { sequence.step() }
        sequence.expectAgreement()
      }
      #expect(sequence.refusals > 0)
      sequence.endAll()
    }
    machine.expectWhole()
    // All comes together again: the longest run that there can be, single frames at hand included.
    let free = machine.slots.runs.filter { $0.slot == .unused }.map(\.frames)
    let longest = try #require(AddressSet(free).ranges.map(\.count).max())
    _ = try machine.frames.allocate(UInt64(longest), as: .data)
  }
}
