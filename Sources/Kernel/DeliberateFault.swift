import Addressing
import BootInfo
import KernelSpace
import Machine

/// Something forbidden, done on purpose: the kernel's way to show that the CPU or the kernel itself
/// stops it, and that the report names the cause. Each is chosen by its name: `fault=write-text`.
enum DeliberateFault: UInt8, NamedChoice {
  case writeText, writeReadOnlyData, writeTextAlias
  case executeData, executeLinear
  case null, lowerHalf, hole, stackGuard, deviceInLinear
  case doubleFault, undefinedOpcode, swiftTrap
  case lockTwice, lockOrder

  var name: StaticString {
    switch self {
    case .writeText: "write-text"
    case .writeReadOnlyData: "write-rodata"
    case .writeTextAlias: "write-text-alias"
    case .executeData: "exec-data"
    case .executeLinear: "exec-linear"
    case .null: "null"
    case .lowerHalf: "lower-half"
    case .hole: "hole"
    case .stackGuard: "stack-guard"
    case .deviceInLinear: "device-in-linear"
    case .doubleFault: "double-fault"
    case .undefinedOpcode: "ud"
    case .swiftTrap: "swift-trap"
    case .lockTwice: "lock-twice"
    case .lockOrder: "lock-order"
    }
  }

  /// Does it. Returns only if nothing stopped it. A function of its own, so that its name is in the
  /// report.
  @inline(never) func commit() {
    let image = KernelState.image
    let layout = KernelState.layout
    let linear = layout.linearMapping.lowerBound
    // The stack that this code runs on is the image's first.
    let stack = image.stacks[0]
    switch self {
    case .writeText: store8(image.text.lowerBound.rawValue, 0)
    case .writeReadOnlyData: store8(image.readOnlyData.lowerBound.rawValue, 0)
    case .writeTextAlias:
      store8((linear + image.readOnlyPhysical.lowerBound.rawValue).rawValue, 0)
    case .executeData: execute(image.data.lowerBound.rawValue)
    case .executeLinear:
      execute((linear + image.physicalRange(of: image.data).lowerBound.rawValue).rawValue)
    case .null: _ = load8(0)
    case .lowerHalf: _ = load8(0x40_0000)
    case .hole: _ = load8(layout.frameMetadata.upperBound.rawValue)
    case .stackGuard: store8(stack.lowerBound.rawValue - 1, 0)
    // The local APIC's registers: there on every PC, and never RAM.
    case .deviceInLinear: _ = load8((linear + 0xfee0_0000).rawValue)
    case .doubleFault: pushAt(stack.lowerBound.rawValue)
    case .undefinedOpcode: Machine.undefinedOpcode()
    case .swiftTrap:
      // An overflow that the compiler cannot foresee: port 0x80 is for POST codes, and harmless.
      let byte = in8(0x80)
      store8(stack.lowerBound.rawValue, byte + (255 - byte) + (byte | 1))
    case .lockTwice: Self.frameLock.withLock { Self.frameLock.withLock {} }
    case .lockOrder: Self.frameLock.withLock { Self.areaLock.withLock {} }
    }
  }

  private static let areaLock = SpinLock(.area)
  private static let frameLock = SpinLock(.frames)
}
