// QEMU's debug stub: stops the guest at an address, and lies to it on request.

/// The client's side of gdb's remote protocol: `$packet#checksum`, each acknowledged by `+`.
final class Debugger {
  private let connection: Connection
  private var hasRun = false

  init(_ connection: Connection) { self.connection = connection }

  /// Lets the guest run until it comes to `address`.
  func run(to address: UInt64) throws { try run(to: [address]) }

  /// Lets the guest run until it comes to one of some addresses.
  func run(to addresses: [UInt64]) throws {
    // A breakpoint where the guest stands would stop it at once.
    if hasRun { try resume("s", to: addresses) }
    hasRun = true
    let breakpoints = addresses.map { "0,\(bareHex($0)),1" }
    for breakpoint in breakpoints { try ask("Z" + breakpoint) }
    try resume("c", to: addresses)
    for breakpoint in breakpoints { try ask("z" + breakpoint) }
  }

  private func resume(_ command: String, to addresses: [UInt64]) throws {
    send(command)
    guard let stop = answer() else {
      throw GuestError("the guest never came to \(addresses.map(hex))")
    }
    guard stop.hasPrefix("T05") else { throw GuestError("not at \(addresses.map(hex)): \(stop)") }
  }

  /// Lets the guest run, for good.
  func release() { send("c") }

  /// Registers, by gdb's numbers.
  enum Register: Int {
    case eax = 0
    case ebx = 1
    case rdi = 5
    case rbp = 6
    case rsp = 7
    case rip = 16
  }

  func setRegister(_ register: Register, to value: UInt64) throws {
    // The stub takes registers one by one only from who has read their description, or its start.
    send("qXfer:features:read:target.xml:0,1")
    guard answer() != nil else { throw GuestError("the debug stub describes no registers") }
    try ask("P\(bareHex(register.rawValue))=" + littleEndianHex(value))
  }

  func write(_ value: UInt64, at address: UInt64) throws {
    try ask("M\(bareHex(address)),8:" + littleEndianHex(value))
  }

  private func ask(_ packet: String) throws {
    send(packet)
    guard answer() == "OK" else { throw GuestError("the debug stub refuses \(packet)") }
  }

  private func send(_ packet: String) {
    let checksum = packet.utf8.reduce(0) { $0 &+ $1 }
    connection.send("$\(packet)#" + (checksum < 16 ? "0" : "") + bareHex(checksum))
  }

  /// The next packet, what stands between `$` and `#`; `nil` if QEMU ended.
  private func answer() -> String? {
    var packet: [UInt8] = []
    while let byte = connection.readByte() {
      switch byte {
      case UInt8(ascii: "$"): packet = []
      case UInt8(ascii: "#"):
        _ = (connection.readByte(), connection.readByte())
        connection.send("+")
        return String(decoding: packet, as: UTF8.self)
      default: packet.append(byte)
      }
    }
    return nil
  }
}

private func littleEndianHex(_ value: UInt64) -> String {
  (0..<8).map { index in
    let byte = value >> UInt64(8 * index) & 0xff
    return (byte < 16 ? "0" : "") + bareHex(byte)
  }.joined()
}

private func bareHex(_ value: some BinaryInteger) -> String { String(value, radix: 16) }
