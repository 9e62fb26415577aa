// The machines on which the address space is audited: memory, machine type, processor, firmware.

import Foundation

/// One machine of the matrix.
struct MatrixRow: Sendable, CustomStringConvertible {
  var firmware = Hardware.Firmware.bios
  let memory: String
  let machine: String
  let processor: Processor

  var description: String { "\(firmware) \(memory) \(machine) \(processor)" }

  /// Why there can be no such machine; `nil` if there can.
  var obstacle: String? {
    if firmware == .uefi, Self.byteCount(memory) < 64 << 20 {
      return "OVMF does not start with less than 64M"
    }
    if processor.model == Processor.narrow.model, neededWidth > processor.physicalWidth {
      return "its RAM takes \(neededWidth) physical address bits"
    }
    return nil
  }

  /// The machine, its processor with the fewest more physical address bits that hold the RAM, where
  /// those it comes with do not.
  var hardware: Hardware {
    let widened = neededWidth > processor.physicalWidth
    return Hardware(
      firmware: firmware, machine: machine + ",memory-backend=ram",
      processor: widened ? processor.with(physicalWidth: neededWidth) : processor, memory: memory,
      // Memory that is there only where it is touched.
      more: ["-object", "memory-backend-ram,id=ram,size=\(memory),reserve=off"])
  }

  /// The bits of a physical address of this machine, by the rules of QEMU's machine types: RAM has a
  /// hole for devices below 4 GiB and another behind it; with an AMD processor, RAM that would reach
  /// 12 GiB below 1 TiB, where their buses have a range of their own, goes on at 1 TiB.
  var neededWidth: Int {
    let ram = Self.byteCount(memory)
    let (lowRAM, hole): (UInt64, UInt64) =
      machine == "pc"
      ? (ram < 7 << 29 ? ram : 3 << 30, 2 << 30) : (ram < 11 << 28 ? ram : 2 << 30, 32 << 30)
    let end = 4 << 30 + (ram - lowRAM) + hole
    let isMoved = processor.isAMD && end > 1 << 40 - 12 << 30
    let last = (isMoved ? end - 4 << 30 + 1 << 40 : end) - 1
    return UInt64.bitWidth - last.leadingZeroBitCount
  }

  /// What QEMU's `128M` means.
  static func byteCount(_ memory: String) -> UInt64 {
    let shifts: [Character: UInt64] = ["M": 20, "G": 30, "T": 40]
    return UInt64(memory.dropLast())! << shifts[memory.last!]!
  }
}

enum Matrix {
  static let memories = ["32M", "128M", "1G", "3G", "4G", "6G", "64G", "1T", "8T"]
  static let machines = ["pc", "q35"]

  /// Whether all rows are to be tried, or some.
  static let isFull = ProcessInfo.processInfo.environment["HIGHLAND_FULL"] == "1"

  private static let valueCounts = [memories.count, machines.count, Processor.models.count]

  private static func row(_ indices: [Int]) -> MatrixRow {
    MatrixRow(
      memory: memories[indices[0]], machine: machines[indices[1]],
      processor: Processor.models[indices[2]])
  }

  /// All that can be made of the values above, possible or not.
  static let everything = CoveringArray.allRows(valueCounts).map(row)

  /// Rows in which every pair of values meets that can.
  static let byBIOS = CoveringArray(valueCounts: valueCounts) { row($0).obstacle == nil }.rows
    .map(row)

  /// Each processor once, and each size of memory from 64M up to 64G at least once: UEFI takes
  /// several times as long to start.
  static let byUEFI = Processor.models.indices.map { index in
    let sizes = ["64M"] + memories.filter { 64 << 20..<1 << 40 ~= MatrixRow.byteCount($0) }
    return MatrixRow(
      firmware: .uefi, memory: sizes[index % sizes.count],
      machine: machines[index / sizes.count % 2 ^ index % 2],
      processor: Processor.models[index])
  }

  /// Rows in which every value is met.
  static let someByBIOS = Processor.models.indices.map { index in
    row([index % memories.count, index % machines.count, index])
  }

  /// The rows of this run.
  static let rows = isFull ? byBIOS + byUEFI : someByBIOS + [byUEFI[0], byUEFI[3], byUEFI[6]]
}
