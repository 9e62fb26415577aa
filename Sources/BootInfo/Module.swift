// Files that the boot loader brought along (multiboot2, "Modules"):
//
//       0        4        8        12       16
//      +--------+--------+--------+--------+------------------------+
//      | type 3 | size   | start  | end    | command line, 0        |
//      +--------+--------+--------+--------+------------------------+

public import Addressing

public struct Module: ~Escapable {
  /// The module's bytes; empty is allowed.
  public let range: Range<PhysicalAddress>

  public let commandLine: CommandLine

  /// Reads a checked tag.
  @_lifetime(copy tag)
  init(_ tag: Tag) {
    let start = PhysicalAddress(UInt64(tag.bytes.integer(UInt32.self, at: 8)))
    let end = PhysicalAddress(UInt64(tag.bytes.integer(UInt32.self, at: 12)))
    range = start..<end
    commandLine = CommandLine(tag.string(at: 16))
  }
}

/// Walks the modules of checked information: `while let module = modules.next() { … }`.
public struct Modules: ~Escapable {
  private let information: RawSpan
  private var offset: Int

  @_lifetime(copy information)
  init(of information: BootInformation) {
    self.information = information.bytes
    offset = 8
  }

  @_lifetime(copy self)
  public mutating func next() -> Module? {
    while true {
      let tag = Tag(checked: information, at: offset)
      if tag.type == .end { return nil }
      offset = tag.end
      if tag.type == .module { return Module(tag) }
    }
  }
}
