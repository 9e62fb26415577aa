// Processors that QEMU can imitate, and what a kernel has to make of each.

struct Processor: Sendable, CustomStringConvertible {
  /// What CR4 switches on where the processor has it, by the kernel's word and the bit (SDM volume
  /// 3, 2.5).
  static let protections: [(word: String, bit: UInt64)] = [
    ("SMEP", 20), ("SMAP", 21), ("UMIP", 11),
  ]

  /// QEMU's name, with the properties that differ.
  var model: String
  /// 5 with LA57, unless the command line says `no5lvl`.
  var levels = 4
  var hasGigabytePages = false
  /// Those of `protections` that it has.
  var protections: [String] = []
  var physicalWidth = 40
  /// RAM of a machine with AMD's processor makes way for what lies below 1 TiB there.
  var isAMD = true

  var description: String { model }

  static let plain = Processor(model: "qemu64")
  static let nehalem = Processor(model: "Nehalem", isAMD: false)
  static let sandyBridge = Processor(model: "SandyBridge", isAMD: false)
  static let skylake = Processor(
    model: "Skylake-Server", hasGigabytePages: true, protections: ["SMEP", "SMAP"], isAMD: false)
  static let epyc = Processor(
    model: "EPYC", hasGigabytePages: true, protections: ["SMEP", "SMAP"])
  static let all = Processor(
    model: "max", levels: 5, hasGigabytePages: true, protections: ["SMEP", "SMAP", "UMIP"])
  static let gigabytePages = all.without("la57") { $0.levels = 4 }
  static let fiveLevels = all.without("pdpe1gb") { $0.hasGigabytePages = false }
  static let unprotected = all.without("smap", "smep", "umip") { $0.protections = [] }
  static let narrow = all.with(physicalWidth: 36)

  /// One of each kind.
  static let models = [
    plain, nehalem, sandyBridge, skylake, epyc, all, gigabytePages, fiveLevels, unprotected, narrow,
  ]

  private func without(_ features: String..., change: (inout Processor) -> Void) -> Processor {
    var processor = self
    processor.model = ([model] + features.map { $0 + "=off" }).joined(separator: ",")
    change(&processor)
    return processor
  }

  func with(physicalWidth: Int) -> Processor {
    var processor = self
    processor.model += ",phys-bits=\(physicalWidth)"
    processor.physicalWidth = physicalWidth
    return processor
  }
}
