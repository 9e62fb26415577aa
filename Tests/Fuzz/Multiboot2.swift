import Addressing
import BootInfo
import Oracle
import TestSupport

/// Memory that ends where the input does: a read past it is a fault.
nonisolated(unsafe) let guardedMemory = GuardedMemory()

/// Boot information of any bytes: refused for the same reason, at the same offset, as by the second
/// reader, or all of it can be read, and its memory map normalised or refused.
func fuzzMultiboot2(_ bytes: [UInt8]) -> String? {
  let bytes = Array(bytes.prefix(4096))
  let expected = InformationBytes(bytes).verdict(at: 0x1_0000, given: bytes.count)
  let found: Verdict
  do throws(BootInformationError) {
    try guardedMemory.with(bytes) { span throws(BootInformationError) in
      try readAll(BootInformation(span, at: PhysicalAddress(0x1_0000)))
    }
    found = .sound
  } catch {
    found = .fault("\(error.reason.message)", offset: error.offset)
  }
  return found == expected ? nil : "\(found) instead of \(expected)"
}

/// Reads all there is, and puts it through the memory map.
private func readAll(_ information: borrowing BootInformation) {
  var sum: UInt64 = 0
  let entries = information.memoryMap
  for index in 0..<entries.count { sum &+= entries[index].byteCount }
  if let descriptors = information.efiMemoryMap {
    for index in 0..<descriptors.count { sum &+= descriptors[index].byteCount }
  }
  if let sections = information.elfSections {
    for index in 0..<sections.count { sum &+= sections[index].address }
  }
  var modules = information.modules
  while let module = modules.next() {
    sum &+= module.range.byteCount &+ UInt64(module.commandLine.bytes.byteCount)
  }
  sum &+= information.framebuffer?.byteCount ?? 0
  sum &+= information.loadBase?.rawValue ?? 0
  sum &+= UInt64(information.rsdp?.byteCount ?? 0)
  sum &+= UInt64(information.elfSectionNamesIndex ?? 0)
  information.commandLine.value(ofKey: "run")?.forEachByte { sum &+= UInt64($0) }
  var map = emptyMap()
  try? information.collectMemory(into: &map)
  try? map.normalise(limit: PhysicalAddress(1 << 40))
  precondition(map.count <= map.capacity)
}
