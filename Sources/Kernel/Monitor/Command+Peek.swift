import Addressing
import BootInfo
import KernelSpace
import Machine
import PageTables

// Memory read and written by hand. Nothing is touched before the live tables have said that all of it
// is there and, to write, writable; and RAM is probed, in case they are damaged.

/// How much one access takes, in nasm's words.
enum AccessUnit: UInt8, NamedChoice {
  case byte, word, dword, qword

  var name: StaticString {
    switch self {
    case .byte: "byte"
    case .word: "word"
    case .dword: "dword"
    case .qword: "qword"
    }
  }

  var byteCount: UInt64 { 1 << UInt64(rawValue) }

  func load(_ address: VirtualAddress) -> UInt64 {
    switch self {
    case .byte: UInt64(load8(address.rawValue))
    case .word: UInt64(load16(address.rawValue))
    case .dword: UInt64(load32(address.rawValue))
    case .qword: load64(address.rawValue)
    }
  }

  func store(_ value: UInt64, to address: VirtualAddress) {
    switch self {
    case .byte: store8(address.rawValue, UInt8(truncatingIfNeeded: value))
    case .word: store16(address.rawValue, UInt16(truncatingIfNeeded: value))
    case .dword: store32(address.rawValue, UInt32(truncatingIfNeeded: value))
    case .qword: store64(address.rawValue, value)
    }
  }
}

extension Command {
  /// Shows memory, 16 bytes a line. The unit is how it is read, which matters to devices.
  @_lifetime(arguments: copy arguments)
  func peek(_ arguments: inout Arguments) throws(CommandFailure) {
    let start = VirtualAddress(try arguments.number(arguments.next("ADDRESS")))
    var byteCount: UInt64 = 64
    var unit = AccessUnit.byte
    if let word = arguments.next() {
      byteCount = try arguments.number(word)
      guard byteCount > 0, byteCount <= 64 << 10 else {
        throw arguments.refuse("\(word) is not from 1 to 64K bytes")
      }
    }
    if let word = arguments.next() { unit = try arguments.choice(word, "UNIT") }
    try arguments.finish()
    guard byteCount % unit.byteCount == 0 else {
      throw arguments.refuse("\(byteCount) bytes are no whole number of \(unit.name)s")
    }
    try check(start, byteCount, for: .none)

    for line in stride(from: 0, to: byteCount, by: 16) {
      let address = start + line
      let count = min(16, byteCount - line)
      printPart("  \(address) ")
      var bytes = InlineArray<16, UInt8>(repeating: 0)
      for offset in stride(from: UInt64(0), to: 16, by: Int(unit.byteCount)) {
        guard offset < count else {
          printPart(" \("", width: 2 * Int(unit.byteCount))")
          continue
        }
        let value = unit.load(address + offset)
        printPart(" \(digits: value, count: 2 * unit.byteCount)")
        for byte in 0..<unit.byteCount {
          bytes[Int(offset + byte)] = UInt8(truncatingIfNeeded: value >> (8 * byte))
        }
      }
      printPart("  ")
      for index in 0..<Int(count) {
        let isPrintable = bytes[index] >= 0x20 && bytes[index] < 0x7f
        Console.put(isPrintable ? bytes[index] : UInt8(ascii: "."))
      }
      print("")
    }
  }

  /// Writes one value, and shows what was there and what is.
  @_lifetime(arguments: copy arguments)
  func poke(_ arguments: inout Arguments) throws(CommandFailure) {
    let address = VirtualAddress(try arguments.number(arguments.next("ADDRESS")))
    let value = try arguments.number(arguments.next("VALUE"))
    var unit = AccessUnit.byte
    if let word = arguments.next() { unit = try arguments.choice(word, "UNIT") }
    try arguments.finish()
    guard unit == .qword || value >> (8 * unit.byteCount) == 0 else {
      throw arguments.refuse("\(shortHex: value) does not fit in a \(unit.name)")
    }
    try check(address, unit.byteCount, for: .write)
    let old = unit.load(address)
    unit.store(value, to: address)
    let new = unit.load(address)
    let count = 2 * unit.byteCount
    print("\(address): 0x\(digits: old, count: count) is now 0x\(digits: new, count: count)")
  }

  /// Refuses memory that is not there, or not writable.
  private func check(
    _ start: VirtualAddress, _ byteCount: UInt64, for wanted: Rights
  ) throws(CommandFailure) {
    let (last, wraps) = start.rawValue.addingReportingOverflow(byteCount - 1)
    guard !wraps else { throw fail("\(start) and \(byteCount) bytes run past the last address") }
    var address = start
    while true {
      let place = KernelState.layout.window(of: address).place
      guard let page = Translation(of: address) else {
        throw fail("nothing is mapped at \(address), in \(place)")
      }
      guard page.rights.contains(wanted) else {
        throw fail("\(address), in \(place), is \(page.rights.word): it can't be written to")
      }
      // To read a device's register may do something; RAM can be read without consequence.
      if page.memoryType == .writeBack, Probe.read(address) != nil {
        throw fail("\(address) is mapped, yet the CPU refuses to read it: the tables are damaged")
      }
      let lastOfPage = address.rawValue | page.size.offsetMask
      guard lastOfPage < last else { return }
      address = VirtualAddress(lastOfPage + 1)
    }
  }
}
