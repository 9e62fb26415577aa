/// A part of a screen, in pixels from its upper left corner.
public struct Rectangle: Equatable, Sendable, BitwiseCopyable {
  public let x, y, width, height: Int

  public init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }

  public var right: Int { x + width }
  public var bottom: Int { y + height }
}
