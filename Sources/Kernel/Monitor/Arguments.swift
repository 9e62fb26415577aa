import BootInfo

/// The words behind a command's name. What is wrong with one is said in a line that ends with the
/// command's usage.
struct Arguments: ~Escapable {
  private var words: CommandLine.Words
  private let command: Command

  @_lifetime(copy words)
  init(_ words: CommandLine.Words, of command: Command) {
    self.words = words
    self.command = command
  }

  /// The next word, if there is one.
  @_lifetime(copy self)
  mutating func next() -> Word? { words.next() }

  /// Refuses words that are left.
  @_lifetime(self: copy self)
  mutating func finish() throws(CommandFailure) {
    if let word = words.next() { throw refuse("\(word) is one word too many") }
  }

  /// Says what is wrong with the arguments.
  func refuse(_ why: @autoclosure () -> Text) -> CommandFailure {
    printPart("\(command.name): ")
    _ = why()
    print("; usage: \(command.usage)")
    return CommandFailure()
  }
}
