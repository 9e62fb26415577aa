// What the CPU can do, as far as the kernel's address space depends on it: read once from CPUID
// (SDM volume 2, CPUID) and handed to whoever plans, so that tests can plan for made-up CPUs.
//
//     leaf         register and bits
//     0            EAX maximum basic leaf   EBX, EDX, ECX vendor, twelve letters in that order
//     1            EDX 7 MCE   12 MTRR   13 PGE   16 PAT      ECX 31 a hypervisor runs us
//     7            EBX 7 SMEP   20 SMAP          ECX 2 UMIP   16 LA57
//     0x8000_0000  EAX maximum extended leaf
//     0x8000_0001  EDX 20 execute disable   26 1-GiB pages
//     0x8000_0008  EAX 7:0 physical address width

import Addressing
import Machine

/// The features of one CPU.
public struct ProcessorFeatures: Sendable {
  /// The vendor's name in ASCII, "GenuineIntel" for one.
  public let vendor: InlineArray<12, UInt8>

  /// Machine checks as exceptions: CR4.MCE may be set. Without it one resets the machine.
  public let machineCheck: Bool
  /// Memory type range registers.
  public let mtrr: Bool
  /// AMD's SYSCFG and TOM2 registers, which share in the say about memory types. Hypervisors
  /// imitate the MTRRs but seldom these, and reading a register that is not there is a fault.
  public let topOfMemory2: Bool
  /// Translations that outlive a change of CR3: CR4.PGE may be set.
  public let globalPages: Bool
  /// The page attribute table.
  public let pat: Bool
  /// Supervisor-mode execution prevention: CR4.SMEP may be set.
  public let smep: Bool
  /// Supervisor-mode access prevention: CR4.SMAP may be set.
  public let smap: Bool
  /// User-mode instruction prevention: CR4.UMIP may be set.
  public let umip: Bool
  /// 57-bit virtual addresses: 5-level paging.
  public let la57: Bool
  /// Execute disable: IA32_EFER.NXE may be set.
  public let noExecute: Bool
  /// Entries of level 3 may be leaves.
  public let gigabytePages: Bool

  /// The bits of a physical address, MAXPHYADDR in the SDM: 36 where the CPU does not say
  /// (volume 3, 4.1.4), and never more than a page-table entry can hold.
  public let physicalAddressWidth: Int

  public var largestPage: PageSize { gigabytePages ? .size1GiB : .size2MiB }

  /// Reads the features. A leaf above the maximum is never read: it would return something else's
  /// bits. It counts as all zeros.
  public init(readCPUID: (_ leaf: UInt32, _ subleaf: UInt32) -> CPUIDResult) {
    func leaf(_ number: UInt32, upTo maximum: UInt32) -> CPUIDResult {
      number <= maximum ? readCPUID(number, 0) : CPUIDResult()
    }
    func has(_ bit: UInt32, of register: UInt32) -> Bool { register & 1 << bit != 0 }

    let basic = readCPUID(0, 0)
    vendor = InlineArray { index in
      let register = index < 4 ? basic.ebx : index < 8 ? basic.edx : basic.ecx
      return UInt8(truncatingIfNeeded: register >> UInt32(index % 4 * 8))
    }

    let identity = leaf(1, upTo: basic.eax)
    machineCheck = has(7, of: identity.edx)
    mtrr = has(12, of: identity.edx)
    globalPages = has(13, of: identity.edx)
    pat = has(16, of: identity.edx)
    // "Auth" of AuthenticAMD, "Hygo" of HygonGenuine.
    let isAMD = basic.ebx == 0x6874_7541 || basic.ebx == 0x6f67_7948
    topOfMemory2 = isAMD && mtrr && !has(31, of: identity.ecx)

    let structured = leaf(7, upTo: basic.eax)
    smep = has(7, of: structured.ebx)
    smap = has(20, of: structured.ebx)
    umip = has(2, of: structured.ecx)
    la57 = has(16, of: structured.ecx)

    let lastExtended = readCPUID(0x8000_0000, 0).eax
    let extended = leaf(0x8000_0001, upTo: lastExtended)
    noExecute = has(20, of: extended.edx)
    gigabytePages = has(26, of: extended.edx)

    let width = Int(leaf(0x8000_0008, upTo: lastExtended).eax & 0xff)
    physicalAddressWidth = width == 0 ? 36 : min(width, PhysicalAddress.widest)
  }
}
