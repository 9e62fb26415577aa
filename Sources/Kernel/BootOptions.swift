import BootInfo
import Frames

/// What the command line asks of the kernel.
struct BootOptions {
  /// `exit`: leave the emulator once all is well.
  var leavesEmulator = false
  /// `fault=KIND`: do something forbidden after booting, to see the report.
  var fault: DeliberateFault?
  /// `selftest` or `selftest=NAME`: test the kernel after booting.
  var selfTests: SelfTests?

  /// `acpi=reclaim`: take over the memory of ACPI tables once they are read.
  var reclaimsACPI = false
  /// `failframe=N,COUNT`: the numbers of the frame allocations that fail on purpose.
  var failingAllocations: Range<UInt64>?
  /// `bench`: measure after booting.
  var isBench = false

  /// Reads all words; names those it does not understand.
  init(_ commandLine: CommandLine) {
    var words = commandLine.words
    while let word = words.next() {
      if word == "exit" {
        leavesEmulator = true
      } else if word == "no5lvl" {
        // The stub has seen to it, before there was a page table.
      } else if MemoryMapWords.isOne(word) {
        // What the memory map is made of, read when it is.
      } else if word.value(ofKey: "run") != nil {
        // Kept by UnattendedCommands.
      } else if let kind = word.value(ofKey: "fault") {
        guard let fault = DeliberateFault(named: kind) else {
          cannotBoot("there is no fault=\(kind)")
        }
        self.fault = fault
      } else if word == "acpi=reclaim" {
        reclaimsACPI = true
      } else if let names = word.value(ofKey: "console") {
        // They are in use already, since before the first line.
        ConsoleChoice.printUnknown(in: names)
      } else if let numbers = word.value(ofKey: "failframe") {
        failingAllocations = Self.failingAllocations(numbers)
        if failingAllocations == nil {
          print("highland: not understood on the command line: \(word)")
        }
      } else if word == "bench" {
        isBench = true
      } else if word == "selftest" {
        selfTests = SelfTests()
      } else if let name = word.value(ofKey: "selftest") {
        guard let selfTests = SelfTests(named: name) else {
          cannotBoot("there is no selftest=\(name)")
        }
        self.selfTests = selfTests
      } else {
        print("highland: not understood on the command line: \(word)")
      }
    }
  }

  /// `N`, or `N,COUNT`: from the Nth one on, so many. Where N is 0 none fails, and all are counted.
  private static func failingAllocations(_ numbers: borrowing Word) -> Range<UInt64>? {
    var pieces = numbers.pieces
    guard let first = try? pieces.next()?.number() else { return nil }
    var count: UInt64 = 1
    if let piece = pieces.next() {
      guard let number = try? piece.number(), pieces.next() == nil else { return nil }
      count = number
    }
    if first == 0 { return 0..<0 }
    let (end, wraps) = first.addingReportingOverflow(count)
    return first..<(wraps ? .max : end)
  }
}
