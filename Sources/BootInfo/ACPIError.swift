/// Why an ACPI structure cannot be believed, and where.
public struct ACPIError: Error, Equatable {
  public enum Reason: UInt8, Sendable {
    case truncated
    case wrongSignature
    case wrongChecksum
    case wrongExtendedChecksum
    case lengthTooSmall
    case lengthTooLarge
    case rootTableMissing
    case entryTooShort
    case entryPastEnd
    case timerNotInMemory
    case timerAddressMissing

    /// The reason in words, to follow the name of the structure and ": ".
    public var message: StaticString {
      switch self {
      case .truncated: "it is longer than what was given"
      case .wrongSignature: "its signature is another's"
      case .wrongChecksum: "its checksum is wrong"
      case .wrongExtendedChecksum: "its extended checksum is wrong"
      case .lengthTooSmall: "its length is too small for its fields"
      case .lengthTooLarge: "its length is over 16 MiB"
      case .rootTableMissing: "it points to no root table"
      case .entryTooShort: "an entry is too short for its fields"
      case .entryPastEnd: "an entry runs past the end"
      case .timerNotInMemory: "the timer's registers are not in memory"
      case .timerAddressMissing: "the timer's address is zero"
      }
    }
  }

  public let reason: Reason

  /// The byte offset, from the start of the structure, of the field or entry at fault.
  public let offset: Int

  init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}
