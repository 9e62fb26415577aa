// The kernel's ELF file, read by the tests themselves: where the linker put things.

import Foundation

struct KernelFile {
  static let current = Result { try KernelFile(BootImage.kernel) }

  private let file: Data
  private var symbols: [String: UInt64] = [:]
  /// All of them: functions of C may have the same name.
  private(set) var allSymbols: [(name: String, address: UInt64)] = []
  private var segments: [(virtual: UInt64, offset: Int, count: Int)] = []

  /// Reads the symbol table and the program headers (System V ABI, chapters 4 and 5).
  init(_ url: URL) throws {
    file = try Data(contentsOf: url)
    for header in table(at: 32, count: 56, entrySize: 54) where word(header) as UInt32 == 1 {
      segments.append(
        (word(header + 16), Int(word(header + 8) as UInt64), Int(word(header + 32) as UInt64)))
    }
    let sections = table(at: 40, count: 60, entrySize: 58)
    for section in sections where word(section + 4) as UInt32 == 2 {
      let strings = Int(word(sections[Int(word(section + 40) as UInt32)] + 24) as UInt64)
      let start = Int(word(section + 24) as UInt64)
      for symbol in stride(
        from: start, to: start + Int(word(section + 32) as UInt64), by: 24)
      {
        let name = file[(strings + Int(word(symbol) as UInt32))...].prefix { $0 != 0 }
        allSymbols.append((String(decoding: name, as: UTF8.self), word(symbol + 8)))
      }
    }
    for symbol in allSymbols { symbols[symbol.name] = symbol.address }
  }

  /// The address of `symbol`, as linked.
  subscript(symbol: String) -> UInt64 {
    get throws {
      guard let address = symbols[symbol] else { throw GuestError("no symbol \(symbol)") }
      return address
    }
  }

  /// The addresses from one symbol up to another.
  subscript(start: String, end: String) -> Range<UInt64> {
    get throws { try self[start]..<self[end] }
  }

  /// What the file holds for the addresses in `range`.
  func bytes(in range: Range<UInt64>) throws -> [UInt8] {
    for segment in segments {
      let whole = segment.virtual..<segment.virtual + UInt64(segment.count)
      guard range.clamped(to: whole) == range else { continue }
      let start = segment.offset + Int(range.lowerBound - segment.virtual)
      return [UInt8](file[start..<start + range.count])
    }
    throw GuestError("the file holds nothing for \(hex(range))")
  }

  /// The offsets of the entries of a header table, from the fields of the ELF header that tell its
  /// place, its length and the size of its entries.
  private func table(at place: Int, count: Int, entrySize: Int) -> [Int] {
    let start = Int(word(place) as UInt64)
    let size = Int(word(entrySize) as UInt16)
    return (0..<Int(word(count) as UInt16)).map { start + $0 * size }
  }

  private func word<Integer: FixedWidthInteger>(_ offset: Int) -> Integer {
    file.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Integer.self) }
  }
}

func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
func hex(_ range: Range<UInt64>) -> String { "\(hex(range.lowerBound))..<\(hex(range.upperBound))" }
