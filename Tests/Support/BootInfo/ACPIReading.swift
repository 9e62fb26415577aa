// What the parser makes of bytes, in values that tests can compare.

import Addressing
import BootInfo

/// All that a MADT's view tells.
package struct MADTContents: Equatable {
  package struct Processor: Equatable {
    package var apicID: UInt32
    package var uid: UInt32
    package var isEnabled: Bool

    package init(apicID: UInt32, uid: UInt32, isEnabled: Bool) {
      (self.apicID, self.uid, self.isEnabled) = (apicID, uid, isEnabled)
    }
  }

  package struct IOAPIC: Equatable {
    package var id: UInt8
    package var address: UInt64
    package var base: UInt32

    package init(id: UInt8, address: UInt64, base: UInt32) {
      (self.id, self.address, self.base) = (id, address, base)
    }
  }

  package var localAPIC: UInt64
  package var hasDual8259: Bool
  package var processors: [Processor] = []
  package var ioAPICs: [IOAPIC] = []

  package init(
    localAPIC: UInt64, hasDual8259: Bool, processors: [Processor] = [], ioAPICs: [IOAPIC] = []
  ) {
    (self.localAPIC, self.hasDual8259) = (localAPIC, hasDual8259)
    (self.processors, self.ioAPICs) = (processors, ioAPICs)
  }
}

extension MADTContents {
  package init(_ madt: borrowing MultipleAPICDescriptionTable) {
    localAPIC = madt.localAPIC.rawValue
    hasDual8259 = madt.hasDual8259
    var processors = madt.processors
    while let next = processors.next() {
      self.processors.append(
        Processor(apicID: next.apicID, uid: next.uid, isEnabled: next.isEnabled))
    }
    var controllers = madt.ioAPICs
    while let next = controllers.next() {
      ioAPICs.append(IOAPIC(id: next.id, address: next.address.rawValue, base: next.interruptBase))
    }
  }
}

/// Runs a parser and wraps what it ends in.
private func outcome<Value>(
  _ bytes: [UInt8], in memory: GuardedMemory, _ parse: (RawSpan) throws -> Value
) -> Result<Value, ACPIError> {
  do {
    return .success(try memory.with(bytes, parse))
  } catch {
    return .failure(error as! ACPIError)
  }
}

package func readRootPointer(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<RootSystemDescriptionPointer, ACPIError> {
  outcome(bytes, in: memory) { try RootSystemDescriptionPointer($0) }
}

package func readHeader(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<DescriptionHeader, ACPIError> {
  outcome(bytes, in: memory) { try DescriptionHeader($0) }
}

/// The table's length and who made it.
package func readTable(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<(byteCount: Int, oemID: [UInt8]), ACPIError> {
  outcome(bytes, in: memory) {
    let table = try SystemDescriptionTable($0)
    return (table.header.tableByteCount, table.oemID.array)
  }
}

/// The root table's entries, absent ones as `nil`.
package func readRootTable(
  _ bytes: [UInt8], _ kind: RootSystemDescriptionTable.Kind,
  in memory: GuardedMemory = GuardedMemory()
) -> Result<[UInt64?], ACPIError> {
  outcome(bytes, in: memory) {
    let root = try RootSystemDescriptionTable(SystemDescriptionTable($0), kind)
    return (0..<root.count).map { root[$0]?.rawValue }
  }
}

package func readMADT(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<MADTContents, ACPIError> {
  outcome(bytes, in: memory) {
    let madt = try MultipleAPICDescriptionTable(SystemDescriptionTable($0))
    let contents = MADTContents(madt)
    precondition(
      madt.enabledProcessorCount == contents.processors.count(where: \.isEnabled))
    return contents
  }
}

package func readHPET(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<HPETDescriptionTable, ACPIError> {
  outcome(bytes, in: memory) { try HPETDescriptionTable(SystemDescriptionTable($0)) }
}

package func readFADT(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<FixedDescriptionTable, ACPIError> {
  outcome(bytes, in: memory) { try FixedDescriptionTable(SystemDescriptionTable($0)) }
}

/// The sleep types of "soft off" in a DSDT or SSDT; `nil` if it tells none.
package func readSoftOff(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<[UInt8]?, ACPIError> {
  outcome(bytes, in: memory) {
    try SoftOffPackage(in: SystemDescriptionTable($0)).map { [$0.pm1a, $0.pm1b] }
  }
}

extension Result where Failure == ACPIError {
  package var value: Success? { try? get() }

  /// The error's reason and offset; `nil` for success.
  package var error: ACPIError? { if case .failure(let error) = self { error } else { nil } }

  /// Whether this is the one error.
  package func isError(_ reason: ACPIError.Reason, at offset: Int) -> Bool {
    error?.reason == reason && error?.offset == offset
  }
}
