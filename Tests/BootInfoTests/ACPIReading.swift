// What the parser makes of bytes, in values that tests can compare.

import Addressing
import BootInfo
import Testing

/// All that a MADT's view tells.
struct MADTContents: Equatable {
  struct Processor: Equatable {
    var apicID: UInt32
    var uid: UInt32
    var isEnabled: Bool
  }

  struct IOAPIC: Equatable {
    var id: UInt8
    var address: UInt64
    var base: UInt32
  }

  var localAPIC: UInt64
  var hasDual8259: Bool
  var processors: [Processor] = []
  var ioAPICs: [IOAPIC] = []
}

extension MADTContents {
  init(_ madt: borrowing MultipleAPICDescriptionTable) {
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

func readRootPointer(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<RootSystemDescriptionPointer, ACPIError> {
  outcome(bytes, in: memory) { try RootSystemDescriptionPointer($0) }
}

func readHeader(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<DescriptionHeader, ACPIError> {
  outcome(bytes, in: memory) { try DescriptionHeader($0) }
}

/// The table's length and who made it.
func readTable(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<(byteCount: Int, oemID: [UInt8]), ACPIError> {
  outcome(bytes, in: memory) {
    let table = try SystemDescriptionTable($0)
    return (table.header.tableByteCount, table.oemID.array)
  }
}

/// The root table's entries, absent ones as `nil`.
func readRootTable(
  _ bytes: [UInt8], _ kind: RootSystemDescriptionTable.Kind,
  in memory: GuardedMemory = GuardedMemory()
) -> Result<[UInt64?], ACPIError> {
  outcome(bytes, in: memory) {
    let root = try RootSystemDescriptionTable(SystemDescriptionTable($0), kind)
    return (0..<root.count).map { root[$0]?.rawValue }
  }
}

func readMADT(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<MADTContents, ACPIError> {
  outcome(bytes, in: memory) {
    let madt = try MultipleAPICDescriptionTable(SystemDescriptionTable($0))
    let contents = MADTContents(madt)
    #expect(madt.enabledProcessorCount == contents.processors.count(where: \.isEnabled))
    return contents
  }
}

func readHPET(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<HPETDescriptionTable, ACPIError> {
  outcome(bytes, in: memory) { try HPETDescriptionTable(SystemDescriptionTable($0)) }
}

func readFADT(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<FixedDescriptionTable, ACPIError> {
  outcome(bytes, in: memory) { try FixedDescriptionTable(SystemDescriptionTable($0)) }
}

/// The sleep types of "soft off" in a DSDT or SSDT; `nil` if it tells none.
func readSoftOff(
  _ bytes: [UInt8], in memory: GuardedMemory = GuardedMemory()
) -> Result<[UInt8]?, ACPIError> {
  outcome(bytes, in: memory) {
    try SoftOffPackage(in: SystemDescriptionTable($0)).map { [$0.pm1a, $0.pm1b] }
  }
}

extension Result where Failure == ACPIError {
  var value: Success? { try? get() }

  /// The error's reason and offset; `nil` for success.
  var error: ACPIError? { if case .failure(let error) = self { error } else { nil } }

  /// Whether this is the one error.
  func isError(_ reason: ACPIError.Reason, at offset: Int) -> Bool {
    error?.reason == reason && error?.offset == offset
  }
}
