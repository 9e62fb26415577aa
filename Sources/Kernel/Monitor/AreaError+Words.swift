import BootInfo
import KernelSpace
import PageTables

// Why an area could not do what was asked, in words.

extension Text.Interpolation {
  func appendInterpolation(_ error: AreaError) {
    switch error {
    case .empty: appendLiteral("nothing was asked for")
    case .misaligned(let number):
      appendInterpolation(shortHex: number)
      appendLiteral(" is not a multiple of 4 KiB")
    case .outsideArea(let offset):
      appendInterpolation(shortHex: offset)
      appendLiteral(" lies past the end of the area")
    case .outOfAddresses(let count):
      appendLiteral("the vmalloc window has no room for pages in a row: ")
      appendInterpolation(count)
    case .outOfFrames(let shortage):
      appendLiteral("too few free frames: needed in a row ")
      appendInterpolation(shortage.needed)
      appendLiteral(", there are ")
      appendInterpolation(shortage.available)
    case .forbidden: appendLiteral("an area is never executable, nor open to user mode")
    case .twoMemoryTypes(let address):
      appendInterpolation(address)
      appendLiteral(" would have two memory types: it is mapped with another")
    case .owned(let address, let kind):
      appendInterpolation(address)
      appendLiteral(" is RAM that has, or may get, an owner: ")
      appendInterpolation(kind.name)
    case .pageTable(let error): appendInterpolation(error)
    }
  }

  func appendInterpolation(_ error: PageTableError) {
    switch error {
    case .notCanonical(let address):
      appendInterpolation(address)
      appendLiteral(" is not canonical")
    case .outsideRange(let address):
      appendInterpolation(address)
      appendLiteral(" lies outside the range")
    case .misalignedVirtual(let address):
      appendInterpolation(address)
      appendLiteral(" is not a multiple of 4 KiB")
    case .misalignedPhysical(let address):
      appendInterpolation(address)
      appendLiteral(" is not a multiple of 4 KiB")
    case .physicalOutOfRange(let address):
      appendInterpolation(address)
      appendLiteral(" lies, or its end, past what the CPU can address")
    case .alreadyMapped(let address):
      appendLiteral("something is mapped at ")
      appendInterpolation(address)
      appendLiteral(" already")
    case .outOfFrames(let shortage): appendInterpolation(AreaError.outOfFrames(shortage))
    }
  }
}
