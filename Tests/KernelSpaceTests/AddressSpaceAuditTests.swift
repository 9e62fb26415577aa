// The audit on trial: good address spaces that were damaged. Exactly the promise that the damage
// breaks must be reported, at the address where it is broken. That good ones pass, and that the
// survey counts right, is tested with each table that is built (BuiltSpace).

import Addressing
import Frames
import KernelSpace
import Oracle
import PageTables
import TestSupport
import Testing

@Suite struct AddressSpaceAuditTests {
  @Test(arguments: AuditDamage.all(.fourLevel) + AuditDamage.all(.fiveLevel))
  func damageIsFound(damage: AuditDamage) throws {
    let space = try BuiltSpace(
      .pc(
        ramByteCount: 6 << 30,
        cpu: FakeCPU(mode: damage.mode, gigabytePages: damage.gigabytePages),
        physicalAddressWidth: 40))
    try damage.apply(space)
    let audit = space.audit()
    #expect(audit.brokenPromises == damage.broken)
    #expect(audit.stray?.rawValue == damage.stray)
  }
}

/// Something done to a good address space: a PC's with 6 GiB and the image at 2 MiB.
struct AuditDamage: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var mode = PagingMode.fourLevel
  var gigabytePages = true
  /// The promises that are broken then, and where.
  var broken: [Promise: UInt64] = [:]
  var stray: UInt64?
  let apply: @Sendable (BuiltSpace) throws -> Void

  init(
    _ description: String, _ broken: [Promise: UInt64], stray: UInt64? = nil,
    gigabytePages: Bool = true, apply: @escaping @Sendable (BuiltSpace) throws -> Void
  ) {
    testDescription = description
    self.broken = broken
    self.stray = stray
    self.gigabytePages = gigabytePages
    self.apply = apply
  }
}
