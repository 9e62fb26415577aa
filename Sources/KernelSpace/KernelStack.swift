import Addressing
import Frames
import PageTables

/// A stack between guard pages: who runs over either end faults.
///
///     | guard |      frames of its own      | guard |
///                           <-- grows --- top
public struct KernelStack<Space: KernelAddressSpace>: ~Copyable {
  private let area: KernelVirtualArea<Space>

  /// - Throws: `outOfFrames`, `outOfAddresses`; `empty` if it is to have no pages.
  public init(pageCount: UInt64) throws(AreaError) {
    guard pageCount > 0 else { throw .empty }
    var frames: Segment<Space.Pool>?
    do throws(OutOfFrames) { frames = try Segment(frameCount: pageCount) } catch {
      throw .outOfFrames(error)
    }
    area = try KernelVirtualArea.tracked(&frames, .write)
  }

  /// The stack pointer to begin with: what is pushed first lies below.
  public var top: VirtualAddress { area.range.upperBound }

  public var range: Range<VirtualAddress> { area.range }
}
