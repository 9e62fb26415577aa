// The real ISO image, booted through GRUB on many machines. See Boot.check for what is looked at.
//
// A test holds its thread while its guest runs, so there are no more guests at once than Swift's
// thread pool has threads: one for each processor.

import Testing

@Suite struct BootTests {
  /// Every kind of processor, with the command line that goes with it.
  private static let processors: [(Processor, String)] = [
    (.plain, "exit"), (.gigabytePages, "exit"), (.fiveLevels, "exit"), (.all, "exit"),
    (.all, "exit no5lvl"),
  ]

  /// All of them on both machines with these sizes of memory.
  private static func matrix(_ firmware: Hardware.Firmware, memory: [String]) -> [Boot] {
    memory.flatMap { memory in
      ["pc", "q35"].flatMap { machine in
        processors.map { processor, commandLine in
          Boot(
            hardware: Hardware(
              firmware: firmware, machine: machine, processor: processor, memory: memory),
            commandLine: commandLine)
        }
      }
    }
  }

  @Test(arguments: matrix(.bios, memory: ["32M", "128M", "3G", "6G"]))
  func byBIOS(_ boot: Boot) throws { try boot.check() }

  /// UEFI takes several times as long to start, so every second one of these: in the order of
  /// `matrix`, that of the even sums of the three positions. Any two of memory, machine and
  /// processor still meet.
  @Test(arguments: evenSums(matrix(.uefi, memory: ["64M", "128M", "3G", "6G"])))
  func byUEFI(_ boot: Boot) throws { try boot.check() }

  private static func evenSums(_ boots: [Boot]) -> [Boot] {
    let perMachine = processors.count
    let perMemory = 2 * perMachine
    return boots.indices.filter { index in
      (index / perMemory + index % perMemory / perMachine + index % perMachine) % 2 == 0
    }.map { boots[$0] }
  }

  /// Memory that is there only where it is touched. The physical widths are the smallest that QEMU
  /// accepts for these sizes.
  @Test(arguments: [
    (
      "1T",
      Processor(
        model: "max,phys-bits=42", levels: 5, hasGigabytePages: true, physicalWidth: 42)
    ),
    ("1T", Processor(model: "qemu64,phys-bits=42", physicalWidth: 42)),
    (
      "8T",
      Processor(
        model: "max,phys-bits=44,la57=off", hasGigabytePages: true, physicalWidth: 44)
    ),
    ("8T", Processor(model: "max,phys-bits=44,pdpe1gb=off", levels: 5, physicalWidth: 44)),
  ])
  func withSparseMemory(_ memory: String, _ processor: Processor) throws {
    let backend = "memory-backend-ram,id=ram,size=\(memory),reserve=off"
    let hardware = Hardware(
      machine: "q35,memory-backend=ram", processor: processor, memory: memory,
      more: ["-object", backend])
    try Boot(hardware: hardware).check()
  }
}
