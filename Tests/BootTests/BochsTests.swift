// The kernel in Bochs, looked at like in QEMU: see Boot. Bochs takes half a minute for it, so only
// `make test-full` does this.

import Foundation
import Testing

@Suite(.enabled(if: Matrix.isFull)) struct BochsTests {
  /// One without 1 GiB pages, on which such a page in the tables would be a triple fault, and one with
  /// every protection. Both have 40 physical address bits, as Debian builds Bochs.
  @Test(arguments: [
    Processor(model: "corei7_sandy_bridge_2600k"),
    Processor(
      model: "corei7_icelake_u", hasGigabytePages: true, protections: ["SMEP", "SMAP", "UMIP"]),
  ])
  func audited(_ processor: Processor) throws {
    let kernel = try KernelFile.current.get()
    let boot = Boot(
      hardware: Hardware(processor: processor),
      commandLine: "console=serial run='\(MatrixTests.commands)' exit")
    let reported = try kernel["highlandReported"]
    let run = try BochsRun(
      BootImage.image(commandLine: boot.commandLine, video: "text"), processor: processor.model,
      stoppingAt: [kernel["highlandEntry"], reported, reported, reported],
      end: kernel["highlandEnd"])
    try #require(run.stops.count == 4, "\(run.lines)")

    let first = run.stops[0]
    let bootTable = try first.snapshot(first.registers, physicalWidth: processor.physicalWidth)
    let image = LoadedImage(kernel, movedBy: bootTable.root - (try kernel["root"]))
    try boot.checkBootTable(bootTable, image)
    let sights = try run.stops.dropFirst().map { stop in
      try Sight(stop.registers, stop, physicalWidth: processor.physicalWidth, image)
    }
    try boot.check(sights, against: run.lines, image)
    MatrixTests.checkAnswers(KernelReport(run.lines))
  }
}
