// No frames, at each point of the boot where some are asked for: the kernel says in one line why it
// cannot boot, or goes on and names what it could not have.

import Foundation
import Testing

@Suite struct AllocationFailureTests {
  /// The allocations of a boot in which none fails, as the kernel counts them.
  private func allocationCount(_ hardware: Hardware) throws -> Int {
    let ending = try Guest(hardware, commandLine: "exit failframe=0").finish()
    #expect(ending.status == 33)
    let line = try #require(ending.lines.first { $0.hasPrefix("frame allocations: ") })
    let count = try #require(Int(line.split(separator: " ")[2].dropLast()))
    #expect(line == "frame allocations: \(count), 0 of them failed by failframe")
    return count
  }

  /// One allocation that fails, two in a row, which no second try helps over, and all from there on.
  @Test(arguments: [Processor.all, .plain]) func atEachAllocationOfBoot(
    processor: Processor
  ) throws {
    let isFull = ProcessInfo.processInfo.environment["HIGHLAND_FULL"] != nil
    let hardware = Hardware(processor: processor, memory: "512M")
    let last = try allocationCount(hardware)
    #expect(last >= 10)
    var endings = (refused: 0, booted: 0, lost: 0)
    for first in 1...last {
      for count in isFull ? [1, 2, 3, 1000] : first % 2 == 0 ? [1] : [1000] {
        let ending = try Guest(hardware, commandLine: "exit failframe=\(first),\(count)").finish()
        let end = try #require(ending.lines.last)
        if ending.status == 35 {
          let words = try Regex(
            "highland: cannot boot: too little RAM for [a-z ]+: [0-9]+ frames needed at once, 0 .*")
          #expect(try words.wholeMatch(in: end) != nil, "\(first),\(count): \(end)")
          endings.refused += 1
        } else {
          #expect(ending.status == 33 && end == "highland: ready", "\(first),\(count): \(end)")
          let failures = ending.lines.filter { $0.hasSuffix(" of them failed by failframe") }
          #expect(failures.count == 1 && !failures[0].contains(" 0 of"), "\(first),\(count)")
          endings.booted += 1
          // Where a second try did not help, something is missing, and named.
          if ending.lines.contains(where: { $0.contains("can't be mapped") }) { endings.lost += 1 }
        }
      }
    }
    // Both ends are met, and so is a boot that lost something.
    #expect(endings.refused >= 8 && endings.booted >= 1 && endings.lost >= 1, "\(endings)")
  }

  @Test(arguments: ["failframe=", "failframe=x", "failframe=1,", "failframe=1,2,3"])
  func badNumbersAreNamed(_ word: String) throws {
    let ending = try Guest(commandLine: "exit " + word).finish()
    #expect(ending.status == 33)
    #expect(ending.lines.contains("highland: not understood on the command line: " + word))
  }
}
