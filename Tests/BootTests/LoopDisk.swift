// Loop devices: whole disks to Linux, backed by files of ours, and nobody's data.

import Foundation

/// Why loop devices can't be had here; `nil` if they can.
let noLoopDevices: String? = {
  guard geteuid() == 0 else { return "making a loop device takes root" }
  let free = try? Child.run(["losetup", "--find"])
  return free?.status == 0 ? nil : "there is no loop device here"
}()

/// A loop device over a file of random bytes. Both are gone with the last reference.
final class LoopDisk {
  let path: String
  let file: URL

  init(byteCount: Int = 16 << 20) throws {
    file = try BootImage.scratchFile("disk")
    var bytes = Data(count: byteCount)
    for index in stride(from: 0, to: byteCount, by: 4096) {
      bytes[index] = UInt8.random(in: 0...255)
    }
    try bytes.write(to: file)
    let made = try Child.run(["losetup", "--find", "--show", "--partscan", file.path])
    guard made.status == 0 else { throw GuestError(made.output) }
    path = String(made.output.dropLast())
  }

  deinit {
    try? BootImage.run("losetup", ["--detach", path])
    try? FileManager.default.removeItem(at: file)
  }

  /// Tells the system of a partition of 8 MiB, and returns its path.
  func addPartition() throws -> String {
    try BootImage.run("addpart", [path, "1", "2048", "16384"])
    return path + "p1"
  }

  /// What is on it, past all caches.
  var content: Data {
    get throws {
      try BootImage.run("blockdev", ["--flushbufs", path])
      return try Data(contentsOf: file)
    }
  }
}
