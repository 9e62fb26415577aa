import BenchFloors
import PageTables

/// What is measured, against what it can't be faster than. Both time their work alone, without what
/// prepares it and checks it, and return nanoseconds.
struct Workload {
  let name: StaticString
  let unit: StaticString
  /// How many units a round does.
  let units: UInt64
  /// What the ratio of the minima is to be at most; 0 where it is only measured.
  var aim = 1.5
  let floor: () -> UInt64
  let subject: () throws(PageTableError) -> UInt64

  /// One round to warm up, then alternately floor and subject.
  func measure(rounds: Int) {
    var (floors, subjects): ([UInt64], [UInt64]) = ([], [])
    for round in 0...rounds {
      let floor = floor()
      do throws(PageTableError) {
        let subject = try subject()
        guard round > 0 else { continue }
        floors.append(floor)
        subjects.append(subject)
      } catch { fail("a page table refused what it was asked for") }
    }
    host_report(name.utf8Start, unit.utf8Start, aim, figures(&floors), figures(&subjects))
  }

  private func figures(_ samples: inout [UInt64]) -> host_figures {
    samples.sort()
    return host_figures(
      min: Double(samples[0]) / Double(units),
      median: Double(samples[samples.count / 2]) / Double(units))
  }
}

/// The nanoseconds that `work` takes.
@inline(__always)
func time<Failure>(_ work: () throws(Failure) -> Void) throws(Failure) -> UInt64 {
  let start = host_nanoseconds()
  try work()
  return host_nanoseconds() - start
}

/// What no longer is as it should be: no figure counts then.
func check(_ isRight: Bool, _ what: StaticString) {
  if !isRight { fail(what) }
}

func fail(_ what: StaticString) -> Never { host_fail(what.utf8Start) }
