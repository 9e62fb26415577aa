import BootInfo
import PageTables

// For tab completion: which words there are to choose from.

extension Monitor {
  /// Calls `body` with each name that could stand where a line ends: names of commands where one
  /// begins, behind it those that its arguments can be. The word that is begun there is not looked
  /// at: who asks compares.
  static func forEachName(atEndOf line: RawSpan, _ body: (StaticString) -> Void) {
    let last = CommandLine(line).lastCommand
    if last.endsInFirstWord { return Command.forEachCase { command in body(command.name) } }
    var words = last.words
    guard let name = words.next() else { return }
    Command(named: name)?.forEachArgument(body)
  }
}

extension Command {
  /// Calls `body` with each name that an argument may be.
  func forEachArgument(_ body: (StaticString) -> Void) {
    switch self {
    case .help: Command.forEachCase { body($0.name) }
    case .mappings: NamedWindow.forEachCase { body($0.name) }
    case .map:
      ScratchName.forEachCase { body($0.name) }
      NamedRights.forEachCase { body($0.name) }
      MemoryType.forEachCase { body($0.name) }
    case .unmap: ScratchName.forEachCase { body($0.name) }
    case .protect:
      ScratchName.forEachCase { body($0.name) }
      NamedRights.forEachCase { body($0.name) }
    case .peek, .poke: AccessUnit.forEachCase { body($0.name) }
    case .selftest: SelfTests.forEachName(body)
    case .fault: DeliberateFault.forEachCase { body($0.name) }
    case .screen: ScreenUse.forEachCase { body($0.name) }
    case .layout, .memory, .areas, .walk, .translate, .frame, .stress, .bench, .cpu, .acpi, .reboot,
      .poweroff, .exit:
      break
    }
  }
}
