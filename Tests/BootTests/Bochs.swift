// Bochs, another emulator: it is slow, and faults where QEMU is lenient, on a large page that CPUID
// does not know for one.
//
// It takes its orders from two files: what the machine is made of, and what its debugger is to do.
// The debugger talks to a terminal, which `script` imitates; the serial line is a file. The screen is
// another terminal, which nobody reads: a kernel that writes much there would wait for ever.

import Foundation
import Oracle

/// A run of the kernel in Bochs.
struct BochsRun {
  /// What is seen at a stop of the debugger: all of RAM, but for the hole below 1 MiB.
  struct Stop: PhysicalMemoryReader {
    let registers: Registers
    fileprivate let pieces: [(start: UInt64, bytes: Data)]

    func physicalMemory(at address: UInt64, count: Int) throws -> [UInt8] {
      for piece in pieces where piece.start <= address {
        let offset = Int(address - piece.start)
        guard offset + count <= piece.bytes.count else { continue }
        return [UInt8](piece.bytes[offset..<offset + count])
      }
      throw GuestError("\(hex(address)) was not saved")
    }
  }

  static let memoryByteCount: UInt64 = 32 << 20

  private(set) var stops: [Stop] = []
  /// All that the kernel wrote to the serial line.
  private(set) var lines: [String] = []

  /// Boots an image and stops at each of `addresses` in turn; ends at the last, or at `end`.
  ///
  /// - Parameters:
  ///   - processor: one of those that `bochs --help cpu` lists.
  ///   - linear: the kernel's linear mapping, through which memory is saved. That of the boot page
  ///     table is the same.
  init(_ image: URL, processor: String, stoppingAt addresses: [UInt64], end: UInt64) throws {
    let directory = try BootImage.scratchFile("bochs")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let machine = """
      cpu: model=\(processor), count=1, ips=20000000, reset_on_triple_fault=0
      megs: \(Self.memoryByteCount >> 20)
      romimage: file=/usr/share/bochs/BIOS-bochs-latest
      vgaromimage: file=/usr/share/vgabios/vgabios.bin
      ata0-master: type=cdrom, path=highland.iso, status=inserted
      boot: cdrom
      com1: enabled=1, mode=file, dev=serial
      display_library: term
      log: log
      panic: action=fatal

      """
    let linear = Windows(levels: 4).linear.lowerBound
    let pieces: [Range<UInt64>] = [0..<0x9_f000, 0x10_0000..<Self.memoryByteCount]
    var orders = ["lb \(hex(end))"]
    for (stop, address) in addresses.enumerated() {
      if !addresses[..<stop].contains(address) { orders.append("lb \(hex(address))") }
      orders += ["c", "creg"]
      orders += pieces.enumerated().map { index, piece in
        "writemem \"memory-\(stop)-\(index)\" \(hex(linear + piece.lowerBound)) \(hex(UInt64(piece.count)))"
      }
    }
    orders.append("q\n")
    func write(_ text: String, _ name: String) throws {
      try Data(text.utf8).write(to: directory.appending(path: name))
    }
    try write(machine, "machine")
    try write(orders.joined(separator: "\n"), "orders")
    try FileManager.default.copyItem(at: image, to: directory.appending(path: "highland.iso"))

    let bochs = try Child(deadline: 900) { _ in
      ["env", "-C", directory.path, "TERM=xterm", "script", "-qec"]
        + ["bochs -q -f machine -rc orders", "/dev/null"]
    }
    var terminal: [String] = []
    while let line = bochs.output.readLine() { terminal.append(withoutTerminalControl(line)) }
    _ = try bochs.wait()
    // `creg` begins with CR0, and ends with XCR0: `CR0=0xe0010011: PG CD NW ac WP ne ET ts em mp PE`.
    let registers = terminal.joined(separator: "\n").components(separatedBy: "\nCR0=").dropFirst()
      .prefix(addresses.count)
    for (stop, text) in registers.enumerated() {
      stops.append(
        Stop(
          registers: Registers(("CR0=" + text).replacingOccurrences(of: "=0x", with: "=")),
          pieces: try pieces.enumerated().map { index, piece in
            let file = directory.appending(path: "memory-\(stop)-\(index)")
            return (piece.lowerBound, try Data(contentsOf: file))
          }))
    }
    let serial = try Data(contentsOf: directory.appending(path: "serial"))
    lines = serial.split(separator: UInt8(ascii: "\n")).map { withoutTerminalControl([UInt8]($0)) }
    try FileManager.default.removeItem(at: directory)
  }
}
