import Addressing
import BootInfo

/// `mem=` and `memmap=` on the command line: what whoever boots knows better than the firmware.
/// They are believed, even where they invent RAM.
enum MemoryMapWords {
  static func isOne(_ word: borrowing Word) -> Bool {
    if word.value(ofKey: "mem") != nil { return true }
    if word.value(ofKey: "memmap") != nil { return true }
    return false
  }

  /// Changes the reports of `map` word by word, and says so; names what is not understood.
  static func change(
    _ map: inout MemoryMap, _ commandLine: CommandLine
  ) throws(MemoryMapError) {
    var words = commandLine.words
    while let word = words.next() {
      if let size = word.value(ofKey: "mem") {
        if let change = MemoryMapChange(mem: size) {
          try apply(change, to: &map)
        } else {
          print("highland: not understood on the command line: mem=\(size)")
        }
      } else if let value = word.value(ofKey: "memmap") {
        var pieces = value.pieces
        while let piece = pieces.next() {
          if let change = MemoryMapChange(memmap: piece) {
            try apply(change, to: &map)
          } else {
            print("highland: not understood on the command line: memmap=\(piece)")
          }
        }
      }
    }
  }

  private static func apply(
    _ change: MemoryMapChange, to map: inout MemoryMap
  ) throws(MemoryMapError) {
    try map.apply(change)
    switch change {
    case .add(let range, let kind):
      print(
        """
        memory map changed by the command line: \
        \(range.lowerBound) - \(range.upperBound) \(kind.name)
        """)
    case .endUsable(let end):
      print("memory map changed by the command line: usable RAM ends at \(end)")
    }
  }
}
