// `make usb`: what it refuses, what it writes, and that it notices when that does not come back.

import Foundation
import Testing

@Suite struct MakeUSBTests {
  /// What is no disk at all.
  @Test(arguments: [
    ("", "", "say which disk, as in DEVICE=/dev/sdX; removable disks here: "),
    ("/dev/there-is-none", "", "there is no /dev/there-is-none"),
    ("/dev/null", "1", "/dev/null is not a disk"),
    ("Makefile", "1", "Makefile is not a disk"),
    ("/dev/null", "yes", "FORCE is 1 or nothing, not yes"),
  ])
  func noDisk(_ device: String, _ force: String, _ reason: String) throws {
    let ending = try makeUSB(device, force: force)
    #expect(ending.status == 1)
    #expect(ending.output.hasPrefix("make usb: " + reason))
    #expect(ending.output.split(separator: "\n").count == 1)
  }

  @Suite(.enabled(if: noLoopDevices == nil, "\(noLoopDevices ?? "")"))
  struct OnLoopDevices {
    @Test func notRemovable() throws {
      let disk = try LoopDisk()
      try expectRefusal(
        disk, force: "", "\(disk.path) is not a removable disk; FORCE=1 writes to it all the same")
    }

    @Test func partition() throws {
      let disk = try LoopDisk()
      let part = try disk.addPartition()
      try expectRefusal(disk, at: part, "\(part) is a partition; name the whole disk, \(disk.path)")
    }

    @Test func tooSmall() throws {
      let disk = try LoopDisk(byteCount: 1 << 20)
      let size = try Data(contentsOf: image).count
      try expectRefusal(
        disk, "\(disk.path) has 1048576 bytes, too few for the image's \(size)")
    }

    @Test func writeProtected() throws {
      let disk = try LoopDisk()
      try BootImage.run("blockdev", ["--setro", disk.path])
      defer { try? BootImage.run("blockdev", ["--setrw", disk.path]) }
      try expectRefusal(disk, "\(disk.path) is write-protected")
    }

    @Test(arguments: [true, false])
    func mounted(_ partitioned: Bool) throws {
      let disk = try LoopDisk()
      let device = partitioned ? try disk.addPartition() : disk.path
      try BootImage.run("mkfs.ext4", ["-q", device])
      let place = try BootImage.scratchFile("a place")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try BootImage.run("mount", ["-o", "ro", device, place.path])
      defer { try? BootImage.run("umount", [place.path]) }
      try expectRefusal(disk, "\(device) is mounted on \(place.path)")
    }

    /// Mounted where only the system can see it.
    @Test func mountedElsewhere() throws {
      let disk = try LoopDisk()
      let part = try disk.addPartition()
      try BootImage.run("mkfs.ext4", ["-q", part])
      let place = try BootImage.scratchFile("place")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try BootImage.run("mount", ["-o", "ro", part, place.path])
      defer { try? BootImage.run("umount", [place.path]) }
      try expectRefusal(
        disk, "\(disk.path) is in use",
        by: ["unshare", "--mount", "sh", "-c", #"umount "$0" && exec "$@""#, place.path])
    }

    @Test func swap() throws {
      let disk = try LoopDisk()
      let part = try disk.addPartition()
      try BootImage.run("mkswap", ["-q", part])
      try BootImage.run("swapon", [part])
      defer { try? BootImage.run("swapoff", [part]) }
      try expectRefusal(disk, "\(part) is in use as swap")
    }

    /// The image gets there, all else stays, and the stick boots.
    @Test func written() throws {
      let disk = try LoopDisk()
      let link = try BootImage.scratchFile("link")
      try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: disk.path)
      let image = try Data(contentsOf: image)
      let before = try disk.content
      let ending = try makeUSB(link.path)
      #expect(ending.status == 0, "\(ending.output)")
      #expect(ending.output.contains("\(image.count) bytes"))
      #expect(ending.output.contains("Written and read back: \(image.count) bytes."))
      let content = try disk.content
      #expect(content.prefix(image.count) == image)
      #expect(content.dropFirst(image.count) == before.dropFirst(image.count))
      let boot = try Guest(Hardware(medium: .usbStick), image: disk.file).finish()
      #expect(boot.status == 33)
      #expect(boot.lines.last == "highland: ready")
    }

    /// A disk that keeps something else than it was given.
    @Test func lyingDisk() throws {
      let disk = try LoopDisk()
      let directory = try BootImage.scratchFile("bin")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      let dd = directory.appending(path: "dd")
      let script = """
        #!/bin/sh
        PATH=$HONEST_PATH
        dd "$@" || exit
        case "$*" in
          *of=*) printf x | dd of="\(disk.path)" bs=1 seek=3000000 conv=notrunc status=none ;;
        esac
        """
      try script.write(to: dd, atomically: true, encoding: .utf8)
      try BootImage.run("chmod", ["+x", dd.path])
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      let ending = try makeUSB(
        disk.path, ["PATH": "\(directory.path):\(path)", "HONEST_PATH": path])
      #expect(ending.status == 1)
      #expect(
        ending.output.hasSuffix("make usb: \(disk.path) does not read back as it was written\n"))
    }

    /// One sentence, and not a byte written.
    private func expectRefusal(
      _ disk: LoopDisk, at path: String? = nil, force: String = "1", _ sentence: String,
      by runner: [String] = []
    ) throws {
      let before = try disk.content
      let ending = try makeUSB(path ?? disk.path, force: force, by: runner)
      #expect(ending.status == 1)
      #expect(ending.output == "make usb: \(sentence)\n")
      #expect(try disk.content == before)
    }
  }
}

private var image: URL { get throws { try BootImage.image(commandLine: "exit") } }

private func makeUSB(
  _ device: String, force: String = "1", by runner: [String] = [],
  _ environment: [String: String] = [:]
) throws -> (status: Int32, output: String) {
  try Child.run(
    runner + ["iso/make-usb.sh", try image.path],
    environment.merging(["HIGHLAND_DEVICE": device, "HIGHLAND_FORCE": force]) { $1 })
}
