import BootInfo
import KernelSpace
import Oracle
import PageTables
import TestSupport

/// What Highland does on a machine: boots into an address space that two judges have looked at, or
/// refuses it.
struct MachinePlan {
  enum Outcome {
    case built(BuiltSpace, Verdict)
    case refused(String)
  }

  let firmwareMap: FirmwareMap
  let cpu: FakeCPU
  let physicalAddressWidth: Int
  let outcome: Outcome

  init(
    firmwareMap: FirmwareMap, cpu: FakeCPU, physicalAddressWidth: Int, outcome: Outcome
  ) {
    self.firmwareMap = firmwareMap
    self.cpu = cpu
    self.physicalAddressWidth = physicalAddressWidth
    self.outcome = outcome
  }

  init(_ firmwareMap: FirmwareMap, _ cpu: FakeCPU, physicalAddressWidth: Int) throws {
    self.firmwareMap = firmwareMap
    self.cpu = cpu
    self.physicalAddressWidth = physicalAddressWidth
    guard let image = firmwareMap.image else {
      let size = size(FakeImage().byteCount)
      outcome = .refused("no usable RAM for a kernel of \(size) at a multiple of 2 MiB below 4 GiB")
      return
    }
    let machine = FakeMachine(
      cpu: cpu, physicalAddressWidth: physicalAddressWidth, reports: firmwareMap.reports,
      image: image)
    do {
      let space = try BuiltSpace(machine)
      let ram = firmwareMap.ram.map { $0.clamped(to: 0..<machine.limit) }
      outcome = .built(space, Verdict(space, ram: ram))
    } catch let error as MemoryMapError {
      outcome = .refused(Self.reason(error))
    } catch PageTableError.outOfFrames(let shortage) {
      outcome = .refused(
        "too little RAM for the page tables: \(shortage.needed) frames needed at once, "
          + "\(shortage.available) left below 4 GiB")
    }
  }

  var isRefused: Bool { if case .refused = outcome { true } else { false } }

  /// To refuse a machine is to keep the promise that bad input ends in one clear line.
  var status: Status {
    if case .built(_, let verdict) = outcome, !verdict.isKept { .brokenPromise } else { .success }
  }

  private static func reason(_ error: MemoryMapError) -> String {
    switch error {
    case .tooManyEntries: "the memory map has more than \(MemoryMap.kernelCapacity) entries"
    case .notInRAM(let kind, let address, let other):
      "the \(kind.name) at \(digits(address.rawValue)) lies in \(other.map { "\($0.name)" } ?? "a hole")"
        + ", not in usable RAM"
    case .pastLimit(let kind, let address):
      "the \(kind.name) at \(digits(address.rawValue)) lies past what the CPU can address"
    case .noUsableRAM: "the memory map has no usable RAM"
    }
  }
}

/// What the judges found.
struct Verdict {
  let survey: AddressSpaceSurvey
  /// What breaks a promise, in words.
  private(set) var findings: [Promise: [String]] = [:]
  /// What is wrong besides: mappings and entries that nobody asked for, judges who disagree.
  private(set) var others: [String] = []

  /// - Parameter ram: what must be in the linear mapping.
  init(_ space: BuiltSpace, ram: [Range<UInt64>]) {
    let audit = space.audit()
    let snapshot = space.snapshot()
    let oracle = space.machine.oracle(ram: ram)
    survey = audit.survey
    findings = [
      .onlyRAM: snapshot.linearViolations(on: oracle),
      .noWritableCode: snapshot.rightsViolations(on: oracle),
      .emptyLowerHalf: snapshot.lowerHalfViolations(),
      .ownTables: snapshot.topLevelViolations(),
      .largestPages: snapshot.largestPagesViolations(gigabytePages: oracle.gigabytePages)
        + snapshot.pageSizeViolations(gigabytePages: oracle.gigabytePages),
      .oneMemoryType: snapshot.runs.filter { $0.patIndex != 0 }
        .map { "\(digits($0.virtual)) is not write-back" },
    ]
    for (promise, address) in audit.brokenPromises {
      findings[promise]?.append("Highland's own audit: at \(digits(address))")
    }
    others = snapshot.problems + snapshot.strayViolations(on: oracle)
    if let stray = audit.stray {
      others.append("Highland's own audit: nothing belongs at \(digits(stray.rawValue))")
    }
    others += space.disagreements(audit, snapshot)
  }

  var isKept: Bool { findings.values.allSatisfy(\.isEmpty) && others.isEmpty }

  /// The broken promises by number.
  var broken: [Promise] {
    findings.filter { !$0.value.isEmpty }.keys.sorted { $0.rawValue < $1.rawValue }
  }
}
