import Addressing
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

  /// The next word; `what` is its name in the usage.
  @_lifetime(copy self)
  mutating func next(_ what: StaticString) throws(CommandFailure) -> Word {
    guard let word = words.next() else { throw refuse("\(what) is missing") }
    return word
  }

  /// Refuses words that are left.
  @_lifetime(self: copy self)
  mutating func finish() throws(CommandFailure) {
    if let word = words.next() { throw refuse("\(word) is one word too many") }
  }

  func number(_ word: borrowing Word) throws(CommandFailure) -> UInt64 {
    do throws(NumberError) { return try word.number() } catch {
      switch error {
      case .notANumber: throw refuse("\(word) is not a number")
      case .tooLarge: throw refuse("\(word) is more than 64 bits hold")
      }
    }
  }

  func range(_ word: borrowing Word) throws(CommandFailure) -> Range<UInt64> {
    do throws(NumberError) { return try word.range() } catch {
      switch error {
      case .notANumber: throw refuse("\(word) is not a range, START-END or START+SIZE")
      case .tooLarge: throw refuse("\(word) is more than 64 bits hold")
      }
    }
  }

  func choice<Choice: NamedChoice>(
    _ word: borrowing Word, _ what: StaticString
  ) throws(CommandFailure) -> Choice {
    guard let choice = Choice(named: word) else {
      printStart()
      printPart("\(word) is no \(what), which is one of")
      Choice.forEachCase { choice in printPart(" \(choice.name)") }
      throw refused()
    }
    return choice
  }

  /// Says what is wrong with the arguments.
  func refuse(_ why: @autoclosure () -> Text) -> CommandFailure {
    printStart()
    _ = why()
    return refused()
  }

  private func printStart() { printPart("\(command.name): ") }

  private func refused() -> CommandFailure {
    print("; usage: \(command.words)")
    return CommandFailure()
  }
}

extension Command {
  /// Says why a command could not do what it was asked for, although its arguments were fine.
  func fail(_ why: @autoclosure () -> Text) -> CommandFailure {
    printPart("\(name): ")
    print(why())
    return CommandFailure()
  }
}
