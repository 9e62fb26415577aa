extension StaticString {
  /// A byte of the literal. Traps outside of it.
  func byte(at index: Int) -> UInt8 {
    precondition(index >= 0 && index < utf8CodeUnitCount)
    // SAFETY: inside the literal, which lies in the image.
    return unsafe utf8Start[index]
  }
}
