// The names of the kernel's functions, as boot/symbols.sh takes them from the linked image:
//
//       0       4              8              12                        4 + 8 x count
//      +-------+--------------+--------------+- -   - -+--------------+--------+---------+- -
//      | count | offset in    | offset of    |         |              | length | name    |
//      |       | the text     | the name     |         |              |        |         |
//      +-------+--------------+--------------+- -   - -+--------------+--------+---------+- -
//              |<------ a function --------->|                        |<- names: 0 is here
//              in ascending order of the text                         a byte of length each
//
// It is read while something is wrong already: what contradicts itself is no name, not a trap.

import BootInfo

/// The functions of the image, by where they begin.
public struct SymbolTable: ~Escapable {
  private let bytes: RawSpan
  private let count: Int

  /// Takes bytes for a table. One that promises more functions than it can hold has none.
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) {
    let count = bytes.byteCount >= 4 ? bytes.integer(UInt32.self, at: 0) : 0
    self.bytes = bytes
    self.count = Int(count) <= (bytes.byteCount - 4) / 8 ? Int(count) : 0
  }

  /// The last function that begins at an offset of the text or below it.
  ///
  /// - Complexity: O(log functions)
  @_lifetime(copy self)
  public func function(at offset: UInt64) -> Symbol? {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if start(middle) <= offset { low = middle + 1 } else { high = middle }
    }
    guard low > 0, let name = name(low - 1) else { return nil }
    return Symbol(name: name, start: start(low - 1))
  }

  private func start(_ index: Int) -> UInt64 {
    UInt64(bytes.integer(UInt32.self, at: 4 + 8 * index))
  }

  @_lifetime(copy self)
  private func name(_ index: Int) -> RawSpan? {
    let length = 4 + 8 * count + Int(bytes.integer(UInt32.self, at: 8 + 8 * index))
    guard length < bytes.byteCount else { return nil }
    let end = length + 1 + Int(bytes.integer(UInt8.self, at: length))
    return end <= bytes.byteCount ? bytes.extracting(length + 1..<end) : nil
  }
}

/// A function of the image.
public struct Symbol: ~Escapable {
  /// What the source calls it, in UTF-8.
  public let name: RawSpan
  /// Where in the text it begins.
  public let start: UInt64

  @_lifetime(copy name)
  init(name: RawSpan, start: UInt64) {
    self.name = name
    self.start = start
  }
}
