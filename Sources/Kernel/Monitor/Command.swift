import BootInfo

/// What the monitor can be asked.
enum Command: UInt8, NamedChoice {
  case help, layout, memory, areas, mappings, walk, translate, frame
  case map, unmap, protect, peek, poke
  case selftest, stress, bench, fault
  case cpu, acpi, screen, reboot, poweroff, exit

  var name: StaticString { words.name }

  /// What `help` says: how a command is typed, and what it does.
  struct Words {
    let name, arguments, summary: StaticString
  }

  var words: Words {
    switch self {
    case .help:
      Words(
        name: "help", arguments: "[COMMAND]",
        summary: "list the commands, or say what one of them does")
    case .layout:
      Words(
        name: "layout", arguments: "",
        summary: "draw the address space from its live tables and check the promises again")
    case .memory:
      Words(
        name: "memory", arguments: "",
        summary: "the memory map, and how many frames and areas there are")
    case .areas:
      Words(
        name: "areas", arguments: "",
        summary: "the reservations of the vmalloc window and whose they are")
    case .mappings:
      Words(
        name: "mappings", arguments: "[RANGE | WINDOW]",
        summary: "what is mapped, in runs of equal rights and memory type")
    case .walk:
      Words(
        name: "walk", arguments: "ADDRESS",
        summary: "every page-table entry on the way to an address")
    case .translate:
      Words(
        name: "translate", arguments: "ADDRESS",
        summary: "the physical address behind an address")
    case .frame:
      Words(
        name: "frame", arguments: "PHYSICAL",
        summary: "what a frame is used for, and where it is mapped")
    case .map:
      Words(
        name: "map", arguments: "NAME SIZE|PHYSICAL-RANGE [RIGHTS [TYPE]]",
        summary: "make a scratch area, with frames of its own or of a device's memory")
    case .unmap:
      Words(
        name: "unmap", arguments: "NAME [OFFSETS]",
        summary: "end a scratch area, or unmap some of its pages")
    case .protect:
      Words(
        name: "protect", arguments: "NAME RIGHTS [OFFSETS]",
        summary: "give a scratch area, or some of its pages, other rights")
    case .peek:
      Words(
        name: "peek", arguments: "ADDRESS [BYTES [UNIT]]",
        summary: "show memory: 64 bytes, unless told how many")
    case .poke:
      Words(
        name: "poke", arguments: "ADDRESS VALUE [UNIT]",
        summary: "write to memory: a byte, unless told what else")
    case .selftest:
      Words(
        name: "selftest", arguments: "[NAME]",
        summary: "run the kernel's own tests, or one of them")
    case .stress:
      Words(
        name: "stress", arguments: "[ROUNDS [SEED]]",
        summary: "make, change and drop areas at random; some stay, until stress 0")
    case .bench:
      Words(name: "bench", arguments: "", summary: "measure operations in ticks")
    case .fault:
      Words(
        name: "fault", arguments: "KIND",
        summary: "do something forbidden: ends in the report of the fault")
    case .cpu:
      Words(name: "cpu", arguments: "", summary: "the processor, its registers and its MTRRs")
    case .acpi:
      Words(
        name: "acpi", arguments: "",
        summary: "the firmware's tables, and what they say of power")
    case .reboot:
      Words(name: "reboot", arguments: "", summary: "start the machine anew")
    case .poweroff:
      Words(
        name: "poweroff", arguments: "",
        summary: "turn the machine off, where ACPI tells how; else say why not")
    case .screen:
      Words(
        name: "screen", arguments: "[picture | text]",
        summary: "draw the address space anew above the text, or give all the screen to the text")
    case .exit:
      Words(
        name: "exit", arguments: "",
        summary: "leave QEMU, with status 35 if a command has failed; on a PC, halt")
    }
  }

  /// Does it.
  @_lifetime(arguments: copy arguments)
  func run(_ arguments: inout Arguments) throws(CommandFailure) {
    switch self {
    case .help: try help(&arguments)
    case .layout: try layout(&arguments)
    case .memory: try memory(&arguments)
    case .areas: try areas(&arguments)
    case .mappings: try mappings(&arguments)
    case .walk: try walk(&arguments)
    case .translate: try translate(&arguments)
    case .frame: try frame(&arguments)
    case .map: try map(&arguments)
    case .unmap: try unmap(&arguments)
    case .protect: try protect(&arguments)
    case .peek: try peek(&arguments)
    case .poke: try poke(&arguments)
    case .selftest: try selfTest(&arguments)
    case .stress: try stress(&arguments)
    case .bench: try bench(&arguments)
    case .fault: try fault(&arguments)
    case .cpu: try cpu(&arguments)
    case .acpi: try acpi(&arguments)
    case .reboot: try reboot(&arguments)
    case .poweroff: try powerOff(&arguments)
    case .screen: try screen(&arguments)
    case .exit: try exit(&arguments)
    }
  }
}

extension Text.Interpolation {
  /// How a command is typed.
  func appendInterpolation(_ words: Command.Words) {
    appendInterpolation(words.name)
    if words.arguments.utf8CodeUnitCount > 0 { appendLiteral(" ") }
    appendInterpolation(words.arguments)
  }
}
