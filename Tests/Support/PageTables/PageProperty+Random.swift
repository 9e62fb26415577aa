import Addressing
import PageTables

extension PageProperty {
  package static func random(_ generator: inout SeededGenerator) -> PageProperty {
    var rights = Rights.none
    for right in [Rights.write, .execute, .user] where Bool.random(using: &generator) {
      rights.insert(right)
    }
    return PageProperty(
      rights: rights, memoryType: MemoryType(patIndex: .random(in: 0..<6, using: &generator)),
      isGlobal: .random(using: &generator), software: .random(in: 0..<1 << 10, using: &generator))
  }
}
