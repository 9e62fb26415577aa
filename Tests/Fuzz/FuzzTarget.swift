// What is fuzzed, each by a function of any bytes: libFuzzer feeds them (Driver.swift, `make fuzz`),
// and the tests do (Tests/FuzzTests).

/// A part of Highland that must make sense of any bytes, or of any sequence of calls.
public enum FuzzTarget: String, CaseIterable, Sendable {
  case multiboot2, acpi, frames, ranges
  case memoryMap = "memory-map"
  case commandLine = "command-line"
  case pageTable = "page-table"

  /// Puts bytes through it.
  ///
  /// - Returns: what is wrong; `nil` if all is as it must be. A trap is a find, too.
  public func complaint(about bytes: [UInt8]) -> String? {
    switch self {
    case .multiboot2: fuzzMultiboot2(bytes)
    case .acpi: fuzzACPI(bytes)
    case .frames: fuzzFrames(bytes)
    case .ranges: fuzzRanges(bytes)
    case .memoryMap: fuzzMemoryMap(bytes)
    case .commandLine: fuzzCommandLine(bytes)
    case .pageTable: fuzzPageTable(bytes)
    }
  }
}
