import BootInfo
import Machine

// Tests of the booted kernel, run by the kernel itself on real tables and a real TLB. A test is a
// global of its own, and the linker makes them a list (boot/kernel.ld):
//
//     @used @section(".selftests")
//     private let adding: SelfTest = {
//       test("adding") {
//         expect(1 + 1 == 2, "one and one are two")
//       }
//     }

/// What stands in the list: a function that does nothing but call `test`. The compiler puts nothing
/// into a section but numbers and functions, so the name is asked for by a call.
typealias SelfTest = @convention(c) @Sendable () -> Void

/// The self tests that the command line asks for.
struct SelfTests {
  private let chosen: Range<Int>

  /// All of them.
  init() { chosen = 0..<Self.count }

  /// One of them; `nil` if there is none of that name.
  init?(named name: borrowing Word) {
    for index in 0..<Self.count where name == TestRun.name(of: Self.test(index)) {
      chosen = index..<index + 1
      return
    }
    return nil
  }

  /// Runs them, a line each; says whether all passed.
  func run() -> Bool {
    var failed = 0
    for index in chosen where !TestRun.passes(Self.test(index)) { failed += 1 }
    print("self tests: \(chosen.count - failed) passed, \(failed) failed")
    return failed == 0
  }

  /// Calls `body` with the name of each test.
  static func forEachName(_ body: (StaticString) -> Void) {
    for index in 0..<count { body(TestRun.name(of: test(index))) }
  }

  private static var count: Int {
    let record = KernelState.bootRecord
    return Int(record.selfTestsEnd - record.selfTests) / MemoryLayout<SelfTest>.stride
  }

  private static func test(_ index: Int) -> SelfTest {
    precondition(index < count)
    let start = UInt(KernelState.bootRecord.selfTests)
    // SAFETY: the linker put `count` of them there, each from a global of this type.
    return unsafe UnsafePointer<SelfTest>(bitPattern: start).unsafelyUnwrapped[index]
  }
}
