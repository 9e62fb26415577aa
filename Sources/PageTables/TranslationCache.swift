import Addressing

/// What the CPUs remember of page tables: translations in the TLBs, upper entries in the
/// paging-structure caches (SDM volume 3, 4.10.2 and 4.10.3), and the data they cached by them.
///
/// Neither notices a change in memory. What `FlushToken.spend` asks for has happened, on every CPU,
/// when the call returns; and no store before the call is delayed past it.
public protocol TranslationCache: ~Copyable {
  /// Forgets the translation of the 4 KiB page at `page`, global or not, and the upper entries on
  /// its way: INVLPG (SDM volume 3, 4.10.4.1).
  mutating func invalidate(page: VirtualAddress)

  /// Forgets everything, global translations too: a change of CR4.PGE (SDM volume 3, 4.10.4.1).
  mutating func invalidateAll()

  /// Writes modified data back and empties the data caches, as memory that is no longer write-back
  /// demands: WBINVD (SDM volume 3, 12.12.4).
  mutating func writeBackData()
}
