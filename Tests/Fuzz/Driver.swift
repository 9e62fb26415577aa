// libFuzzer's way in: run.sh links this library to it. HIGHLAND_FUZZ names the target.

import Foundation

nonisolated(unsafe) private var target: FuzzTarget?

/// Called once, before all inputs. Writes the seeds into the directory that HIGHLAND_FUZZ_SEEDS names.
@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
  _: UnsafeMutablePointer<Int32>, _: UnsafeMutablePointer<UnsafeMutablePointer<CChar>>
) -> Int32 {
  let environment = ProcessInfo.processInfo.environment
  guard let chosen = FuzzTarget(rawValue: environment["HIGHLAND_FUZZ"] ?? "") else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
    fatalError("HIGHLAND_FUZZ must be one of: \(names)")
  }
  target = chosen
  if let directory = environment["HIGHLAND_FUZZ_SEEDS"] {
    for (index, seed) in chosen.seeds.enumerated() {
      let file = URL(filePath: directory).appending(path: "seed-\(index)")
      try? Data(seed).write(to: file)
    }
  }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  if let complaint = target?.complaint(about: bytes) { fatalError(complaint) }
  return 0
}
