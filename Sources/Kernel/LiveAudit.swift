import Addressing
import BootInfo
import Frames
import KernelSpace
import Machine
import PageTables

/// The check of the live tables against what the kernel promises, as often as somebody asks.
enum LiveAudit {
  /// What the tables met so far are marked with. No frame has this number: free ones are linked by
  /// theirs through the same word.
  private nonisolated(unsafe) static var round: UInt64 = 1 << 63

  /// Reads all tables. The locks are free again when this returns: printing may take its time.
  static func run() -> AddressSpaceAudit {
    // SAFETY: one CPU runs commands, and the boot before it.
    unsafe round += 1
    let round = unsafe round
    return KernelHalf.withAreas { areas in
      KernelFrames.withAllocator { frames in
        AddressSpaceAudit(
          of: KernelState.liveReader, against: KernelState.plan, frames.map,
          largestPage: KernelState.largestPage,
          isNewTable: { table in frames.meet(table, inRound: round) },
          isAccountedFor: { (run, window) in
            window == .vmalloc
              ? areas.isInOneArea(run.virtual)
              : run.effectiveRights == .write && frames.isMetadata(run.physicalRange)
          })
      }
    }
  }

  /// Reads all tables, shows them as a picture, and says what became of each promise.
  ///
  /// - Returns: whether all are kept.
  static func report() -> Bool {
    let audit = run()
    let reader = KernelState.liveReader
    print("address space, read back from the live tables (root \(reader.root)):")
    AddressSpaceReport(layout: KernelState.layout, survey: audit.survey).print()
    BootReport.printTables(audit.survey, reader.mode)
    let isKept = BootReport.printPromises(audit)
    highlandReported()
    return isKept
  }
}
