import Addressing

// What a self test is written with: `test` names it, `expect` says what has to hold. A failure is a
// line, and the test goes on.

/// Names a self test and does it. Its line begins before: a fault report then tells what ran into
/// the fault.
func test(_ name: StaticString, _ body: () -> Void) {
  guard TestRun.begin(name) else { return }
  body()
  TestRun.end()
}

/// Expects `condition` to hold: what `words` say.
func expect(
  _ condition: Bool, _ words: StaticString, file: StaticString = #fileID, line: UInt = #line
) {
  if !condition { TestRun.fail(words, file, line) }
}

/// Expects what a probe returned to be a page fault at `address` with this error code (SDM volume
/// 3, 4.7: bit 0 a protection violation, 1 a write, 4 an instruction fetch); `nil` for no fault.
func expect(
  _ fault: Fault?, isPageFault errorCode: UInt64?, at address: VirtualAddress,
  _ words: StaticString, file: StaticString = #fileID, line: UInt = #line
) {
  if let fault, let errorCode {
    expect(
      fault.vector == 14 && fault.errorCode == errorCode && fault.address == address, words,
      file: file, line: line)
  } else {
    expect(fault == nil && errorCode == nil, words, file: file, line: line)
  }
}

/// The test that is running. One CPU, and no interrupt handler runs tests: hence the `unsafe` below.
enum TestRun {
  private nonisolated(unsafe) static var name: StaticString = ""
  private nonisolated(unsafe) static var failures = 0
  private nonisolated(unsafe) static var isAskingForName = false

  static func name(of test: SelfTest) -> StaticString {
    unsafe isAskingForName = true
    test()
    unsafe isAskingForName = false
    return unsafe name
  }

  /// Runs a test; says whether it passed.
  static func passes(_ test: SelfTest) -> Bool {
    unsafe failures = 0
    test()
    return unsafe failures == 0
  }

  fileprivate static func begin(_ test: StaticString) -> Bool {
    unsafe name = test
    guard unsafe !isAskingForName else { return false }
    printStart()
    return true
  }

  fileprivate static func fail(_ words: StaticString, _ file: StaticString, _ line: UInt) {
    if unsafe failures > 0 { printStart() }
    unsafe failures += 1
    print("FAILED at \(file):\(line): \(words)")
  }

  fileprivate static func end() {
    if unsafe failures == 0 { print("ok") }
  }

  private static func printStart() { printPart("test \(unsafe name) … ") }
}
