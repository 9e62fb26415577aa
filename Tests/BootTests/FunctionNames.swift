// The names of the kernel's functions by the ELF file's own symbols, demangled by the toolchain.

import Foundation

struct FunctionNames {
  static let current = Result { try FunctionNames(of: KernelFile.current.get()) }

  /// In ascending order of the addresses.
  private let functions: [(start: UInt64, name: String)]
  private let end: UInt64

  init(of kernel: KernelFile) throws {
    let text = try kernel["text_start", "text_end"]
    end = text.upperBound
    let bounds = ["text_start", "text_end", "frameless_start", "frameless_end"]
    let inText = kernel.allSymbols.filter { name, address in
      // Labels within a routine of nasm have its name, a dot and their own.
      text.contains(address) && !bounds.contains(name)
        && (name.hasPrefix("$") || !name.contains("."))
    }.sorted { $0.address < $1.address }
    let names = try demangled(inText.map(\.name))
    functions = zip(inText, names).map { (start: $0.address, name: shortened($1)) }
  }

  /// Where a function begins that the source calls `name`.
  func address(of name: String) throws -> UInt64 {
    guard let function = functions.first(where: { $0.name == name }) else {
      throw GuestError("no function \(name)")
    }
    return function.start
  }

  /// What the kernel should call the place of an instruction.
  func place(of address: UInt64) throws -> String { try place(of: address, inside: address) }

  /// What it should call the place that a call returns to: the call before it counts.
  func caller(_ address: UInt64) throws -> String { try place(of: address, inside: address - 1) }

  private func place(of address: UInt64, inside: UInt64) throws -> String {
    guard inside < end, let function = functions.last(where: { $0.start <= inside }) else {
      throw GuestError("no function at \(hex(inside))")
    }
    return "\(function.name) + \(hex(address - function.start))"
  }
}

/// What the source calls each of these: those of C and nasm as they are.
private func demangled(_ symbols: [String]) throws -> [String] {
  let names = symbols.filter { $0.hasPrefix("$") }
  let tools = try String(
    contentsOf: BootImage.repository.appending(path: "build/toolchain"), encoding: .utf8
  ).split(separator: "\n")[0]
  let process = Process()
  process.executableURL = URL(filePath: tools + "/swift-demangle")
  process.arguments = ["--compact", "--simplified"] + names
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let bytes = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  guard lines.count == names.count else { throw GuestError("swift-demangle gives other lines") }
  let demangled = Dictionary(zip(names, lines)) { first, _ in first }
  return symbols.map { demangled[$0] ?? $0 }
}

/// Without what only the compiler knows.
private func shortened(_ name: String) -> String {
  var name = name
  let dropped = [
    "specialized ", "merged ", "static ", "@objc ", "variable initialization expression of ",
    " infix",
  ]
  for words in dropped { name = name.replacingOccurrences(of: words, with: "") }
  return name.replacing(/<[A-Z][0-9]?(, [A-Z][0-9]?)*>/, with: "")
}
