// Boot information that is damaged on its way to Highland: each variant ends as it says beforehand,
// and none in a reset or a hang.

import Foundation
import Oracle
import Testing

@Suite struct DamagedInformationTests {
  /// All of them, or a spread.
  private static let variants: [DamageVariant] = {
    let isFull = ProcessInfo.processInfo.environment["HIGHLAND_FULL"] != nil
    return DamageVariant.all.enumerated().filter { isFull || $0.offset % 11 == 0 }.map(\.element)
  }()

  @Test func thereAreEnoughOfEachEnding() throws {
    let endings = try DamageVariant.all.map { try $0.words() }
    #expect(endings.count > 400 && Set(DamageVariant.all.map(\.name)).count == endings.count)
    #expect(endings.count { $0 == nil } > 100 && endings.count { $0 != nil } > 200)
  }

  @Test func undamagedInformationBoots() throws {
    for processor in [Processor.all, .plain] {
      #expect(try ChainLoader.guest([], processor).finish().lines.last == "highland: ready")
    }
  }

  @Test(arguments: variants) func endsAsItSays(_ variant: DamageVariant) throws {
    let guest = try ChainLoader.guest(variant.damage)
    if let words = try variant.words() {
      // It says so and stops by itself; a reset would be status 0.
      let ending = try guest.finish()
      let line = try #require(ending.lines.last, "Highland said nothing")
      #expect(
        try Regex("highland: cannot boot: " + words).wholeMatch(in: line) != nil, "\(line)")
      #expect(ending.status == 35)
    } else {
      // With the command line its `exit` may be lost: whoever is ready need not end.
      guest.debugger.release()
      var last: String?
      while last != "highland: ready", let line = guest.readLine() { last = line }
      #expect(last == "highland: ready")
    }
  }
}

extension DamageVariant: CustomTestStringConvertible {
  var testDescription: String { name }

  /// What matches the reason that Highland must give; `nil` if it must boot.
  func words() throws -> String? {
    switch ending {
    case .ready: return nil
    case .refused(let words): return words
    case .judged:
      let information = try ChainLoader.information.get()
      guard let damaged = information.bytes.damaged(by: damage) else {
        throw GuestError("\(name): there is no such tag")
      }
      switch damaged.verdict(at: information.address) {
      case .sound: return nil
      case .fault(let fault, let offset):
        return Self.badInformation + fault + ", offset \(offset)"
      case .pastReach: return "the multiboot2 information, at 0x[0-9a-f_]+, runs past 4 GiB"
      }
    }
  }
}
