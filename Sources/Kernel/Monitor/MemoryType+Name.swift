import BootInfo
import PageTables

extension MemoryType: NamedChoice {
  public var name: StaticString {
    switch self {
    case .writeBack: "write-back"
    case .writeThrough: "write-through"
    case .uncacheableMinus: "uncacheable-minus"
    case .uncacheable: "uncacheable"
    case .writeProtected: "write-protected"
    case .writeCombining: "write-combining"
    }
  }
}
