import Addressing
import KernelSpace
import Machine
import PageTables

// The address space as a picture, highest address on top, with what an audit counted in the live
// tables:
//
//      +-+ <- 0xffff_ffff_c000_0000
//      |#|    kernel code      r-x   124 KiB:  0 x 1 GiB,   0 x 2 MiB,  31 x 4 KiB
//      |#|                     r--   ...
//      +-+ <- 0xffff_ffff_8000_0000
//      | |    unused hole

struct AddressSpaceReport {
  let layout: Layout
  let survey: AddressSpaceSurvey

  func print() {
    Kernel.print(" | |    \(Window.beyondTheEnd.name)")
    boundary(Layout.end)
    contents(.unusedTop)
    boundary(layout.kernelCode.upperBound)
    contents(.kernelCode)
    boundary(layout.kernelCode.lowerBound)
    contents(.unusedHole)
    boundary(layout.frameMetadata.upperBound)
    contents(.frameMetadata)
    boundary(layout.frameMetadata.lowerBound)
    contents(.vmalloc)
    boundary(layout.vmalloc.lowerBound)
    contents(.linearMapping)
    boundary(layout.linearMapping.lowerBound)
    Kernel.print(" . .    \(Window.notCanonical.name)")
    boundary(layout.addressWidth.lowerHalfEnd)
    contents(.lowerHalf)
    boundary(VirtualAddress(0))
  }

  private func boundary(_ address: VirtualAddress) { Kernel.print(" +-+ <- \(address)") }

  /// A line per combination of rights that the window's pages have.
  private func contents(_ window: Window) {
    var isFirst = true
    for bits in 0...Rights.all.rawValue {
      let rights = Rights(rawValue: bits)
      let pages = survey.pages(in: window, rights)
      guard pages.byteCount > 0 else { continue }
      Kernel.print(
        """
         |#|    \(isFirst ? window.name : "", width: 16) \(rights.word) \
        \(bytes: pages.byteCount, width: 12): \(pages.size1GiB, width: 4) x 1 GiB, \
        \(pages.size2MiB, width: 4) x 2 MiB, \(pages.size4KiB, width: 4) x 4 KiB
        """)
      isFirst = false
    }
    if isFirst { Kernel.print(" | |    \(window.name, width: 16) nothing mapped") }
  }
}

/// After each report: a symbol for a debugger to stop at, and to hold what was said against what it
/// sees itself.
@c(highlandReported) @inline(never)
public func highlandReported() {
  spinLoopHint()  // does nothing, but the compiler may not leave it out
}
