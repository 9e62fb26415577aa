// Talking to a booted guest: lines typed on its serial port, keys struck on its keyboard, and what it
// answers.

import Foundation

/// A guest at its prompt.
final class Prompt {
  static let text = "highland> "

  let guest: Guest
  /// What the kernel said before it first asked.
  private(set) var boot: [String] = []
  private let sender = DispatchQueue(label: "typing")
  /// What was read while keys were struck.
  private var heard: [UInt8] = []

  /// Boots up to the prompt.
  init(_ hardware: Hardware = Hardware(), commandLine: String = "", video: String? = nil) throws {
    guest = try Guest(hardware, commandLine: commandLine, video: video, deadline: 300)
    guest.debugger.release()
    if hardware.hasSerialPort { boot = try answer() }
  }

  /// Types a line, and returns what the kernel says until it asks again. The first line is the echo.
  func enter(_ line: String) throws -> [String] {
    type(line + "\r")
    return try answer()
  }

  /// Types; what the kernel says to it can be read at the same time.
  func type(_ text: String) { type(Array(text.utf8)) }

  func type(_ bytes: [UInt8]) {
    let input = guest.input
    sender.async { input.send(bytes) }
  }

  /// What the kernel says until it asks again, or says `end`, as a terminal shows it. The first line is
  /// what was typed.
  func answer(until end: String = "\n" + text) throws -> [String] {
    let end = Array(end.utf8)
    var bytes: [UInt8] = []
    var waiting = heard[...]
    while !bytes.hasSuffix(end) {
      guard let byte = waiting.popFirst() ?? guest.output.readByte() else {
        let seen = String(decoding: bytes.suffix(1000), as: UTF8.self)
        throw GuestError("the guest ended while it was listened to: …\(seen)")
      }
      bytes.append(byte)
    }
    heard = Array(waiting)
    return Self.lines(of: bytes)
  }

  /// Strikes keys on the keyboard, by QEMU's names, each once the kernel has begun to answer the one
  /// before: a keyboard holds few.
  func strike(_ keys: String...) throws {
    for key in keys {
      _ = try guest.monitor.tell("sendkey \(key) 1")
      repeat {
        guard let byte = guest.output.readByte() else {
          throw GuestError("the guest ended when \(key) was struck")
        }
        heard.append(byte)
      } while guest.output.isReadable
    }
  }

  /// What a terminal shows of the bytes, its last row, where the prompt is, aside.
  private static func lines(of bytes: [UInt8]) -> [String] {
    var lines: [[UInt8]] = [[]]
    var column = 0
    for byte in bytes {
      switch byte {
      case 0x07: break
      case 0x08: column = max(0, column - 1)
      case 0x0d: column = 0
      case 0x0a: lines.append([])
      default:
        let last = lines.count - 1
        lines[last].replaceSubrange(column..<min(column + 1, lines[last].count), with: [byte])
        column += 1
      }
    }
    return lines.dropLast().map { withoutBlanksAtEnd(String(decoding: $0, as: UTF8.self)) }
  }
}

extension [UInt8] {
  fileprivate func hasSuffix(_ end: [UInt8]) -> Bool {
    last == end.last && suffix(end.count).elementsEqual(end)
  }
}
