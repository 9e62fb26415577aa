// chain.asm as an ISO image that GRUB boots, with the kernel of build/ in it.

import Foundation
import Oracle

enum ChainLoader {
  static let image = Result {
    let source = BootImage.repository.appending(
      path: "Tests/BootTests/DamagedInformation/chain.asm")
    let loader = try BootImage.scratchFile("chain")
    try BootImage.run(
      "nasm",
      [
        "-f", "bin", "-Wall", "-Werror", "-o", loader.path,
        "-I", BootImage.kernel.deletingLastPathComponent().path + "/", source.path,
      ])
    let image = try BootImage.scratchFile("iso")
    try BootImage.run(
      "iso/make-iso.sh", [image.path, loader.path],
      ["HIGHLAND_CMDLINE": "exit", "HIGHLAND_VIDEO": "text", "HIGHLAND_MENU": "0"])
    return image
  }

  /// A guest in which Highland is given boot information with this damage.
  static func guest(_ damage: [Damage], _ processor: Processor = .all) throws -> Guest {
    let recipe = try BootImage.scratchFile("damage")
    try Data(damage.recipe).write(to: recipe)
    return try Guest(
      Hardware(
        processor: processor,
        more: ["-fw_cfg", "name=opt/highland/damage,file=\(recipe.path)"]),
      image: image.get())
  }

  /// The undamaged information as it lies before Highland, and where.
  static let information = Result {
    let guest = try ChainLoader.guest([])
    try guest.debugger.run(to: KernelFile.current.get()["boot_entry"])
    let address = try guest.monitor.registers()["EBX"]
    let bytes = try guest.monitor.physicalMemory(at: address, count: 256 << 10)
    return (address: address, bytes: InformationBytes(bytes))
  }
}
