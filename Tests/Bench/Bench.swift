// Page-table workloads, each against its floor: `make bench`.
//
//   Bench [--rounds N] [--json FILE] [NAME...]     only the workloads whose names begin so

import Foundation

@main struct Bench {
  static func main() throws {
    var rounds = 15
    var jsonFile: String?
    var names: [String] = []
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      switch argument {
      case "--rounds": rounds = arguments.popFirst().flatMap { Int($0) } ?? rounds
      case "--json": jsonFile = arguments.popFirst()
      default: names.append(argument)
      }
    }
    let workloads = Workloads().all.filter { workload in
      names.isEmpty || names.contains { workload.name.hasPrefix($0) }
    }
    print("nanoseconds, min / median of \(rounds) rounds")
    print(line("workload", "unit", "floor in C", "Highland", "ratio of min"))
    var outcomes: [Outcome] = []
    for workload in workloads {
      do {
        let outcome = try Outcome(of: workload, rounds: rounds)
        print(
          line(
            outcome.name, outcome.unit, pair(outcome.floor), pair(outcome.highland),
            String(format: "%.2f", outcome.ratio)))
        outcomes.append(outcome)
      } catch {
        print("\(workload.name): \(error)")
        exit(1)
      }
    }
    if let jsonFile {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(outcomes).write(to: URL(fileURLWithPath: jsonFile))
    }
  }

  private static func line(
    _ name: String, _ unit: String, _ floor: String, _ highland: String, _ ratio: String
  ) -> String {
    func right(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    return name.padding(toLength: 24, withPad: " ", startingAt: 0)
      + unit.padding(toLength: 6, withPad: " ", startingAt: 0) + right(floor, 18)
      + right(highland, 18) + right(ratio, 14)
  }

  private static func pair(_ figures: Figures) -> String {
    String(format: "%.2f / %.2f", figures.min, figures.median)
  }
}
