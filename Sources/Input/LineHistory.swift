import BootInfo

/// The lines entered last, as many as there is room for.
///
///     bytes     l a y o u t 0 w a l k   0 x 1 0 0 0 0       the oldest first, each with a NUL behind it
///                             ^ position: the line that is shown; at the end, none is
struct LineHistory: ~Copyable {
  private var bytes: FixedArray<UInt8>
  private var position = 0

  /// - Parameter storage: empty.
  init(_ storage: consuming FixedArray<UInt8>) { bytes = storage }

  /// Whether a line of the history is shown.
  var isShown: Bool { position < bytes.count }

  /// None of the lines is shown any more.
  mutating func leave() { position = bytes.count }

  /// Adds a line at the end. Blank lines, and a line that is there already as the last, are left out.
  mutating func add(_ line: borrowing FixedArray<UInt8>) {
    leave()
    guard line.count < bytes.capacity, !isBlank(line), !isLast(line) else { return }
    while bytes.count + line.count + 1 > bytes.capacity { removeOldest() }
    for index in 0..<line.count { _ = bytes.append(line[index]) }
    _ = bytes.append(0)
    leave()
  }

  /// Goes to the line before the one that is shown; says whether there is one.
  mutating func goBack() -> Bool {
    guard position > 0 else { return false }
    position = start(ofLineThatEndsAt: position - 1)
    return true
  }

  /// Goes to the line after the one that is shown; says whether there is one.
  mutating func goForward() -> Bool {
    guard isShown else { return false }
    while bytes[position] != 0 { position += 1 }
    position += 1
    return isShown
  }

  /// The line that is shown.
  func forEachByte(_ body: (UInt8) -> Void) {
    var index = position
    while index < bytes.count, bytes[index] != 0 {
      body(bytes[index])
      index += 1
    }
  }

  private func start(ofLineThatEndsAt end: Int) -> Int {
    var start = end
    while start > 0, bytes[start - 1] != 0 { start -= 1 }
    return start
  }

  private func isBlank(_ line: borrowing FixedArray<UInt8>) -> Bool {
    for index in 0..<line.count where line[index] != UInt8(ascii: " ") {
      return false
    }
    return true
  }

  private func isLast(_ line: borrowing FixedArray<UInt8>) -> Bool {
    guard bytes.count > 0 else { return false }
    let start = start(ofLineThatEndsAt: bytes.count - 1)
    guard bytes.count - 1 - start == line.count else { return false }
    for index in 0..<line.count where line[index] != bytes[start + index] {
      return false
    }
    return true
  }

  private mutating func removeOldest() {
    var length = 0
    while bytes[length] != 0 { length += 1 }
    length += 1
    for index in length..<bytes.count { bytes[index - length] = bytes[index] }
    for _ in 0..<length { bytes.removeLast() }
  }
}

extension LineEditor {
  mutating func recallOlder() {
    if !history.isShown { copy(&draft, from: line) }
    guard history.goBack() else { return }
    recall()
  }

  mutating func recallNewer() {
    guard history.isShown else { return }
    if history.goForward() {
      recall()
    } else {
      copy(&line, from: draft)
      showRecalled()
    }
  }

  private mutating func recall() {
    line.removeAll()
    history.forEachByte { byte in _ = line.append(byte) }
    showRecalled()
  }

  private mutating func showRecalled() {
    isIncomplete = false
    cursor = line.count
    show(from: 0)
  }

}

private func copy(_ target: inout FixedArray<UInt8>, from source: borrowing FixedArray<UInt8>) {
  target.removeAll()
  for index in 0..<source.count { _ = target.append(source[index]) }
}
