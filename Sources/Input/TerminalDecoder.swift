// A terminal sends the characters that are typed, and for keys that have none a sequence (ECMA-48, 5.4;
// the rest is the custom of the VT100 and its heirs):
//
//     ESC [ A          up            ESC [ 3 ~        delete
//     ESC O A          up, too       ESC [ 1 ; 5 C    right, with the control key held

/// Turns what a terminal sends, byte by byte, into keys.
///
/// A sequence with no meaning here is nothing. One that breaks off ends where a control character
/// comes, which counts as such: whatever came before, Enter is Enter. What is not ASCII counts as `?`,
/// once for each character in UTF-8.
public struct TerminalDecoder: Sendable {
  private enum State {
    case text
    /// Behind ESC.
    case escape
    /// Behind `ESC O`: one more to come.
    case single
    /// Behind `ESC [ [`, as a Linux console has it for its function keys: one more, of no meaning here.
    case function
    /// Behind `ESC [`: parameters, then a final byte.
    case sequence
  }

  private var state = State.text
  /// The first parameter of the sequence, 255 if it is larger.
  private var parameter: UInt8 = 0
  private var isFirstParameter = true
  /// The byte before was a carriage return: a line feed now belongs to it.
  private var isAfterReturn = false

  public init() {}

  /// The key that is complete with this byte, if one is.
  public mutating func decode(_ byte: UInt8) -> Key? {
    let isSecondOfPair = isAfterReturn && byte == 0x0a
    isAfterReturn = byte == 0x0d
    if isSecondOfPair { return nil }
    switch byte {
    case 0x1b:
      state = .escape
      return nil
    case 0x00..<0x20:
      state = .text
      return Key(control: byte + 0x40)
    case 0x7f:
      state = .text
      return .backspace
    case 0x80...0xff:
      state = .text
      // What goes on with a character is not one of its own.
      return byte < 0xc0 ? nil : .character(UInt8(ascii: "?"))
    default:
      break
    }
    switch state {
    case .text: return .character(byte)
    case .escape: return begin(byte)
    case .single:
      state = .text
      return Self.key(byte)
    case .function:
      state = .text
      return nil
    case .sequence: return goOn(byte)
    }
  }

  private mutating func begin(_ byte: UInt8) -> Key? {
    switch byte {
    case UInt8(ascii: "["): (state, parameter, isFirstParameter) = (.sequence, 0, true)
    case UInt8(ascii: "O"): state = .single
    default:
      // The escape key alone, and then another.
      state = .text
      return .character(byte)
    }
    return nil
  }

  private mutating func goOn(_ byte: UInt8) -> Key? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      guard isFirstParameter else { return nil }
      let (tens, overflow) = parameter.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(byte - UInt8(ascii: "0"))
      parameter = overflow || carry ? 255 : sum
      return nil
    case 0x20..<0x40:
      isFirstParameter = false
      return nil
    case UInt8(ascii: "["):
      state = .function
      return nil
    default:
      state = .text
      return byte == UInt8(ascii: "~") ? Self.key(numbered: parameter) : Self.key(byte)
    }
  }

  private static func key(_ final: UInt8) -> Key? {
    switch final {
    case UInt8(ascii: "A"): .up
    case UInt8(ascii: "B"): .down
    case UInt8(ascii: "C"): .right
    case UInt8(ascii: "D"): .left
    case UInt8(ascii: "F"): .end
    case UInt8(ascii: "H"): .home
    case UInt8(ascii: "M"): .enter  // of a keypad, behind ESC O
    default: nil
    }
  }

  private static func key(numbered number: UInt8) -> Key? {
    switch number {
    case 1, 7: .home
    case 3: .delete
    case 4, 8: .end
    default: nil
    }
  }
}
