import TestSupport

/// An ACPI structure of any bytes, with checksums that hold if the first byte is odd: read as a second
/// reader reads it, or refused by both.
func fuzzACPI(_ bytes: [UInt8]) -> String? {
  guard let first = bytes.first else { return nil }
  var structure = Array(bytes.dropFirst().prefix(4096))
  if first % 2 == 1 { ACPIBuilder.repair(&structure) }
  // What a DSDT tells of soft off is searched for in code of any shape.
  _ = readSoftOff(structure, in: guardedMemory)
  return compareACPIReaders(structure, in: guardedMemory).wrong
}
