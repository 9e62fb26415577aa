// The fuzz targets without a fuzzer: what was kept, the seeds, and a short fixed count of inputs that
// are made from them. `make fuzz` goes on from there.

import Foundation
import Fuzz
import TestSupport
import Testing

// One input at a time: the targets share the memory in which they put it.
@Suite(.serialized) struct FuzzTests {
  /// Inputs that found something once, as text: bytes in hexadecimal, and comments behind `#`.
  @Test(arguments: FuzzTarget.allCases) func whatFoundSomethingOnce(target: FuzzTarget) throws {
    let directory = try #require(Bundle.module.resourceURL)
      .appending(path: "Corpus/\(target.rawValue)")
    let files = try FileManager.default.contentsOfDirectory(
      at: directory, includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    for file in files {
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
      let digits = lines.map { $0.prefix { $0 != "#" } }.joined()
      let bytes = [UInt8](hexadecimal: digits)
      #expect(!bytes.isEmpty)
      #expect(target.complaint(about: bytes) == nil, "\(file.lastPathComponent)")
    }
  }

  @Test(arguments: FuzzTarget.allCases) func aFewInputs(target: FuzzTarget) {
    // A debug build is slow, and these two build much for each input.
    let count = [.pageTable: 25, .frames: 60][target, default: 400]
    var random = SeededGenerator(seed: 1)
    for seed in target.seeds { #expect(target.complaint(about: seed) == nil) }
    for number in 0..<count {
      var bytes = target.seeds.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.insert(.random(in: 0...255, using: &random), at: bytes.count / 2)
        case 1 where bytes.count > 1:
          bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random) / 4)
        default:
          bytes[Int.random(in: bytes.indices, using: &random)] = .random(
            in: 0...255, using: &random)
        }
      }
      let complaint = target.complaint(about: bytes)
      #expect(complaint == nil, "input \(number)")
    }
  }
}
