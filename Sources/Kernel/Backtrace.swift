import Addressing
import KernelSpace
import Machine
import PageTables

// Who called whom, a line a function, innermost first:
//
//       #0  store8 + 0x9
//       #1  DeliberateFault.commit(_:) + 0x1f4
//
// Something is wrong when this runs, and the stack may be what is wrong: see FrameChain. A function
// that ends by a jump into another one is not there any more, and not in the list.

enum Backtrace {
  private static var mostFrames: Int { 16 }
  // SAFETY: one CPU, interrupts off; likewise below.
  private nonisolated(unsafe) static var isPrinting = false

  /// Prints where a fault was, and the way there.
  static func print(_ fault: TrapFrame) {
    guard begin() else { return }
    let rip = VirtualAddress(fault.rip)
    printLine(0, "\(function: rip)")
    var number = 1
    if let caller = callerWithoutFrame(fault) {
      printLine(1, "\(caller: caller)")
      number = 2
    }
    printCallers(number, from: VirtualAddress(fault.rbp))
    unsafe isPrinting = false
  }

  /// Prints the way to the function that calls this.
  @inline(never) static func printHere() {
    guard begin() else { return }
    printCallers(0, from: VirtualAddress(readFramePointer()))
    unsafe isPrinting = false
  }

  /// A panic of what prints, or before the image is known, has no backtrace.
  private static func begin() -> Bool {
    guard KernelState.hasBegun, unsafe !isPrinting else { return false }
    unsafe isPrinting = true
    return true
  }

  private static func printCallers(_ first: Int, from framePointer: VirtualAddress) {
    var chain = FrameChain(from: framePointer)
    for number in first..<mostFrames {
      let step = chain.next(
        stack: { address in stack(holding: address) }, load: { address in load(address) },
        isCode: { address in KernelState.image.text.contains(address) })
      switch step {
      case .caller(let address): printLine(number, "\(caller: address)")
      case .end: return
      case .broken(let damage):
        printPart("  backtrace ends: ")
        switch damage {
        case .misaligned(let frame): Kernel.print("frame pointer \(frame) is not aligned")
        case .outsideStacks(let frame): Kernel.print("frame pointer \(frame) is in no stack")
        case .notAscending(let frame):
          Kernel.print("frame pointer \(frame) does not lie above the one before")
        case .notCode(let address):
          Kernel.print("return address \(address) is not in kernel text")
        }
        return
      }
    }
    Kernel.print("  backtrace ends: there are more than \(mostFrames) frames")
  }

  private static func printLine(_ number: Int, _ function: @autoclosure () -> Text) {
    printPart("  #\(UInt64(number)) \(number < 10 ? " " : "")")
    Kernel.print(function())
  }

  /// Where a function returns to that has no frame yet: at its first or second instruction, which
  /// make the frame; in one of boot/memory.asm; or where there is no function, as after a call
  /// through a bad pointer.
  private static func callerWithoutFrame(_ fault: TrapFrame) -> VirtualAddress? {
    let text = KernelState.image.text
    let rip = VirtualAddress(fault.rip)
    var place = VirtualAddress(fault.rsp)
    if text.contains(rip), !KernelState.frameless.contains(rip) {
      guard let start = KernelState.symbols.function(at: rip - text.lowerBound)?.start else {
        return nil
      }
      // PUSH RBP is one byte long.
      switch rip - text.lowerBound - start {
      case 0: break
      case 1: place = place + 8
      default: return nil
      }
    }
    guard place.rawValue & 7 == 0, stack(holding: place) != nil, let word = load(place),
      case let caller = VirtualAddress(word), text.contains(caller)
    else { return nil }
    return caller
  }

  /// The stack that holds an address.
  private static func stack(holding address: VirtualAddress) -> Range<VirtualAddress>? {
    let stacks = KernelState.image.stacks
    for index in stacks.indices where stacks[index].contains(address) { return stacks[index] }
    guard KernelState.layout.vmalloc.contains(address),
      case .inside(let area) = AreaGlimpse(address)
    else { return nil }
    return area
  }

  /// Reads a word of a stack. One in an area may have been unmapped.
  private static func load(_ address: VirtualAddress) -> UInt64? {
    if KernelState.layout.vmalloc.contains(address) {
      guard let mapping = try? KernelState.liveReader.query(address),
        mapping.property.rights.contains(.write)
      else { return nil }
    }
    return load64(address.rawValue)
  }
}

extension Text.Interpolation {
  /// The function that an instruction belongs to, and how far into it: `memcpy + 0xb`.
  func appendInterpolation(function address: VirtualAddress) {
    put(address, inFunctionAt: address)
  }

  /// The function that a call returns to. If it expects no return the call may be its last
  /// instruction, and the return address be in the next function already.
  func appendInterpolation(caller address: VirtualAddress) {
    put(address, inFunctionAt: address - 1)
  }

  @inline(never) private func put(
    _ address: VirtualAddress, inFunctionAt inside: VirtualAddress
  ) {
    let text = KernelState.image.text
    guard text.contains(inside),
      let symbol = KernelState.symbols.function(at: inside - text.lowerBound)
    else { return appendInterpolation(address) }
    appendInterpolation(symbol.name)
    appendLiteral(" + ")
    appendInterpolation(shortHex: address - text.lowerBound - symbol.start)
  }
}
