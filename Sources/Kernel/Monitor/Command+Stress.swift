import Addressing
import KernelSpace

extension Command {
  /// Works on areas at random, and leaves some behind: an address space that is worth a look.
  @_lifetime(arguments: copy arguments)
  func stress(_ arguments: inout Arguments) throws(CommandFailure) {
    var rounds: UInt64 = 10_000
    var seed: UInt64 = 1
    if let word = arguments.next() { rounds = try arguments.number(word) }
    if let word = arguments.next() { seed = try arguments.number(word) }
    try arguments.finish()
    if rounds == 0 { return endAreas() }
    var stress = AreaStress(seed: seed)
    for round in 1...rounds {
      stress.doSomething()
      if let page = stress.damaged {
        throw fail("after round \(round) of seed \(seed), the page at \(page) has lost its content")
      }
    }
    var (count, byteCount) = (0, UInt64(0))
    for place in AreaPlaces.forStress {
      guard let range = AreaPlaces.range(at: place) else { continue }
      try? stress.check(place)
      count += 1
      LiveMappings.forEachRun(from: range.lowerBound, to: range.upperBound - 1) { run in
        // A run may go on in the next piece of an area that was split.
        byteCount += run.virtual.clamped(to: range).byteCount
      }
    }
    if let page = stress.damaged { throw fail("the page at \(page) has lost its content") }
    print(
      "stress: \(rounds) rounds of seed \(seed) leave \(count) areas, \(bytes: byteCount) mapped")
  }

  private func endAreas() {
    var count = 0
    for place in AreaPlaces.forStress where AreaPlaces.take(place) != nil { count += 1 }
    KernelHalf.flush()
    print("stress: \(count) areas have ended")
  }
}
