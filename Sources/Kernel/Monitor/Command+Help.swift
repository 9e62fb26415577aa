import BootInfo

extension Command {
  @_lifetime(arguments: copy arguments)
  func help(_ arguments: inout Arguments) throws(CommandFailure) {
    guard let name = arguments.next() else {
      Command.forEachCase { command in
        print("  \(command.name, width: 10) \(command.words.summary)")
      }
      return print(
        "numbers: 4096, 0x1000, 0xffff_8000_0000_0000, 4K (and M, G, T); ranges: 0-4K, 0x1000+4K")
    }
    let command: Command = try arguments.choice(name, "COMMAND")
    try arguments.finish()
    print("\(command.words): \(command.words.summary)")
    var isFirst = true
    command.forEachArgument { name in
      printPart("\(isFirst ? "  one of" : "") \(name)")
      isFirst = false
    }
    if !isFirst { print("") }
  }
}
