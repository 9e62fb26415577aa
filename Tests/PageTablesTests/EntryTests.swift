// Entries bit by bit, against the literals of SDM volume 3, tables 4-15 to 4-20.

import Addressing
import PageTables
import Testing

private let sizes: [PageSize] = [.size4KiB, .size2MiB, .size1GiB]
private let page = PhysicalAddress(0x000f_abcd_4000_0000)

private func rights(_ rawValue: UInt8) -> Rights {
  var rights = Rights.none
  if rawValue & 1 != 0 { rights.insert(.write) }
  if rawValue & 2 != 0 { rights.insert(.execute) }
  if rawValue & 4 != 0 { rights.insert(.user) }
  return rights
}

@Suite struct EntryTests {
  @Test func eachPropertyHasItsBits() {
    let present: UInt64 = 1
    let executeDisable: UInt64 = 0x8000_0000_0000_0000
    let pageSize: UInt64 = 1 << 7
    let expected: [(PageProperty, UInt64)] = [
      (PageProperty(rights: .none), executeDisable),
      (PageProperty(rights: .execute), 0),
      (PageProperty(rights: .write), executeDisable | 1 << 1),
      (PageProperty(rights: .user), executeDisable | 1 << 2),
      (PageProperty(rights: .none, memoryType: .writeThrough), executeDisable | 1 << 3),
      (PageProperty(rights: .none, memoryType: .uncacheableMinus), executeDisable | 1 << 4),
      (PageProperty(rights: .none, memoryType: .uncacheable), executeDisable | 0b11 << 3),
      (PageProperty(rights: .none, isGlobal: true), executeDisable | 1 << 8),
      (PageProperty.kernel(.write), executeDisable | 1 << 8 | 1 << 1),
      (PageProperty(rights: .none, software: 0b111), executeDisable | 0b111 << 9),
      (PageProperty(rights: .none, software: 0x3f8), executeDisable | 0x7f << 52),
    ]
    for (property, bits) in expected {
      for size in sizes {
        let entry = PageTableEntry.leaf(at: page, size: size, property)
        let large = size == .size4KiB ? 0 : pageSize
        #expect(entry.rawValue == page.rawValue | present | large | bits)
      }
    }
  }

  @Test func patIsBit7OfASmallLeafAndBit12OfALargeOne() {
    let property = PageProperty(rights: .execute, memoryType: .writeProtected)
    let combining = PageProperty(rights: .execute, memoryType: .writeCombining)
    func bits(_ size: PageSize, _ property: PageProperty) -> UInt64 {
      PageTableEntry.leaf(at: PhysicalAddress(0), size: size, property).rawValue
    }
    #expect(bits(.size4KiB, property) == 0x81)
    #expect(bits(.size4KiB, combining) == 0x89)
    for size in [PageSize.size2MiB, .size1GiB] {
      #expect(bits(size, property) == 0x1081)
      #expect(bits(size, combining) == 0x1089)
    }
  }

  /// SDM volume 3, table 12-10: UC 0, WC 1, WT 4, WP 5, WB 6, UC- 7.
  @Test func eachMemoryTypeIsWhereThePatRegisterHasIt() {
    let encodings: [(MemoryType, UInt64)] = [
      (.uncacheable, 0), (.writeCombining, 1), (.writeThrough, 4), (.writeProtected, 5),
      (.writeBack, 6), (.uncacheableMinus, 7),
    ]
    for (type, encoding) in encodings {
      #expect(MemoryType.pageAttributeTable >> (8 * UInt64(type.patIndex)) & 0xff == encoding)
    }
    for index in UInt8(0)..<8 {
      let encoding = MemoryType.pageAttributeTable >> (8 * UInt64(index)) & 0xff
      #expect(encodings.contains { $0 == (MemoryType(patIndex: index), encoding) })
    }
    // The lower half is that of the CPU's reset: WB, WT, UC-, UC.
    #expect(MemoryType.pageAttributeTable & 0xffff_ffff == 0x0007_0406)
  }

  @Test(arguments: sizes)
  func everyPropertyComesBack(size: PageSize) {
    let softwareBits: [UInt16] = [0, 0x3ff] + (0..<10).map { 1 << $0 }
    for rightsBits in UInt8(0)..<8 {
      for typeIndex in UInt8(0)..<6 {
        for isGlobal in [false, true] {
          for software in softwareBits {
            let property = PageProperty(
              rights: rights(rightsBits), memoryType: MemoryType(patIndex: typeIndex),
              isGlobal: isGlobal, software: software)
            let entry = PageTableEntry.leaf(at: page, size: size, property)
            guard entry.property(size: size) == property, entry.rights == property.rights,
              entry.item(atLevel: size.level) == .leaf(page, size)
            else {
              Issue.record("\(property) came back as \(entry.property(size: size))")
              return
            }
          }
        }
      }
    }
  }

  @Test func softwareBitsPastTheTenthTouchNothing() {
    let property = PageProperty(rights: .none, software: 0xfc00)
    let entry = PageTableEntry.leaf(at: page, size: .size4KiB, property)
    #expect(entry == .leaf(at: page, size: .size4KiB, PageProperty(rights: .none)))
  }

  @Test func accessedAndDirtyAreBits5And6() {
    let leaf = PageTableEntry.leaf(at: page, size: .size4KiB, .kernel(.write))
    #expect(!leaf.isAccessed && !leaf.isDirty)
    let accessed = PageTableEntry(rawValue: leaf.rawValue | 1 << 5)
    #expect(accessed.isAccessed && !accessed.isDirty)
    let dirty = PageTableEntry(rawValue: leaf.rawValue | 1 << 6)
    #expect(!dirty.isAccessed && dirty.isDirty)
  }

  @Test func aTableEntryGrantsEverythingButUser() {
    #expect(PageTableEntry.table(at: page).rawValue == page.rawValue | 0b011)
    #expect(PageTableEntry.table(at: page, user: true).rawValue == page.rawValue | 0b111)
    #expect(PageTableEntry.table(at: page).rights == .write | .execute)
    #expect(PageTableEntry.table(at: page, user: true).rights == .all)
  }

  @Test(arguments: 1...5)
  func anEntryIsAbsentATableOrALeaf(level: Int) {
    #expect(PageTableEntry.absent.item(atLevel: level) == .absent)
    // All bits but present: the CPU looks at none of them.
    #expect(PageTableEntry(rawValue: ~1).item(atLevel: level) == .absent)
    let field = PhysicalAddress(0x000f_ffff_ffff_f000)
    let allBits = PageTableEntry(rawValue: ~0).item(atLevel: level)
    let noPageSize = PageTableEntry(rawValue: ~(1 << 7)).item(atLevel: level)
    switch level {
    case 1:
      #expect(allBits == .leaf(field, .size4KiB))
      #expect(noPageSize == .leaf(field, .size4KiB))
    case 2:
      #expect(allBits == .leaf(PhysicalAddress(0x000f_ffff_ffe0_0000), .size2MiB))
      #expect(noPageSize == .table(field))
    case 3:
      #expect(allBits == .leaf(PhysicalAddress(0x000f_ffff_c000_0000), .size1GiB))
      #expect(noPageSize == .table(field))
    default:
      #expect(noPageSize == .table(field))
    }
  }

  @Test func aLeafAtAMisalignedAddressTraps() async {
    await #expect(processExitsWith: .failure) {
      _ = PageTableEntry.leaf(
        at: PhysicalAddress(0x1000), size: .size2MiB, PageProperty(rights: .none))
    }
  }
}
