// Choices by name, as who types a command makes them.

import Addressing
import BootInfo
import TestSupport
import Testing

private enum Season: UInt8, NamedChoice {
  case spring, summer, autumn

  var name: StaticString {
    switch self {
    case .spring: "spring"
    case .summer: "summer"
    case .autumn: "autumn"
    }
  }
}

@Suite struct NamedChoiceTests {
  @Test(arguments: [
    ("spring", 0), ("summer", 1), ("autumn", 2), ("'autumn'", 2), ("winter", nil), ("spring1", nil),
    ("sprin", nil), ("Spring", nil), ("''", nil),
  ])
  func byName(_ name: String, _ number: UInt8?) {
    let bytes = Array(name.utf8)
    var words = CommandLine(bytes.span.bytes).words
    guard let word = words.next() else {
      Issue.record("no word")
      return
    }
    #expect(Season(named: word)?.rawValue == number)
  }

  @Test func allInOrder() {
    var seen: [UInt8] = []
    Season.forEachCase { seen.append($0.rawValue) }
    #expect(seen == [0, 1, 2])
  }

  /// What lies in a range, looked up by halving.
  @Test func memoryWithRAM() throws {
    let map = try MemoryMap([
      Report(0x1000, 0x3000, .reserved), Report(0x3000, 0x5000, .usable),
      Report(0x8000, 0x9000, .unusable), Report(0xa000, 0xb000, .nvs),
    ])
    let ram: [UInt64] = [0x3000, 0x4000, 0xa000]
    for start in stride(from: 0 as UInt64, to: 0xd000, by: 0x1000) {
      for end in stride(from: start, through: 0xd000, by: 0x1000) {
        let expected = ram.contains { start <= $0 && $0 < end }
        #expect(map.hasRAM(in: PhysicalAddress(start)..<PhysicalAddress(end)) == expected)
      }
    }
  }
}
