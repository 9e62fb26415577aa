// The memory types that MTRRs tell apart, and what comes of it when two of them meet.

/// What the MTRRs say about a physical address (SDM volume 3, table 12-8).
public enum MTRRType: Sendable, BitwiseCopyable {
  /// There is no MTRR, or none is enabled.
  case undecided
  /// UC, encoded 0.
  case uncacheable
  /// WC, encoded 1.
  case writeCombining
  /// WT, encoded 4.
  case writeThrough
  /// WP, encoded 5.
  case writeProtected
  /// WB, encoded 6.
  case writeBack
  /// Ranges overlap whose types the SDM does not let meet.
  case undefinedMix
  /// The register holds an encoding that the SDM reserves.
  case reserved

  init(encoding: UInt8) {
    self =
      switch encoding {
      case 0: .uncacheable
      case 1: .writeCombining
      case 4: .writeThrough
      case 5: .writeProtected
      case 6: .writeBack
      default: .reserved
      }
  }

  /// Whether memory of this type may be mapped write-back, as RAM is.
  public var allowsWriteBack: Bool { self == .writeBack || self == .undecided }

  public var name: StaticString {
    switch self {
    case .undecided: "undecided"
    case .uncacheable: "uncacheable"
    case .writeCombining: "write-combining"
    case .writeThrough: "write-through"
    case .writeProtected: "write-protected"
    case .writeBack: "write-back"
    case .undefinedMix: "undefined mix"
    case .reserved: "reserved"
    }
  }

  /// The type where variable ranges of both types match (SDM volume 3, 12.11.4.1, MTRR
  /// Precedences). The order in which several ranges are combined makes no difference.
  func overlapped(by other: MTRRType) -> MTRRType {
    switch (self, other) {
    case (.uncacheable, _), (_, .uncacheable): .uncacheable
    case (.writeThrough, .writeBack), (.writeBack, .writeThrough): .writeThrough
    default: self == other ? self : .undefinedMix
    }
  }
}
