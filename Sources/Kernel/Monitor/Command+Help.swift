import BootInfo

extension Command {
  @_lifetime(arguments: copy arguments)
  func help(_ arguments: inout Arguments) throws(CommandFailure) {
    guard let name = arguments.next() else {
      Command.forEachCase { command in print("  \(command.usage, width: 28) \(command.summary)") }
      return
    }
    guard let command = Command(named: name) else {
      throw arguments.refuse("no command is called \(name)")
    }
    try arguments.finish()
    print("  \(command.usage, width: 28) \(command.summary)")
  }
}
