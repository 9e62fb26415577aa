// Page-table workloads, each against its floor: `make bench`. It is built as the kernel is, in
// Embedded mode, so that it measures the code that the kernel runs.
//
// In the environment, BENCH_ROWS may name a file for the figures, and BENCH_ONLY the beginning of the
// names of those workloads that are wanted.

import BenchFloors

@main struct Bench {
  static let rounds = 15

  static func main() {
    host_begin_report(UInt64(rounds))
    for workload in Workloads().all where host_wants(workload.name.utf8Start) {
      workload.measure(rounds: rounds)
    }
    host_end_report()
  }
}
