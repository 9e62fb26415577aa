import Addressing
import Frames
import KernelSpace
import PageTables

// What self tests of areas share.

let pageByteCount = PageSize.size4KiB.byteCount

/// A self test of areas, which must leave nothing behind: as many free frames, reservations and
/// pages of the vmalloc window as before. Frames that became nodes of trees stay that.
func testAreas(_ name: StaticString, _ body: () throws(AreaError) -> Void) {
  test(name) {
    KernelHalf.flush()
    let before = Statistics.now
    do throws(AreaError) { try body() } catch { expect(false, "no call fails") }
    KernelHalf.flush()
    let after = Statistics.now
    expect(after.frames == before.frames, "all frames have come back")
    expect(after.pages == before.pages, "so have the pages of the window")
    expect(after.reservations == before.reservations, "no reservation is left")
  }
}

private struct Statistics {
  let frames, pages: UInt64
  let reservations: Int

  static var now: Statistics {
    let frames = KernelFrames.withAllocator { frames in
      frames.freeCount + UInt64(frames.bookkeepingFrameCount)
    }
    return KernelHalf.withAreas { areas in
      Statistics(
        frames: frames + UInt64(areas.bookkeepingFrameCount), pages: areas.freePageCount,
        reservations: areas.reservationCount)
    }
  }
}

func makeSegment(
  _ frameCount: UInt64, order: UInt64 = 0
) throws(AreaError) -> Segment<KernelFrames> {
  do throws(OutOfFrames) {
    return try Segment(frameCount: frameCount, order: order)
  } catch { throw .outOfFrames(error) }
}

/// A writable area with frames of its own.
func makeArea(_ frameCount: UInt64, order: UInt64 = 0) throws(AreaError) -> KernelArea {
  var frames: Segment<KernelFrames>? = try makeSegment(frameCount, order: order)
  return try KernelArea.tracked(&frames, .write)
}

/// The error of a call that must fail.
func error(of body: () throws(AreaError) -> Void) -> AreaError? {
  do throws(AreaError) {
    try body()
    return nil
  } catch { return error }
}

/// Expects the pages on both sides of an area to fault.
func expectGuards(
  around range: Range<VirtualAddress>, file: StaticString = #fileID, line: UInt = #line
) {
  let (below, above) = (range.lowerBound - 1, range.upperBound)
  expect(
    Probe.read(below), isPageFault: 0x0, at: below, "the guard page below faults", file: file,
    line: line)
  expect(
    Probe.write(above, 0), isPageFault: 0x2, at: above, "the guard page above faults", file: file,
    line: line)
}

/// Ends an area at once.
func drop(_ area: consuming KernelArea) {}
