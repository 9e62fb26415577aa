// ISO images of the kernel in build/, one for each command line and each screen that GRUB leaves.

import Foundation
import Synchronization

enum BootImage {
  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let kernel = repository.appending(path: "build/highland.elf")

  /// Where this run keeps its files, as long as it runs.
  private static let scratch: URL = {
    atexit { try? FileManager.default.removeItem(at: BootImage.scratch) }
    return repository.appending(path: "build/boot-tests-\(getpid())")
  }()
  private static let images = Mutex<[[String]: URL]>([:])
  private static let scratchFileCount = Atomic(0)

  /// An image that boots the kernel with this command line, after GRUB has set this video mode, and
  /// has shown its menu for so many seconds; iso/make-iso.sh tells how they are read.
  static func image(
    commandLine: String, video: String = "", menu: String = ""
  ) throws -> URL {
    try images.withLock { images in
      if let image = images[[commandLine, video, menu]] { return image }
      let image = try scratchFile("iso")
      try run(
        "iso/make-iso.sh", [image.path, kernel.path],
        [
          "HIGHLAND_CMDLINE": commandLine, "HIGHLAND_VIDEO": video, "HIGHLAND_MENU": menu,
        ])
      images[[commandLine, video, menu]] = image
      return image
    }
  }

  /// An image as `make` makes it, in a copy of what it takes: the image in build/ stays as it is.
  static func imageByMake(commandLine: String) throws -> URL {
    let copy = try scratchFile("tree")
    let build = copy.appending(path: "build")
    try FileManager.default.createDirectory(at: build, withIntermediateDirectories: true)
    try run("cp", ["-r", "Makefile", "Sources", "boot", "iso", copy.path])
    try run("cp", [kernel.path, build.path])
    // This may run under a `make` whose settings are not meant here. The kernel counts as built.
    let alone = ["-u", "MAKEFLAGS", "-u", "MFLAGS", "-u", "MAKELEVEL"]
    let goal = ["make", "--old-file=build/highland.elf", "iso", "MENU=0"]
    try run("env", alone + goal + ["CMDLINE=" + commandLine], in: copy)
    return build.appending(path: "highland.iso")
  }

  /// The path of a file that no other test writes to.
  static func scratchFile(_ suffix: String) throws -> URL {
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    let number = scratchFileCount.add(1, ordering: .relaxed).newValue
    return scratch.appending(path: "\(number).\(suffix)")
  }

  /// Runs a program in `directory` to its successful end.
  static func run(
    _ program: String, _ arguments: [String] = [], in directory: URL = repository,
    _ environment: [String: String] = [:]
  ) throws {
    let ending = try Child.run([program] + arguments, in: directory, environment)
    guard ending.status == 0 else { throw GuestError("\(program) failed: \(ending.output)") }
  }
}
