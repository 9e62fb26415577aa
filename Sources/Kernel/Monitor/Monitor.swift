import BootInfo
import Machine

// The monitor: commands that look at the live address space, and play with it. They come from the
// prompt, or from `run=` on the command line; a line holds any number, with semicolons between them.
//
//     line   walk 0xffff_8000_0000_0000; map a 16K "rw"
//            `---- command ----'
//            name `-- argument -'          quotes as on the command line
//
// Commands run one at a time, on one CPU; those from the prompt with interrupts on. What they print
// they read before, under the lock; none is held while they print, for that may take long.

enum Monitor {
  // SAFETY: one CPU runs commands.
  private nonisolated(unsafe) static var hasFailed = false

  /// Runs the commands of a line, one after the other. One that fails says why in one sentence, and
  /// the next runs.
  static func run(_ line: RawSpan) {
    var commands = CommandLine(line).commands
    while let command = commands.next() { run(command) }
  }

  private static func run(_ line: CommandLine) {
    var words = line.words
    guard let name = words.next() else { return }
    guard let command = Command(named: name) else {
      unsafe hasFailed = true
      return print("no command is called \(name); help lists them all")
    }
    var arguments = Arguments(words, of: command)
    do throws(CommandFailure) { try command.run(&arguments) } catch { unsafe hasFailed = true }
  }

  /// Tells an emulator, if there is one, that a command has failed: it then ends here.
  static func reportFailure() { if unsafe hasFailed { out8(0xf4, Ending.failure.rawValue) } }

  /// Leaves the emulator: with success if no command has failed.
  static func end() -> Never { Kernel.end(unsafe hasFailed ? .failure : .success) }
}

/// A command could not do what it was asked for, and has said why.
struct CommandFailure: Error {}
