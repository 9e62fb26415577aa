// The second opinion: the address space of the booted kernel, read from outside at the end of
// booting, after the kernel's own tests and after the stress of its areas, on every kind of machine.
// See Boot.check for what is looked at. `make test` tries some rows, `make test-full` all.

import Foundation
import Testing

@Suite struct MatrixTests {
  @Test(arguments: Matrix.rows)
  func row(_ row: MatrixRow) throws {
    Self.checkAnswers(
      KernelReport(
        try Boot(hardware: row.hardware, commandLine: "run='\(Self.commands)' exit").check()))
  }

  static let commands = "selftest; areas; mappings; layout; stress; areas; mappings; layout"

  /// All of the commands were obeyed, and the stress has left something to look at.
  static func checkAnswers(_ report: KernelReport) {
    #expect(report.addressSpaces.count == 3)
    #expect(report.answers.map(\.command) == commands.components(separatedBy: "; "))
    #expect(report.answers.first?.lines.last?.hasSuffix(" passed, 0 failed") == true)
    let areas = report.addressSpaces.last?.areas ?? []
    #expect(areas.count { $0?.owner == "stress" } > 10)
  }

  /// Every pair of values meets in a row, but for those that no row can have. Rows that can't be are
  /// said.with the
  /// rows of the issue that cannot be.
  @Test func everyPairMeets() {
    func pairs(_ row: MatrixRow) -> [[String]] {
      let values = [row.memory, row.machine, row.processor.model]
      return [[values[0], values[1]], [values[0], values[2]], [values[1], values[2]]]
    }
    let rows = Matrix.byBIOS
    let met = Set(rows.flatMap(pairs))
    let possible = Matrix.everything.filter { $0.obstacle == nil }
    #expect(rows.allSatisfy { $0.obstacle == nil })
    #expect(met == Set(possible.flatMap(pairs)))

    func values(_ rows: [MatrixRow]) -> Set<String> { Set(rows.flatMap(pairs).joined()) }
    #expect(Matrix.someByBIOS.allSatisfy { $0.obstacle == nil })
    #expect(values(Matrix.someByBIOS) == values(Matrix.everything))

    let impossible = Matrix.everything.filter { $0.obstacle != nil }
    let lost = Set(impossible.flatMap(pairs)).subtracting(met)
    #expect(lost == Set(["64G", "1T", "8T"].map { [$0, Processor.narrow.model] }))
    print("matrix: \(rows.count) rows by BIOS, in which \(met.count) pairs of values meet")
    for row in impossible { print("matrix: no row \(row): \(row.obstacle ?? "")") }
  }

  @Test func everyMemoryAndProcessorMeetUEFI() {
    #expect(Set(Matrix.byUEFI.map(\.memory)) == ["64M", "128M", "1G", "3G", "4G", "6G", "64G"])
    #expect(Matrix.byUEFI.map(\.processor.model) == Processor.models.map(\.model))
    #expect(Set(Matrix.byUEFI.map(\.machine)) == Set(Matrix.machines))
    #expect(Matrix.byUEFI.allSatisfy { $0.obstacle == nil })
    for memory in Matrix.memories where MatrixRow.byteCount(memory) < 64 << 20 {
      let row = MatrixRow(firmware: .uefi, memory: memory, machine: "q35", processor: .all)
      print("matrix: no row \(row): \(row.obstacle ?? "it was left out")")
      #expect(row.obstacle != nil)
    }
  }

  /// What the rows take for granted is QEMU's own word: a bit less than what is said to be needed is
  /// refused, the bits that are needed are not.
  @Test func neededWidths() throws {
    for (machine, processor) in [
      ("pc", Processor.plain), ("pc", .nehalem), ("q35", .plain), ("q35", .nehalem),
    ] {
      for memory in ["64G", "1T", "8T"] {
        let row = MatrixRow(memory: memory, machine: machine, processor: processor)
        for (width, starts) in [(row.neededWidth - 1, false), (row.neededWidth, true)] {
          var hardware = row.hardware
          hardware.processor = processor.with(physicalWidth: width)
          #expect(try hardware.starts() == starts, "\(row), \(width) bits")
        }
      }
    }
  }
}

extension Hardware {
  /// Whether QEMU can make such a machine.
  fileprivate func starts() throws -> Bool {
    let errors = try BootImage.scratchFile("errors")
    let qemu = try Child(socketCount: 1, deadline: 60, errors: errors) { ends in
      [
        "qemu-system-x86_64", "-accel", "tcg", "-nic", "none", "-display", "none", "-S",
        "-chardev", "socket,id=monitor,fd=\(ends[0])", "-mon", "chardev=monitor,mode=control",
      ] + options
    }
    guard let monitor = try? Monitor(qemu.sockets[0], dump: errors) else {
      let words = try String(contentsOf: errors, encoding: .utf8)
      guard words.contains("phys-bits too low") else { throw GuestError(words) }
      return false
    }
    try monitor.ask("quit")
    return try qemu.wait() == 0
  }
}
