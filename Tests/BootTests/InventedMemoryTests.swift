// Memory maps that promise RAM where there is none: writes vanish there, and reads give ones. The
// guest has 512 MiB; the command line invents the rest.

import Testing

@Suite struct InventedMemoryTests {
  /// Where the first thing that the kernel would build there lies, and what it is.
  @Test(arguments: [
    // All but the kernel's own few hundred KiB is invented: the first tables fit, the last do not.
    (#"memmap=1M$1M mem=3M memmap=64M@600M"#, "0x0000_0000_2580_0000", "the page tables"),
    // Past what the boot page table maps: reached through the linear mapping alone. The kernel likes
    // to take its frames there.
    ("memmap=64M@8G", "0x0000_0002_0000_[0-9a-f_]{4}", "kernel virtual areas"),
    ("memmap=1G@8G", "0x0000_0002_[0-9a-f_]{9}", "kernel virtual areas"),
  ])
  func endsInTheClearLine(_ words: String, _ address: String, _ what: String) throws {
    for processor in [Processor.all, .plain] {
      let hardware = Hardware(processor: processor, memory: "512M")
      let ending = try Guest(hardware, commandLine: "exit " + words).finish()
      let last = try #require(ending.lines.last)
      #expect(ending.status == 35)
      let words = try Regex(
        "highland: cannot boot: there is no memory at \(address), though the map says so: "
          + what + " would lie there")
      #expect(try words.wholeMatch(in: last) != nil, "\(last)")
    }
  }

  /// What nobody builds on is nobody's loss.
  @Test func inventedDataHurtsNobody() throws {
    let hardware = Hardware(processor: .all, memory: "512M")
    let ending = try Guest(hardware, commandLine: "exit memmap=64M@700M").finish()
    #expect(ending.status == 33 && ending.lines.last == "highland: ready")
  }
}
