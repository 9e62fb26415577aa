// Commands for the kernel's monitor, given by `run=`, and what came of each.

import Oracle

struct CommandRun {
  /// What each command printed, blanks reduced to one, in the order of the commands.
  let outputs: [[String]]
  /// All lines.
  let lines: [String]
  let status: Int32
  /// The page table and its processor when all was done.
  let table: Snapshot
  let registers: Registers

  /// Boots, has the commands run, and has a look at the machine in the kernel's last instruction.
  init(
    _ commands: [String], on hardware: Hardware = Hardware(),
    look: (Guest, Snapshot) throws -> Void = { _, _ in }
  ) throws {
    let guest = try Guest(
      hardware, commandLine: "run=\"\(commands.joined(separator: "; "))\" exit")
    try guest.debugger.run(to: KernelFile.current.get()["highlandEnd"])
    table = try guest.snapshot(physicalWidth: hardware.processor.physicalWidth)
    registers = try guest.monitor.registers()
    try look(guest, table)
    let ending = try guest.finish()
    status = ending.status
    lines = ending.lines
    var outputs: [[String]] = []
    for line in ending.lines.drop(while: { $0 != "highland: ready" }).dropFirst() {
      if line.hasPrefix("highland> ") {
        outputs.append([])
      } else {
        let words = line.split(separator: " ").joined(separator: " ")
        outputs[outputs.count - 1].append(words)
      }
    }
    self.outputs = outputs
  }
}

/// The words of rights, as the kernel prints them.
func word(for grants: Grants) -> String {
  "r" + (grants.contains(.write) ? "w" : "-") + (grants.contains(.execute) ? "x" : "-")
}

/// The words of memory types: IA32_PAT as Highland sets it (0x277: 0x0007_0105_0007_0406), by index.
let memoryTypes = [
  "write-back", "write-through", "uncacheable-minus", "uncacheable", "write-protected",
  "write-combining", "uncacheable-minus", "uncacheable",
]

func contents(_ pages: PageCounts) -> String {
  "\(pages.of1GiB) x 1 GiB, \(pages.of2MiB) x 2 MiB, \(pages.of4KiB) x 4 KiB"
}
