import Addressing
import BootInfo
import Frames
import KernelSpace
import Machine
import PageTables

/// Something forbidden, done on purpose: the kernel's way to show that the CPU or the kernel itself
/// stops it, and that the report names the cause. Each is chosen by its name: `fault=write-text`.
enum DeliberateFault: UInt8, NamedChoice {
  case writeText, writeReadOnlyData, writeTextAlias
  case executeData, executeLinear
  case null, lowerHalf, hole, stackGuard, deviceInLinear, reservedInLinear
  case areaGuard, areaGuardAbove, areaUnmapped, areaEnded, areaReadOnly, noArea, areaStack
  case slotOfHole, slotUnused, bootStub, outsideImage, nonCanonical
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
    case .reservedInLinear: "reserved-in-linear"
    case .areaGuard: "area-guard"
    case .areaGuardAbove: "area-guard-above"
    case .areaUnmapped: "area-unmapped"
    case .areaEnded: "area-ended"
    case .areaReadOnly: "area-read-only"
    case .noArea: "no-area"
    case .areaStack: "area-stack"
    case .slotOfHole: "slot-hole"
    case .slotUnused: "slot-unused"
    case .bootStub: "boot-stub"
    case .outsideImage: "outside-image"
    case .nonCanonical: "non-canonical"
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
    // The BIOS, or what is left of it.
    case .reservedInLinear: _ = load8((linear + 0xf_0000).rawValue)
    case .areaGuard: Self.withArea { area in _ = load8(area.lowerBound.rawValue - 1) }
    case .areaGuardAbove: Self.withArea { area in store8(area.upperBound.rawValue, 0) }
    case .areaUnmapped: Self.withArea { area in _ = load8(area.lowerBound.rawValue + 4096) }
    case .areaEnded:
      var ended = VirtualAddress(0)
      Self.withArea { area in ended = area.lowerBound }
      _ = load8(ended.rawValue)
    case .areaReadOnly:
      Self.withArea(.none) { area in store8(area.lowerBound.rawValue, 0) }
    // Areas come from below.
    case .noArea: _ = load8(layout.vmalloc.upperBound.rawValue - 1)
    case .areaStack: Self.withArea { area in pushAt(area.lowerBound.rawValue) }
    case .slotOfHole:
      _ = load8(layout.frameMetadata.lowerBound.rawValue + 0xfee0_0000 >> 12 * 16)
    case .slotUnused: _ = load8(Self.unusedSlot.rawValue)
    case .bootStub: _ = load8(image.text.lowerBound.rawValue - 1)
    case .outsideImage: _ = load8(layout.kernelCode.upperBound.rawValue - 1)
    case .nonCanonical: _ = load8(layout.addressWidth.lowerHalfEnd.rawValue)
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

  /// Calls `body` with an area of two pages, the first of them mapped, which ends then.
  private static func withArea(
    _ rights: Rights = .write, _ body: (Range<VirtualAddress>) -> Void
  ) {
    do throws(AreaError) {
      var frames: Segment<KernelFrames>?
      do throws(OutOfFrames) { frames = try Segment(frameCount: 1) } catch {
        throw .outOfFrames(error)
      }
      let area = try KernelArea.tracked(&frames, rights, byteCount: 8192)
      body(area.range)
    } catch { panic("no area can be had: \(error)") }
  }

  /// The slot of the last frame of RAM: where there is much of it, nobody has used that yet.
  private static var unusedSlot: VirtualAddress {
    let last = KernelFrames.withAllocator { frames in
      var last = PhysicalAddress(0)
      for index in 0..<frames.map.count where frames.map[index].kind == .usable {
        last = frames.map[index].range.upperBound - 4096
      }
      return last
    }
    return KernelState.layout.frameMetadata.lowerBound + last.rawValue >> 12 * FrameSlot.byteCount
  }

  private static let areaLock = SpinLock(.area)
  private static let frameLock = SpinLock(.frames)
}
