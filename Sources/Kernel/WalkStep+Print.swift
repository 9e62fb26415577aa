import Addressing
import PageTables

extension WalkStep {
  /// The entry, where it stands and what it is: a line.
  func print() {
    printPart("  level \(level)   entry \(index, width: 3) of \(table): \(hex: entry.rawValue) ")
    switch entry.item(atLevel: level) {
    case .absent: Kernel.print("not present")
    case .table: Kernel.print("table")
    case .leaf(_, let size):
      let property = entry.property(size: size)
      Kernel.print("\(bytes: size.byteCount) page \(property.rights.word)")
    }
  }

  /// The flags that the CPU looks at and are set (SDM volume 3, tables 4-15 to 4-20): a line.
  func printFlags() {
    printPart("            ")
    switch entry.item(atLevel: level) {
    case .absent: return Kernel.print("no flags: not present")
    case .table: printFlags(Self.flagsOfTables)
    case .leaf(_, let size):
      printFlags(Self.flagsOfTables)
      printFlags(Self.flagsOfLeaves)
      if size != .size4KiB { printPart(" page-size") }
      if entry.rawValue >> (size == .size4KiB ? 7 : 12) & 1 != 0 { printPart(" PAT") }
    }
    Kernel.print("\(entry.rawValue >> 63 != 0 ? " execute-disable" : "")")
  }

  private typealias Flag = (bit: UInt64, name: StaticString)

  private func printFlags<let count: Int>(_ flags: InlineArray<count, Flag>) {
    for index in flags.indices where entry.rawValue >> flags[index].bit & 1 != 0 {
      printPart(" \(flags[index].name)")
    }
  }

  private static var flagsOfTables: InlineArray<6, Flag> {
    [
      (0, "present"), (1, "writable"), (2, "user"), (3, "write-through"), (4, "cache-disable"),
      (5, "accessed"),
    ]
  }

  private static var flagsOfLeaves: InlineArray<2, Flag> { [(6, "dirty"), (8, "global")] }
}
