import PageTables
import TestSupport
import Testing

extension Workbench {
  /// Expects that `operation` throws `error` and leaves every byte and every frame where it was.
  func expect(
    _ error: PageTableError, sourceLocation: SourceLocation = #_sourceLocation,
    from operation: () throws -> Void
  ) {
    let image = memory.image
    #expect(throws: error, sourceLocation: sourceLocation, performing: operation)
    #expect(memory.image == image, "memory was changed", sourceLocation: sourceLocation)
  }
}
