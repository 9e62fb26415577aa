/// A key that was struck, whichever way it came: from a terminal at the end of a serial line or from the
/// keyboard. Held control keys are told by what they ask for, as shells have it.
public enum Key: Equatable, Sendable {
  /// A printable ASCII character, 0x20 to 0x7e.
  case character(UInt8)
  case enter, tab
  case left, right, home, end
  case up, down
  case backspace, delete
  case eraseWord, eraseToStart, eraseToEnd
  case cancel

  /// What a letter with the control key held asks for.
  ///
  /// - Parameter letter: `A` to `Z`.
  public init?(control letter: UInt8) {
    switch letter {
    case UInt8(ascii: "A"): self = .home
    case UInt8(ascii: "B"): self = .left
    case UInt8(ascii: "C"): self = .cancel
    case UInt8(ascii: "D"): self = .delete
    case UInt8(ascii: "E"): self = .end
    case UInt8(ascii: "F"): self = .right
    case UInt8(ascii: "H"): self = .backspace
    case UInt8(ascii: "I"): self = .tab
    case UInt8(ascii: "J"), UInt8(ascii: "M"): self = .enter
    case UInt8(ascii: "K"): self = .eraseToEnd
    case UInt8(ascii: "N"): self = .down
    case UInt8(ascii: "P"): self = .up
    case UInt8(ascii: "U"): self = .eraseToStart
    case UInt8(ascii: "W"): self = .eraseWord
    default: return nil
    }
  }
}
