import Addressing
import BootInfo
import TestSupport

nonisolated(unsafe) private let mapStorage = hostStorage(
  MemoryMap.kernelCapacity * MemoryMap.bytesPerRegion)

/// An empty map in memory that the one before it had: there is one at a time.
func emptyMap() -> MemoryMap { MemoryMap(unsafeStorage: mapStorage) }

/// Reports of four bytes or of seventeen, by the first byte.
///
///     small    kind, start and length in quarter pages of 192 KiB       against a second normaliser
///     large    kind, start, length, of 64 bits each                     against the rules
func fuzzMemoryMap(_ bytes: [UInt8]) -> String? {
  guard bytes.count >= 2 else { return nil }
  let limit = (20 + UInt64(bytes[1]) % 77) * 4096
  return bytes[0] % 2 == 0
    ? compareSmall(bytes.dropFirst(2), limit: limit)
    : checkLarge(bytes.dropFirst(2), limit: UInt64(bytes[1]) << 45)
}

private func kind(_ byte: UInt8) -> RegionKind { RegionKind(rawValue: byte % 10)! }

private func compareSmall(_ bytes: ArraySlice<UInt8>, limit: UInt64) -> String? {
  var (rest, reports) = (bytes, [Report]())
  let quarters = UInt64(PlainMemoryMap.pageCount * 4)
  while rest.count >= 3, reports.count < 200 {
    let (start, count) = (
      UInt64(rest[rest.startIndex + 1]) % quarters, UInt64(rest[rest.startIndex + 2])
    )
    let end = min(start + count, quarters)
    reports.append(
      Report(
        start * PlainMemoryMap.quarter, end * PlainMemoryMap.quarter, kind(rest[rest.startIndex])))
    rest = rest.dropFirst(3)
  }
  let plain = PlainMemoryMap(reports, limit: limit)
  var map = emptyMap()
  do throws(MemoryMapError) {
    try map.add(reports)
    try map.normalise(limit: limit)
    let once = Outcome(of: map)
    if plain.errors != [] || once != plain.outcome {
      return "\(once) of \(reports), instead of \(plain.errors) \(plain.outcome)"
    }
    try map.normalise(limit: limit)
    return Outcome(of: map) == once ? nil : "normalised twice: \(Outcome(of: map)), not \(once)"
  } catch {
    return plain.errors.contains(error) ? nil : "\(error) for \(reports), not \(plain.errors)"
  }
}

private func checkLarge(_ bytes: ArraySlice<UInt8>, limit: UInt64) -> String? {
  var rest = bytes
  var map = emptyMap()
  do throws(MemoryMapError) {
    while rest.count >= 17 {
      func number(_ offset: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(rest[rest.startIndex + offset + $1]) << UInt64(8 * $1) }
      }
      let kind = kind(rest[rest.startIndex])
      try map.add(start: number(1), byteCount: number(9), kind: kind)
      rest = rest.dropFirst(17)
    }
    try map.normalise(limit: limit)
    let once = Outcome(of: map)
    for (left, right) in zip(once.regions, once.regions.dropFirst()) {
      if left.end > right.start || left.end == right.start && left.kind == right.kind {
        return "\(left) before \(right)"
      }
    }
    for region in once.regions {
      if region.start >= region.end || (region.start | region.end) % 4096 != 0 {
        return "\(region) is no region"
      }
      if region.kind.isRAM, region.end > limit & ~4095 { return "\(region) lies past the limit" }
    }
    try map.normalise(limit: limit)
    return Outcome(of: map) == once ? nil : "normalised twice: \(Outcome(of: map)), not \(once)"
  } catch { return nil }
}
