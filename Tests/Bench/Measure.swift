import Foundation

/// What is measured, against what it can't be faster than. Both time their work alone, without what
/// prepares it and checks it, and return nanoseconds.
struct Workload {
  let name: String
  let unit: String
  /// How many units a round does.
  let units: UInt64
  let floor: () throws -> Double
  let subject: () throws -> Double
}

/// A round came to a wrong result: no figure counts then.
struct WrongResult: Error {
  let what: String
}

func check(_ isRight: Bool, _ what: String) throws {
  if !isRight { throw WrongResult(what: what) }
}

/// The nanoseconds that `work` takes.
@inline(__always) func time(_ work: () throws -> Void) rethrows -> Double {
  let start = DispatchTime.now().uptimeNanoseconds
  try work()
  return Double(DispatchTime.now().uptimeNanoseconds - start)
}

struct Figures: Encodable {
  let min: Double
  let median: Double

  init(_ samples: [Double]) {
    let sorted = samples.sorted()
    min = sorted[0]
    median = sorted[sorted.count / 2]
  }
}

struct Outcome: Encodable {
  let name: String
  let unit: String
  let rounds: Int
  /// Nanoseconds a unit.
  let floor: Figures
  let highland: Figures
  /// Highland's minimum as a multiple of the floor's.
  let ratio: Double

  /// One round to warm up, then alternately floor and subject.
  init(of workload: Workload, rounds: Int) throws {
    var (floors, subjects): ([Double], [Double]) = ([], [])
    for round in 0...rounds {
      let pair = (try workload.floor(), try workload.subject())
      guard round > 0 else { continue }
      floors.append(pair.0 / Double(workload.units))
      subjects.append(pair.1 / Double(workload.units))
    }
    name = workload.name
    unit = workload.unit
    self.rounds = rounds
    floor = Figures(floors)
    highland = Figures(subjects)
    ratio = highland.min / floor.min
  }
}
