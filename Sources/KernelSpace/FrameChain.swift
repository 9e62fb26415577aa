import Addressing

// Who called whom, by the frame pointers that every function leaves on its stack (System V ABI for
// x86-64, 3.2.2):
//
//      higher addresses
//      |                  |
//      | return address   | -> into the caller's caller
//      | its caller's rbp | <---,
//      |  caller's frame  |     |
//      | return address   | ----|-> into the caller
//      | caller's rbp     | ----'      <- rbp
//      |  frame           |
//
// Somebody may have written over all that. So nothing is read but in a stack, upward, and nothing is
// believed to be a return address but an address of code.

/// A walk from frame to frame, toward whoever began.
public struct FrameChain {
  /// One step.
  public enum Step: Equatable, Sendable {
    /// Where the function returns to.
    case caller(VirtualAddress)
    /// There is no frame any more: a frame pointer of 0 was put there for this.
    case end
    /// What was found cannot be right.
    case broken(Damage)
  }

  /// What is wrong, and with which address.
  public enum Damage: Equatable, Sendable {
    case misaligned(VirtualAddress)
    case outsideStacks(VirtualAddress)
    /// A frame at or below the one before, on the same stack.
    case notAscending(VirtualAddress)
    case notCode(VirtualAddress)
  }

  private var frame: VirtualAddress
  /// The stack of the frame before, and where there the next one may lie.
  private var rest: Range<VirtualAddress>?
  private var stack: Range<VirtualAddress>?

  public init(from framePointer: VirtualAddress) { frame = framePointer }

  /// Goes to the next frame.
  ///
  /// - Parameters:
  ///   - stack: the stack that holds an address; `nil` if none does.
  ///   - load: reads eight bytes of a stack; `nil` where nothing is mapped.
  ///   - isCode: whether a function may lie at an address.
  public mutating func next(
    stack stackHolding: (VirtualAddress) -> Range<VirtualAddress>?,
    load: (VirtualAddress) -> UInt64?, isCode: (VirtualAddress) -> Bool
  ) -> Step {
    if frame.rawValue == 0 { return .end }
    // The ABI keeps frames at multiples of 16.
    guard frame.rawValue & 15 == 0 else { return .broken(.misaligned(frame)) }
    if let stack, stack.contains(frame) {
      guard let rest, rest.contains(frame) else { return .broken(.notAscending(frame)) }
    } else {
      stack = stackHolding(frame)
    }
    guard let stack, stack.upperBound - frame >= 16, let next = load(frame),
      let word = load(frame + 8)
    else { return .broken(.outsideStacks(frame)) }
    let returnAddress = VirtualAddress(word)
    guard isCode(returnAddress) else { return .broken(.notCode(returnAddress)) }
    rest = frame + 16..<stack.upperBound
    frame = VirtualAddress(next)
    return .caller(returnAddress)
  }
}
