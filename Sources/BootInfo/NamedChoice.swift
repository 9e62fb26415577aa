/// A fixed choice, each case of which has a name to be typed. The raw values count up from zero.
///
/// `CaseIterable` would bring an array of all cases, and so a heap.
public protocol NamedChoice: RawRepresentable where RawValue == UInt8 {
  var name: StaticString { get }
}

extension NamedChoice {
  /// The case of that name; `nil` if there is none.
  public init?(named name: borrowing Word) {
    var number: UInt8 = 0
    while let choice = Self(rawValue: number) {
      if name == choice.name {
        self = choice
        return
      }
      number += 1
    }
    return nil
  }

  /// Calls `body` with each case, in order.
  public static func forEachCase(_ body: (Self) -> Void) {
    var number: UInt8 = 0
    while let choice = Self(rawValue: number) {
      body(choice)
      number += 1
    }
  }
}
