import Addressing
import BootInfo
import KernelSpace
import PageTables

extension Command {
  /// What is mapped in a range, in a window, or anywhere.
  @_lifetime(arguments: copy arguments)
  func mappings(_ arguments: inout Arguments) throws(CommandFailure) {
    var chosen = VirtualAddress(0)...VirtualAddress(.max)
    if let word = arguments.next() {
      let range: Range<VirtualAddress>
      if let window = NamedWindow(named: word) {
        range = window.range
      } else {
        let numbers = try arguments.range(word)
        range = VirtualAddress(numbers.lowerBound)..<VirtualAddress(numbers.upperBound)
      }
      guard !range.isEmpty else { throw arguments.refuse("\(word) is empty") }
      chosen = range.lowerBound...range.upperBound - 1
    }
    try arguments.finish()
    var window: Window?
    LiveMappings.forEachRun(from: chosen.lowerBound, to: chosen.upperBound) { run in
      let start = run.virtual.lowerBound
      let current = KernelState.layout.window(of: start)
      if current != window { print("\(current.name)") }
      window = current
      print(
        """
          \(start) - \(run.virtual.upperBound) \(bytes: run.virtual.byteCount, width: 12) \
        \(run.effectiveRights.word) \(run.memoryType.name) to \(run.physical): \
        \(run.pages.size1GiB) x 1 GiB, \(run.pages.size2MiB) x 2 MiB, \(run.pages.size4KiB) x 4 KiB
        """)
    }
    if window == nil { print("nothing is mapped there") }
  }
}

/// The windows that hold mappings, as they are typed.
enum NamedWindow: UInt8, NamedChoice {
  case linearMapping, vmalloc, frameMetadata, kernelCode

  var name: StaticString {
    switch self {
    case .linearMapping: "linear-mapping"
    case .vmalloc: "vmalloc"
    case .frameMetadata: "frame-metadata"
    case .kernelCode: "kernel-code"
    }
  }

  var range: Range<VirtualAddress> {
    let layout = KernelState.layout
    return switch self {
    case .linearMapping: layout.linearMapping
    case .vmalloc: layout.vmalloc
    case .frameMetadata: layout.frameMetadata
    case .kernelCode: layout.kernelCode
    }
  }
}
