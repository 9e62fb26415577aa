import Addressing
import TestSupport

/// What is asked for: a map, and a CPU to go with it. Without other word it is one that leaves
/// nothing out: five levels, 1 GiB pages, and all the physical address bits there can be.
struct Settings {
  private(set) var map = ""
  private(set) var mode = PagingMode.fiveLevel
  private(set) var gigabytePages = true
  private(set) var physicalAddressWidth = 52

  var cpu: FakeCPU { FakeCPU(mode: mode, gigabytePages: gigabytePages) }

  /// - Parameter arguments: NAME=value; an empty value leaves the setting as it is.
  init(_ arguments: [String]) throws {
    for argument in arguments {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw InputError("not understood: \(argument)") }
      let value = parts[1]
      if value.isEmpty { continue }
      func flag() throws -> Bool {
        guard value == "0" || value == "1" else { throw InputError("\(argument): neither 0 nor 1") }
        return value == "1"
      }
      switch parts[0] {
      case "MAP": map = String(value)
      case "LA57": mode = try flag() ? .fiveLevel : .fourLevel
      case "PDPE1GB": gigabytePages = try flag()
      case "PHYSBITS":
        guard let width = Int(value), 32...52 ~= width else {
          throw InputError("\(argument): no number from 32 to 52")
        }
        physicalAddressWidth = width
      default: throw InputError("not understood: \(argument)")
      }
    }
    if map.isEmpty { throw InputError("no map: make plan MAP=file, MAP=directory or MAP=-") }
  }
}
