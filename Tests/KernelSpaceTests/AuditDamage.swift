// The list of damages: each promise broken in several ways, on 4 and on 5 levels.

import Addressing
import KernelSpace
import Oracle
import PageTables
import TestSupport

extension BuiltSpace {
  fileprivate func change(
    _ address: UInt64, atLevel level: Int? = nil, _ change: (UInt64) -> UInt64
  ) {
    table.reader.changeEntry(for: address, atLevel: level, change)
  }

  /// The entry of `level` on the way to `address`.
  fileprivate func entry(_ address: UInt64, atLevel level: Int) -> UInt64 {
    table.reader.walk(VirtualAddress(address))[machine.cpu.mode.levels - level].entry.rawValue
  }

  /// A new table without entries, as an entry.
  fileprivate func emptyTable() throws -> UInt64 {
    try frames.reserve(1)
    let frame = frames.takeFrame()
    memory.table(at: frame).clear()
    return frame.rawValue | 3
  }
}

extension AuditDamage {
  private static let writable: UInt64 = 1 << 1
  private static let user: UInt64 = 1 << 2
  private static let writeThrough: UInt64 = 1 << 3
  private static let cacheDisable: UInt64 = 1 << 4
  private static let noExecute: UInt64 = 1 << 63
  private static let image = FakeImage()
  private static let code: UInt64 = 0xffff_ffff_8000_0000

  static func all(_ mode: PagingMode) -> [AuditDamage] {
    let places = Places(mode)
    let all =
      onlyRAM(places) + noWritableCode(places) + emptyLowerHalf(places) + ownTables(places)
      + largestPages(places) + oneMemoryType(places) + strays(places)
    return all.map { damage in
      var damage = damage
      damage.mode = mode
      return damage
    }
  }

  /// Where things are in a paging mode.
  struct Places {
    let levels: Int
    let linear, vmalloc, frameMetadata: UInt64
    /// What a top-level entry spans.
    let span: UInt64

    init(_ mode: PagingMode) {
      let windows = Windows(levels: mode.levels)
      levels = mode.levels
      linear = windows.linear.lowerBound
      vmalloc = windows.vmalloc.lowerBound
      frameMetadata = windows.frameMetadata.lowerBound
      span = levels == 4 ? 1 << 39 : 1 << 48
    }
  }

  private static func onlyRAM(_ at: Places) -> [AuditDamage] {
    let linear = at.linear
    return [
      AuditDamage("a device page is mapped", [.onlyRAM: linear + 0xfee0_0000]) {
        try $0.map(linear + 0xfee0_0000..<linear + 0xfee0_1000, to: 0xfee0_0000)
      },
      AuditDamage("a reserved page that touches RAM is mapped", [.onlyRAM: linear + 0x9_f000]) {
        try $0.map(linear + 0x9_f000..<linear + 0xa_0000, to: 0x9_f000)
      },
      AuditDamage("a large page past the end of RAM is mapped", [.onlyRAM: linear + 0x2_0000_0000])
      {
        try $0.map(linear + 0x2_0000_0000..<linear + 0x2_4000_0000, to: 0x2_0000_0000)
      },
      AuditDamage("a page is missing", [.onlyRAM: linear + 0x5000]) {
        $0.change(linear + 0x5000) { _ in 0 }
      },
      AuditDamage("the first page is missing", [.onlyRAM: linear]) {
        $0.change(linear) { _ in 0 }
      },
      AuditDamage("the last page is missing", [.onlyRAM: linear + 0x1_bfff_a000]) {
        $0.change(linear + 0x1_bfff_a000) { _ in 0 }
      },
      AuditDamage("a 1 GiB page is missing", [.onlyRAM: linear + 0x1_4000_0000]) {
        $0.change(linear + 0x1_4000_0000) { _ in 0 }
      },
      AuditDamage("a page leads to a wrong frame of RAM", [.onlyRAM: linear + 0x1000]) {
        $0.change(linear + 0x1000) { $0 + 0x9_d000 }
      },
      AuditDamage("a device page is mapped instead of RAM", [.onlyRAM: linear + 0xfee0_0000]) {
        $0.change(linear + 0x7000) { _ in 0 }
        try $0.map(linear + 0xfee0_0000..<linear + 0xfee0_1000, to: 0xfee0_0000)
      },
    ]
  }

  private static func noWritableCode(_ at: Places) -> [AuditDamage] {
    let linear = at.linear
    let text = image.virtual(0).lowerBound
    let readOnlyData = image.virtual(1).lowerBound
    let data = image.virtual(2).lowerBound
    let alias = linear + image.readOnly.lowerBound
    return [
      AuditDamage("text is writable", [.noWritableCode: text]) {
        $0.change(text) { $0 | writable }
      },
      AuditDamage("a page of text is writable", [.noWritableCode: text + 0x3000]) {
        $0.change(text + 0x3000) { $0 | writable }
      },
      AuditDamage("read-only data is writable", [.noWritableCode: readOnlyData + 0x1000]) {
        $0.change(readOnlyData + 0x1000) { $0 | writable }
      },
      // Its neighbour below is writable RAM: one run.
      AuditDamage("the alias of text is writable", [.noWritableCode: alias]) {
        $0.change(alias) { $0 | writable }
      },
      AuditDamage(
        "the alias of read-only data is writable",
        [.noWritableCode: linear + image.readOnly.upperBound - 0x1000]
      ) {
        $0.change(linear + image.readOnly.upperBound - 0x1000) { $0 | writable }
      },
      AuditDamage("data is executable", [.noWritableCode: data + 0x2000]) {
        $0.change(data + 0x2000) { $0 & ~noExecute }
      },
      // Its neighbour below is text: one run.
      AuditDamage("read-only data is executable", [.noWritableCode: readOnlyData]) {
        $0.change(readOnlyData) { $0 & ~noExecute }
      },
      AuditDamage("a stack is executable", [.noWritableCode: image.virtual(5).lowerBound]) {
        $0.change(image.virtual(5).lowerBound) { $0 & ~noExecute }
      },
      AuditDamage("RAM is executable", [.noWritableCode: linear + 0x1_4000_0000]) {
        $0.change(linear + 0x1_4000_0000) { $0 & ~noExecute }
      },
      AuditDamage("the alias of text is executable", [.noWritableCode: alias + 0x4000]) {
        $0.change(alias + 0x4000) { $0 & ~noExecute }
      },
      AuditDamage(
        "text has a writable alias in another window", [.noWritableCode: at.vmalloc],
        stray: at.vmalloc
      ) {
        try $0.map(at.vmalloc..<at.vmalloc + 0x1000, to: image.readOnly.lowerBound)
      },
      AuditDamage("a page is open to user mode", [.noWritableCode: linear + 0x3000]) { space in
        for level in 1...at.levels { space.change(linear + 0x3000, atLevel: level) { $0 | user } }
      },
    ]
  }

  private static func emptyLowerHalf(_ at: Places) -> [AuditDamage] {
    [
      AuditDamage("an entry of the lower half leads to an empty table", [.emptyLowerHalf: 0]) {
        let table = try $0.emptyTable()
        $0.change(0, atLevel: at.levels) { _ in table }
      },
      AuditDamage("an entry of the lower half has a bit", [.emptyLowerHalf: 255 * at.span]) {
        $0.change(255 * at.span, atLevel: at.levels) { _ in 1 << 9 }
      },
      AuditDamage(
        "a page of the lower half is mapped", [.emptyLowerHalf: 7 * at.span],
        stray: 7 * at.span + 0x5000
      ) {
        try $0.map(7 * at.span + 0x5000..<7 * at.span + 0x6000, to: 0x5000)
      },
    ]
  }

  private static func ownTables(_ at: Places) -> [AuditDamage] {
    /// Lets the entry of `level` for `address` lead to the table below that for `source`.
    func share(_ level: Int, _ address: UInt64, with source: UInt64) -> AuditDamage {
      AuditDamage("a table of level \(level - 1) is shared", [.ownTables: address]) { space in
        let entry = space.entry(source, atLevel: level)
        space.change(address, atLevel: level) { _ in entry }
      }
    }
    let (linear, top) = (at.linear, at.levels)
    let far = linear + 44 * at.span
    // Where the level has an entry that is not in use.
    var shares = [
      share(2, code + 0x40_0000, with: linear), share(3, linear + 100 << 30, with: linear),
      share(top, far, with: linear),
    ]
    if top == 5 { shares.append(share(4, at.vmalloc, with: linear)) }
    return shares + [
      AuditDamage("the root is its own lower table", [.ownTables: far]) { space in
        space.change(far, atLevel: top) { _ in space.table.root.rawValue | 3 }
      },
      AuditDamage("a top-level entry is missing", [.ownTables: far]) {
        $0.change(far, atLevel: top) { _ in 0 }
      },
      AuditDamage("a table's frame was never taken", [.ownTables: far]) {
        $0.change(far, atLevel: top) { _ in 0x800_0003 }
      },
      AuditDamage("a table of RAM lies past 4 GiB", [.ownTables: linear]) {
        $0.change(linear, atLevel: 2) { _ in 0x1_5000_0003 }
      },
    ]
  }

  private static func largestPages(_ at: Places) -> [AuditDamage] {
    let linear = at.linear
    // Where RAM goes on behind the image's read-only alias.
    let behindImage = linear + image.readOnly.upperBound
    /// Maps a page of RAM anew, by smaller ones.
    @Sendable func split(_ range: Range<UInt64>, _ largest: PageSize, in space: BuiltSpace) throws {
      space.change(range.lowerBound) { _ in 0 }
      try space.map(range, to: range.lowerBound - linear, largest: largest)
    }
    return [
      AuditDamage("2 MiB by 4 KiB pages", [.largestPages: behindImage]) {
        try split(linear + 0x2000_0000..<linear + 0x2020_0000, .size4KiB, in: $0)
      },
      AuditDamage("1 GiB by 2 MiB pages", [.largestPages: linear + 0x1_0000_0000]) {
        try split(linear + 0x1_4000_0000..<linear + 0x1_8000_0000, .size2MiB, in: $0)
      },
      AuditDamage("pages of 1 GiB that the CPU has not", [.largestPages: behindImage]) {
        $0.largestPage = .size2MiB
      },
      AuditDamage(
        "no pages of 1 GiB, but the CPU has them", [.largestPages: behindImage],
        gigabytePages: false
      ) {
        $0.largestPage = .size1GiB
      },
    ]
  }

  private static func oneMemoryType(_ at: Places) -> [AuditDamage] {
    let linear = at.linear
    func leaf(_ description: String, _ address: UInt64, _ bits: UInt64) -> AuditDamage {
      AuditDamage(description, [.oneMemoryType: address]) { $0.change(address) { $0 | bits } }
    }
    func uncached(
      _ description: String, _ mask: UInt64, _ base: UInt64, at address: UInt64
    ) -> AuditDamage {
      AuditDamage(description, [.oneMemoryType: address]) {
        var machine = $0.machine
        machine.registers = Registers(width: 40, defaultType: 6, variable: [(0, mask, base)])
        $0.plan = try machine.plan()
      }
    }
    return [
      leaf("a page with PCD", linear + 0x4000, cacheDisable),
      leaf("a page of the image with PWT", image.virtual(2).lowerBound + 0x1000, writeThrough),
      leaf("a 4 KiB page with PAT", linear + 0x4000, 1 << 7),
      leaf("a 2 MiB page with PAT", linear + 0x60_0000, 1 << 12),
      leaf("a 1 GiB page with PAT and PCD", linear + 0x1_4000_0000, 1 << 12 | cacheDisable),
      uncached(
        "RAM that an MTRR makes uncacheable is mapped", 0xff_ffe0_0000, 0x1_4120_0000,
        at: linear + 0x1_4120_0000),
      uncached(
        "RAM that ends in an uncacheable range is mapped", 0xff_ffff_0000, 0x9_0000,
        at: linear + 0x9_0000),
    ]
  }

  private static func strays(_ at: Places) -> [AuditDamage] {
    func stray(_ description: String, _ address: UInt64, to physical: UInt64) -> AuditDamage {
      AuditDamage(description, [:], stray: address) {
        try $0.map(address..<address + 0x1000, to: physical)
      }
    }
    let guardPage = image.virtual(4).lowerBound - 0x1000
    return [
      stray("a page in the vmalloc window", at.vmalloc + 0x1_2345_6000, to: 0x5000),
      stray("a page in the frame metadata window", at.frameMetadata + 3 << 30, to: 0x5000),
      stray("a page in the unused hole", code - 0x1000, to: 0x5000),
      stray("a page in the unused top", code + 1 << 30, to: 0x5000),
      stray("a page at the end of the address space", 0xffff_ffff_ffff_e000, to: 0x5000),
      stray("a page of the kernel code window past the image", code + 0x300_0000, to: 0x300_0000),
      stray("a guard page between stacks", guardPage, to: guardPage - code),
      stray("the boot part of the image", code + 0x20_0000, to: 0x20_0000),
      AuditDamage(
        "a page of the image leads to a wrong frame", [:],
        stray: image.virtual(2).lowerBound + 0x1000
      ) {
        $0.change(image.virtual(2).lowerBound + 0x1000) { $0 + 0x10_0000 }
      },
    ]
  }
}
