// QEMU's monitor: the outside look at registers and physical memory.

import Foundation

/// QEMU's machine protocol: a JSON object a line, each way.
struct Monitor {
  private let connection: Connection
  /// Where QEMU writes the memory that is asked for.
  private let dump: URL

  init(_ connection: Connection, dump: URL) throws {
    self.connection = connection
    self.dump = dump
    _ = connection.readLine()  // the greeting
    try ask("qmp_capabilities")
  }

  @discardableResult
  func ask(_ command: String, _ arguments: [String: Any] = [:]) throws -> Any {
    let question: [String: Any] = ["execute": command, "arguments": arguments]
    let json = try JSONSerialization.data(withJSONObject: question)
    connection.send(String(decoding: json, as: UTF8.self) + "\n")
    while let line = connection.readLine() {
      let message = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] ?? [:]
      if let answer = message["return"] { return answer }
      if let error = message["error"] { throw GuestError("\(command): \(error)") }
      // Anything else is an event that nobody asked for.
    }
    throw GuestError("QEMU ended before it answered \(command)")
  }

  /// Waits for QEMU's end and tells why it ends: what its last event says.
  func shutdownReason() throws -> String? {
    while let line = connection.readLine() {
      let message = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] ?? [:]
      guard message["event"] as? String == "SHUTDOWN" else { continue }
      return (message["data"] as? [String: Any])?["reason"] as? String
    }
    return nil
  }

  /// What the monitor for humans says to `line`.
  func tell(_ line: String) throws -> String {
    try ask("human-monitor-command", ["command-line": line]) as? String ?? ""
  }

  func physicalMemory(at address: UInt64, count: Int) throws -> [UInt8] {
    try ask("pmemsave", ["val": address, "size": count, "filename": dump.path])
    defer { try? FileManager.default.removeItem(at: dump) }
    return [UInt8](try Data(contentsOf: dump))
  }

  /// Words of memory as the stopped guest's page table has it.
  func words(at address: UInt64, count: Int) throws -> [UInt64] {
    try ask(
      "memsave", ["val": Int64(bitPattern: address), "size": count * 8, "filename": dump.path])
    defer { try? FileManager.default.removeItem(at: dump) }
    let bytes = [UInt8](try Data(contentsOf: dump))
    guard bytes.count == count * 8 else { throw GuestError("no memory at \(hex(address))") }
    return stride(from: 0, to: bytes.count, by: 8).map { start in
      bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  /// What the guest's screen shows.
  func screenshot() throws -> Screenshot {
    try ask("screendump", ["filename": dump.path])
    defer { try? FileManager.default.removeItem(at: dump) }
    return try Screenshot(portablePixmap: [UInt8](Data(contentsOf: dump)))
  }

  func registers() throws -> Registers { Registers(try tell("info registers")) }
}

/// What `info registers` prints: `RAX=0000000000000020 ... CR3=0000000000100000 ... HLT=0`.
struct Registers {
  private let text: String

  init(_ text: String) { self.text = text }

  subscript(name: String) -> UInt64 {
    get throws {
      guard
        let found = text.range(of: "\\b\(name) *=", options: .regularExpression),
        let value = UInt64(text[found.upperBound...].prefix(while: \.isHexDigit), radix: 16)
      else { throw GuestError("no register \(name)") }
      return value
    }
  }
}
