import BootInfo

/// What the monitor can be asked. All commands and all that `help` says of them stand here.
enum Command: UInt8, NamedChoice {
  case help, layout, exit

  /// As it is typed.
  var name: StaticString {
    switch self {
    case .help: "help"
    case .layout: "layout"
    case .exit: "exit"
    }
  }

  var usage: StaticString {
    switch self {
    case .help: "help [COMMAND]"
    case .layout: "layout"
    case .exit: "exit"
    }
  }

  /// What it does, in a line.
  var summary: StaticString {
    switch self {
    case .help: "list the commands, or say what one of them does"
    case .layout: "draw the address space from its live tables, and check the promises again"
    case .exit: "leave the emulator, with failure if a command has failed; on a PC, halt"
    }
  }

  /// Does it.
  @_lifetime(arguments: copy arguments)
  func run(_ arguments: inout Arguments) throws(CommandFailure) {
    switch self {
    case .help: try help(&arguments)
    case .layout: try layout(&arguments)
    case .exit:
      try arguments.finish()
      Monitor.end()
    }
  }
}
