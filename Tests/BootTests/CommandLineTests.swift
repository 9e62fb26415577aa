// The command line's way through make, the shell, GRUB and the kernel, and what its words do.

import Testing

@Suite struct CommandLineTests {
  private static let notUnderstood = "highland: not understood on the command line: "

  /// Every character that make, shell, GRUB or the kernel could take for its own.
  private static let awkward =
    #"exit note="$ # ; \" '" path='a\\b' "two words" $0 ${x} $(y) * ~ \\n %s é"#
  private static let awkwardWords = [
    #"note=$ # ; " '"#, #"path=a\b"#, "two words", "$0", "${x}", "$(y)", "*", "~", #"\n"#, "%s",
    "é",
  ]

  @Test func awkwardCharactersByScript() throws {
    let ending = try Guest(commandLine: Self.awkward).finish()
    #expect(ending.status == 33)
    #expect(words(notUnderstoodIn: ending.lines) == Self.awkwardWords)
  }

  @Test func awkwardCharactersByMake() throws {
    let image = try BootImage.imageByMake(commandLine: Self.awkward)
    let ending = try Guest(image: image).finish()
    #expect(ending.status == 33)
    #expect(words(notUnderstoodIn: ending.lines) == Self.awkwardWords)
  }

  @Test(arguments: [#""exit""#, "'exit'", #"ex"it""#, #"\e\x\i\t"#])
  func quotesAndBackslashesVanish(_ exit: String) throws {
    let ending = try Guest(commandLine: exit).finish()
    #expect(ending.status == 33)
    #expect(words(notUnderstoodIn: ending.lines) == [])
  }

  /// The memory of ACPI tables comes back just when it is asked for. SeaBIOS calls it reserved.
  @Test func reclaimedACPITables() throws {
    let hardware = Hardware(firmware: .uefi)
    let lines = try Boot(hardware: hardware, commandLine: "exit acpi=reclaim").check()
    var byteCount: UInt64 = 0
    for region in KernelReport(lines).normalised where region.kind == "ACPI tables" {
      byteCount += region.range.upperBound - region.range.lowerBound
    }
    #expect(byteCount > 0)
    #expect(lines.contains("frames: \(size(byteCount)) of ACPI tables given back"))
  }

  /// Four levels on a processor with five if, and only if, `no5lvl` is a word of its own.
  @Test(arguments: [
    ("exit no5lvl", 4), (#"exit "no5lvl""#, 4), ("no5lvl exit", 4), ("exit xno5lvl", 5),
    ("exit no5lvlx no5lv", 5), ("exit note=no5lvl", 5), (#"exit "no5lvl x""#, 5),
    (#"exit "x no5lvl""#, 5),
  ])
  func no5lvl(_ commandLine: String, _ levels: Int) throws {
    let guest = try Guest(Hardware(processor: .all), commandLine: commandLine)
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    let has5Levels = try guest.monitor.registers()["CR4"] & 1 << 12 != 0
    #expect(has5Levels == (levels == 5))
    #expect(try guest.finish().status == 33)
  }

  @Test(arguments: ["pc", "q35"])
  func withoutSerialPort(_ machine: String) throws {
    let ending = try Guest(Hardware(machine: machine, hasSerialPort: false)).finish()
    #expect(ending.status == 33)
    #expect(ending.lines == [])
  }

  private func words(notUnderstoodIn lines: [String]) -> [String] {
    lines.filter { $0.hasPrefix(Self.notUnderstood) }
      .map { String($0.dropFirst(Self.notUnderstood.count)) }
  }
}
