import Addressing
import Machine
import PageTables

/// What this CPU remembers of page tables. There is no other CPU to tell yet.
public struct CPUTranslationCache: TranslationCache {
  public init() {}

  public mutating func invalidate(page: VirtualAddress) { invalidatePage(page.rawValue) }

  /// A change of CR4.PGE forgets everything. Where it is off there are no global translations, and
  /// a load of CR3 does (SDM volume 3, 4.10.4.1).
  public mutating func invalidateAll() {
    let globalPages: UInt64 = 1 << 7
    let cr4 = readCR4()
    if cr4 & globalPages != 0 {
      writeCR4(cr4 & ~globalPages)
      writeCR4(cr4)
    } else {
      writeCR3(readCR3())
    }
  }

  public mutating func writeBackData() { writeBackCaches() }
}
