// The tests that the kernel runs itself: that they pass, and that they can fail. They are made to fail
// by lies of the debug stub about a fault, which also show what the trap handler makes of such.

import Foundation
import Oracle
import Testing

@Suite struct SelfTestTests {
  private static let processors: [Processor] = [.plain, .gigabytePages, .fiveLevels, .all]

  /// All pass, and leave the address space as it was.
  @Test(arguments: processors)
  func all(_ processor: Processor) throws {
    let boot = Boot(hardware: Hardware(processor: processor), commandLine: "selftest exit")
    let run = try SelfTestRun(boot.check())
    #expect(run.passed.count > 0 && run.passed.count == Self.namesInSources.count)
    #expect(Set(run.passed) == Self.namesInSources)
    #expect(run.failures == [])
    #expect(run.closing == "self tests: \(Self.namesInSources.count) passed, 0 failed")
  }

  @Test func byUEFI() throws {
    let hardware = Hardware(firmware: .uefi, processor: .all)
    let ending = try Guest(hardware, commandLine: "selftest exit").finish()
    #expect(ending.status == 33)
    #expect(SelfTestRun(ending.lines).passed.count == Self.namesInSources.count)
  }

  @Test func one() throws {
    let ending = try Guest(commandLine: "selftest=page-0 exit").finish()
    #expect(ending.status == 33)
    #expect(
      ending.lines.suffix(3) == [
        "test page-0 … ok", "self tests: 1 passed, 0 failed", "highland: ready",
      ])
  }

  @Test func unknown() throws {
    let ending = try Guest(commandLine: "selftest=page exit").finish()
    #expect(ending.status == 35)
    #expect(ending.lines.last == "highland: cannot boot: there is no selftest=page")
  }

  /// The error code of the first fault is changed on its way to the handler: the read of an
  /// empty lower half seems to come from user mode. That test fails, the others run, and the kernel ends with
  /// failure though nothing asks it to end.
  @Test func failure() throws {
    let guest = try Guest(commandLine: "selftest")
    try guest.debugger.run(to: KernelFile.current.get()["highlandTrap"])
    // RDI is the trap frame: fifteen registers, the vector, the error code.
    try guest.debugger.write(1 << 2, at: guest.monitor.registers()["RDI"] + 16 * 8)
    let ending = try guest.finish()
    #expect(ending.status == 35)
    let run = SelfTestRun(ending.lines)
    let failure = try #require(run.failures.first)
    #expect(run.failures.count == 1)
    #expect(failure.name == "address-spaces")
    #expect(failure.words == "without one, the lower half is empty")
    #expect(try failure.sourceLine.contains("expect("))
    #expect(Set(run.passed) == Self.namesInSources.subtracting(["address-spaces"]))
    #expect(run.closing == "self tests: \(run.passed.count) passed, 1 failed")
    #expect(ending.lines.last == run.closing)
  }

  /// A fault that the page table no longer gives a reason for when the handler looks: the handler
  /// returns, the write is done, and the test that expected a fault says so.
  @Test(arguments: processors)
  func spuriousFault(_ processor: Processor) throws {
    let guest = try Guest(Hardware(processor: processor), commandLine: "selftest=protect")
    try guest.debugger.run(to: KernelFile.current.get()["highlandTrap"])
    try guest.changeEntryOfFault { $0 | Self.writable }
    let ending = try guest.finish()
    #expect(ending.status == 35)
    let run = SelfTestRun(ending.lines)
    #expect(
      run.failures.map(\.words) == [
        "a write to a read-only page faults", "nothing was written",
      ])
    #expect(ending.lines.last == "self tests: 0 passed, 1 failed")
  }

  /// The same fault again, at once: the handler does not try for ever.
  @Test(arguments: processors)
  func spuriousFaultTwice(_ processor: Processor) throws {
    let kernel = try KernelFile.current.get()
    let guest = try Guest(Hardware(processor: processor), commandLine: "selftest=protect")
    try guest.debugger.run(to: kernel["highlandTrap"])
    try guest.changeEntryOfFault { $0 | Self.writable }
    try guest.debugger.run(to: kernel["probeWrite8.access"])
    try guest.changeEntryOfFault { $0 & ~Self.writable }
    try guest.debugger.run(to: kernel["highlandTrap"])
    try guest.changeEntryOfFault { $0 | Self.writable }
    let ending = try guest.finish()
    #expect(ending.status == 35)
    let access = digits(try kernel["probeWrite8.access"])
    let words = "#PF page fault at rip \(access), in probeWrite8 + "
    let report = ending.lines.drop { !$0.contains(words) }
    #expect(report.first?.hasPrefix("test protect … highland: fault: \(words)") == true)
    #expect(
      report.contains("  cause     the page table allows this write, yet the CPU refused it twice"))
  }

  /// Bit 1 of a page-table entry (SDM volume 3, 4.5.4).
  private static let writable: UInt64 = 1 << 1

  /// What stands in the sources as `test("NAME")`, the example in a comment left out.
  private static let namesInSources: Set<String> = {
    let directory = BootImage.repository.appending(path: "Sources/Kernel/SelfTests")
    let files = try? FileManager.default.contentsOfDirectory(
      at: directory, includingPropertiesForKeys: nil)
    let sources = (files ?? []).compactMap { try? String(contentsOf: $0, encoding: .utf8) }
    return Set(
      sources.flatMap { source in
        source.matches(of: /\n  test(?:Areas)?\("([^"]+)"\)/).map { String($0.1) }
      })
  }()
}

/// What the kernel says of its self tests.
private struct SelfTestRun {
  struct Failure: Equatable {
    let name: String
    /// `Kernel/FILE.swift`, in the manner of `#fileID`.
    let file: String
    let line: Int
    let words: String

    /// The line of the source that is named.
    var sourceLine: String {
      get throws {
        let name = file.split(separator: "/").last.map(String.init) ?? ""
        let source = try String(
          contentsOf: BootImage.repository.appending(path: "Sources/Kernel/SelfTests/" + name),
          encoding: .utf8)
        return source.components(separatedBy: "\n")[line - 1]
      }
    }
  }

  private(set) var passed: [String] = []
  private(set) var failures: [Failure] = []
  private(set) var closing: String?

  init(_ lines: [String]) {
    for line in lines {
      if let match = line.wholeMatch(of: /test (\S+) … ok/) {
        passed.append(String(match.1))
      } else if let match = line.wholeMatch(of: /test (\S+) … FAILED at (\S+):(\d+): (.+)/) {
        failures.append(
          Failure(
            name: String(match.1), file: String(match.2), line: Int(match.3) ?? 0,
            words: String(match.4)))
      } else if line.hasPrefix("self tests: ") {
        closing = line
      }
    }
  }
}

extension Guest {
  /// Changes the level 1 entry of the address in CR2, at the place where the kernel's linear mapping
  /// has it.
  fileprivate func changeEntryOfFault(_ change: (UInt64) -> UInt64) throws {
    let registers = try monitor.registers()
    let levels = try registers["CR4"] & 1 << 12 != 0 ? 5 : 4
    let addressBits: UInt64 = 0x000f_ffff_ffff_f000
    var entry = try registers["CR3"]
    var place: UInt64 = 0
    for level in stride(from: levels, to: 0, by: -1) {
      let index = try registers["CR2"] >> UInt64(3 + 9 * level) & 511
      place = entry & addressBits + index * 8
      entry = try monitor.physicalMemory(at: place, count: 8).reversed()
        .reduce(0) { $0 << 8 | UInt64($1) }
      guard entry & 1 != 0 else { throw GuestError("nothing is mapped where the fault was") }
    }
    try debugger.write(change(entry), at: Windows(levels: levels).linear.lowerBound + place)
  }
}
