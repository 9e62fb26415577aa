import Addressing
import BootInfo
import Machine

/// The commands that `run=` on the command line asks for, kept until the kernel is ready: the boot
/// loader's memory, where they come from, is given back before.
enum UnattendedCommands {
  // SAFETY: one CPU, and it boots.
  private nonisolated(unsafe) static var byteCount = 0

  /// Keeps the commands of all `run=` words, in their order.
  static func keep(_ commandLine: CommandLine) {
    var words = commandLine.words
    while let word = words.next() {
      guard let line = word.value(ofKey: "run") else { continue }
      if unsafe byteCount > 0 { append(UInt8(ascii: ";")) }
      line.forEachByte(append)
    }
  }

  private static func append(_ byte: UInt8) {
    let record = KernelState.bootRecord
    guard unsafe UInt64(byteCount) < record.runLineSize else {
      cannotBoot("run= asks for more than \(record.runLineSize) bytes of commands")
    }
    store8(record.runLine + UInt64(unsafe byteCount), byte)
    unsafe byteCount += 1
  }

  /// Runs them, each behind a line that names it.
  static func run() {
    // SAFETY: written by `keep` and by nobody else.
    let line = unsafe mappedBytes(
      at: VirtualAddress(KernelState.bootRecord.runLine), count: byteCount)
    var commands = CommandLine(line).commands
    while let command = commands.next() {
      guard !command.bytes.isEmpty else { continue }
      print("highland> \(command.bytes)")
      Monitor.run(command.bytes)
    }
  }
}
