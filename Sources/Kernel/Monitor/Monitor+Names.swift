import BootInfo

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
    case .help: Command.forEachCase { command in body(command.name) }
    case .layout, .exit: break
    }
  }
}
