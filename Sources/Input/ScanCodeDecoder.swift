// A PC keyboard sends a scan code for each key that goes down and another for each that comes up. These
// are those of set 1, which is what the keyboard controller makes of set 2:
//
//     1e        A goes down              e0 4b     the left arrow goes down: e0 is a prefix
//     9e        A comes up: bit 7        e0 cb     and comes up

/// Turns the scan codes of a keyboard with US layout, byte by byte, into keys.
///
/// The keypad counts as digits. What has no meaning here, broken sequences too, is nothing.
public struct ScanCodeDecoder: Sendable {
  private enum Prefix { case none, extended, pause }

  private var prefix = Prefix.none
  /// The codes that are left of the pause key's.
  private var skipped = 0
  private var leftShift = false
  private var rightShift = false
  private var leftControl = false
  private var rightControl = false
  private var capsLock = false

  public init() {}

  /// The key that is struck by this byte, if one is.
  public mutating func decode(_ byte: UInt8) -> Key? {
    switch byte {
    case 0xe0:
      prefix = .extended
      return nil
    case 0xe1:
      // e1 1d 45 e1 9d c5: the pause key, whose codes are those of other keys.
      (prefix, skipped) = (.pause, 2)
      return nil
    default:
      break
    }
    let (code, isDown) = (byte & 0x7f, byte & 0x80 == 0)
    switch prefix {
    case .none:
      return plain(code, isDown)
    case .extended:
      prefix = .none
      return extended(code, isDown)
    case .pause:
      skipped -= 1
      if skipped == 0 { prefix = .none }
      return nil
    }
  }

  private mutating func plain(_ code: UInt8, _ isDown: Bool) -> Key? {
    switch code {
    case 0x1d: leftControl = isDown
    case 0x2a: leftShift = isDown
    case 0x36: rightShift = isDown
    case 0x3a: if isDown { capsLock.toggle() }
    default: return isDown ? key(code) : nil
    }
    return nil
  }

  private func key(_ code: UInt8) -> Key? {
    switch code {
    case 0x0e: return .backspace
    case 0x0f: return .tab
    case 0x1c: return .enter
    default: break
    }
    let shift = leftShift || rightShift
    guard let character = Self.character(code, shift: shift) else { return nil }
    let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character | 0x20)
    if leftControl || rightControl { return isLetter ? Key(control: character & ~0x20) : nil }
    return .character(isLetter && capsLock ? character ^ 0x20 : character)
  }

  private mutating func extended(_ code: UInt8, _ isDown: Bool) -> Key? {
    if code == 0x1d { rightControl = isDown }
    // e0 2a and e0 aa, which some keyboards send around arrows, are no shift key: they fall through.
    guard isDown else { return nil }
    switch code {
    case 0x1c: return .enter
    case 0x35: return .character(UInt8(ascii: "/"))
    case 0x47: return .home
    case 0x48: return .up
    case 0x4b: return .left
    case 0x4d: return .right
    case 0x4f: return .end
    case 0x50: return .down
    case 0x53: return .delete
    default: return nil
    }
  }

  /// The rows of the keyboard, from the top left; codes count up along a row.
  private static func character(_ code: UInt8, shift: Bool) -> UInt8? {
    func key(_ first: UInt8, _ plain: StaticString, _ shifted: StaticString) -> UInt8 {
      (shift ? shifted : plain).byte(at: Int(code - first))
    }
    return switch code {
    case 0x02...0x0d: key(0x02, "1234567890-=", "!@#$%^&*()_+")
    case 0x10...0x1b: key(0x10, "qwertyuiop[]", "QWERTYUIOP{}")
    case 0x1e...0x29: key(0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~")
    case 0x2b...0x35: key(0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?")
    case 0x37: UInt8(ascii: "*")
    case 0x39: UInt8(ascii: " ")
    case 0x47...0x53: key(0x47, "789-456+1230.", "789-456+1230.")
    case 0x56: key(0x56, "\\", "|")  // beside the left shift key, where there is one
    default: nil
    }
  }
}
