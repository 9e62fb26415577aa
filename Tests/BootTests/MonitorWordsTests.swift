// What the monitor makes of what it is given: names, arguments, quotes; and the README's table.

import Foundation
import Testing

@Suite struct MonitorWordsTests {
  /// Each bad line is answered by one line, and the next command runs.
  static let refusals: [(String, String)] = [
    ("nonsense", "no command is called nonsense; help lists them all"),
    ("layout now", "layout: now is one word too many; usage: layout"),
    ("memory 1", "memory: 1 is one word too many; usage: memory"),
    ("areas a", "areas: a is one word too many; usage: areas"),
    ("walk", "walk: ADDRESS is missing; usage: walk ADDRESS"),
    ("walk x", "walk: x is not a number; usage: walk ADDRESS"),
    ("walk 0 1", "walk: 1 is one word too many; usage: walk ADDRESS"),
    ("walk 16E", "walk: 16E is more than 64 bits hold; usage: walk ADDRESS"),
    (
      "translate 0x1_0000_0000_0000_0000",
      "translate: 0x1_0000_0000_0000_0000 is more than 64 bits hold; usage: translate ADDRESS"
    ),
    ("translate 12Q", "translate: 12Q is not a number; usage: translate ADDRESS"),
    ("translate", "translate: ADDRESS is missing; usage: translate ADDRESS"),
    (
      "mappings heap",
      "mappings: heap is not a range, START-END or START+SIZE; usage: mappings [RANGE | WINDOW]"
    ),
    ("mappings 8K-8K", "mappings: 8K-8K is empty; usage: mappings [RANGE | WINDOW]"),
    (
      "mappings 8K-4K",
      "mappings: 8K-4K is not a range, START-END or START+SIZE; usage: mappings [RANGE | WINDOW]"
    ),
    (
      "mappings vmalloc x",
      "mappings: x is one word too many; usage: mappings [RANGE | WINDOW]"
    ),
    ("frame", "frame: PHYSICAL is missing; usage: frame PHYSICAL"),
    ("frame -1", "frame: -1 is not a number; usage: frame PHYSICAL"),
    (
      "map", "map: NAME is missing; usage: map NAME SIZE|PHYSICAL-RANGE [RIGHTS [TYPE]]"
    ),
    (
      "map z 4K",
      "map: z is no NAME, which is one of a b c d e f g h; "
        + "usage: map NAME SIZE|PHYSICAL-RANGE [RIGHTS [TYPE]]"
    ),
    ("map a", "map: SIZE is missing; usage: map NAME SIZE|PHYSICAL-RANGE [RIGHTS [TYPE]]"),
    (
      "map a much",
      "map: much is not a range, START-END or START+SIZE; "
        + "usage: map NAME SIZE|PHYSICAL-RANGE [RIGHTS [TYPE]]"
    ),
    (
      "map a 4K w",
      "map: w is no RIGHTS, which is one of r rw rx rwx; "
        + "usage: map NAME SIZE|PHYSICAL-RANGE [RIGHTS [TYPE]]"
    ),
    (
      "map a 4K rw cached",
      "map: cached is no TYPE, which is one of write-back write-through uncacheable-minus "
        + "uncacheable write-protected write-combining; "
        + "usage: map NAME SIZE|PHYSICAL-RANGE [RIGHTS [TYPE]]"
    ),
    ("map a 0", "map: nothing was asked for"),
    ("map a 0xfee0_0000+0", "map: nothing was asked for"),
    ("map a 5000", "map: 0x1388 is not a multiple of 4 KiB"),
    ("map a 4K rwx", "map: an area is never executable, nor open to user mode"),
    ("map a 4K rx", "map: an area is never executable, nor open to user mode"),
    ("map a 4K rw uncacheable", "map: the frames of an area are write-back"),
    (
      "map a 0x10_0000+4K",
      "map: 0x0000_0000_0010_0000 is RAM that has, or may get, an owner: usable"
    ),
    (
      "map a 0x8_0000_0000_0000+4K",
      "map: 0x0008_0000_0000_0000 lies, or its end, past what the CPU can address"
    ),
    ("map a 0xfee0_0001+4K", "map: 0x0000_0000_fee0_0001 is not a multiple of 4 KiB"),
    (
      "map a 0xfee0_0000+4K rw write-back",
      "map: 0x0000_0000_fee0_0000 would have two memory types: it is mapped with another"
    ),
    ("unmap a", "unmap: there is no scratch area a: map makes one"),
    ("unmap", "unmap: NAME is missing; usage: unmap NAME [OFFSETS]"),
    ("protect a r", "protect: there is no scratch area a: map makes one"),
    ("peek", "peek: ADDRESS is missing; usage: peek ADDRESS [BYTES [UNIT]]"),
    (
      "peek 0 0", "peek: 0 is not from 1 to 64K bytes; usage: peek ADDRESS [BYTES [UNIT]]"
    ),
    (
      "peek 0 1M", "peek: 1M is not from 1 to 64K bytes; usage: peek ADDRESS [BYTES [UNIT]]"
    ),
    (
      "peek 0 3 word",
      "peek: 3 bytes are no whole number of words; usage: peek ADDRESS [BYTES [UNIT]]"
    ),
    (
      "peek 0 4 int",
      "peek: int is no UNIT, which is one of byte word dword qword; "
        + "usage: peek ADDRESS [BYTES [UNIT]]"
    ),
    ("peek 0", "peek: nothing is mapped at 0x0000_0000_0000_0000, in the lower half"),
    (
      "peek 0xffff_ffff_ffff_ffff 2",
      "peek: 0xffff_ffff_ffff_ffff and 2 bytes run past the last address"
    ),
    ("poke 0", "poke: VALUE is missing; usage: poke ADDRESS VALUE [UNIT]"),
    ("poke 0 256", "poke: 0x100 does not fit in a byte; usage: poke ADDRESS VALUE [UNIT]"),
    (
      "poke 0 0x1_0000_0000 dword",
      "poke: 0x100000000 does not fit in a dword; usage: poke ADDRESS VALUE [UNIT]"
    ),
    ("poke 0 1", "poke: nothing is mapped at 0x0000_0000_0000_0000, in the lower half"),
    ("selftest none", "selftest: there is no self test none; usage: selftest [NAME]"),
    ("stress many", "stress: many is not a number; usage: stress [ROUNDS [SEED]]"),
    ("stress 1 2 3", "stress: 3 is one word too many; usage: stress [ROUNDS [SEED]]"),
    ("bench all", "bench: all is one word too many; usage: bench"),
    ("fault", "fault: KIND is missing; usage: fault KIND"),
    ("fault null x", "fault: x is one word too many; usage: fault KIND"),
    ("cpu 0", "cpu: 0 is one word too many; usage: cpu"),
    ("acpi 0", "acpi: 0 is one word too many; usage: acpi"),
    ("reboot now", "reboot: now is one word too many; usage: reboot"),
    ("poweroff now", "poweroff: now is one word too many; usage: poweroff"),
    ("exit now", "exit: now is one word too many; usage: exit"),
  ]

  @Test func badArguments() throws {
    let run = try CommandRun(Self.refusals.map(\.0))
    #expect(run.outputs.count == Self.refusals.count)
    for (output, refusal) in zip(run.outputs, Self.refusals) {
      #expect(output == [refusal.1], "\(refusal.0)")
    }
    #expect(run.status == 35)
  }

  /// A wrong kind of fault names all that there are.
  @Test func faultKinds() throws {
    let run = try CommandRun(["fault most", "help fault"])
    let names = Fault.pageFaults.map(\.name)
    for output in run.outputs {
      #expect(names.allSatisfy { name in output.contains { $0.contains(" \(name) ") } })
    }
    #expect(run.outputs[0].count == 1 && run.status == 35)
  }

  /// Blank commands are none, quotes group, and what one command does the next one finds.
  @Test func semicolonsAndQuotes() throws {
    let guest = try Guest(
      commandLine: #"exit run=";; translate '0' ;; map 'a' 4K;" 'run=unmap a'"#)
    let ending = try guest.finish()
    #expect(ending.status == 33)
    #expect(
      ending.lines.filter { $0.hasPrefix("highland> ") } == [
        "highland> translate '0' ", "highland> map 'a' 4K", "highland> unmap a",
      ])
    #expect(ending.lines.last == "scratch area a has ended")
  }

  /// `exit` ends it all there and then.
  @Test func exit() throws {
    for (commands, status) in [("translate 0; exit; nonsense", 33), ("nonsense; exit", 35)] {
      let ending = try Guest(commandLine: "run=\"\(commands)\"").finish()
      #expect(ending.status == Int32(status))
      #expect(ending.lines.last { $0.hasPrefix("highland> ") } == "highland> exit")
    }
  }

  @Test func tooManyCommands() throws {
    let long = String(repeating: "translate 0;", count: 400)
    let ending = try Guest(commandLine: "exit run=\"\(long)\"").finish()
    #expect(ending.status == 35)
    #expect(
      ending.lines.last
        == "highland: cannot boot: run= asks for more than 4096 bytes of commands")
  }

  /// The README's table of commands is what `help` says, in the same order.
  @Test func readme() throws {
    let readme = try String(
      contentsOf: BootImage.repository.appending(path: "README.md"), encoding: .utf8)
    let table = readme.components(separatedBy: "\n## ")
      .first { $0.hasPrefix("The monitor\n") }?.components(separatedBy: "\n")
      .compactMap { $0.wholeMatch(of: /\| `([^`]+)` \| (.+) \|/) }
      .map { (String($0.1), String($0.2)) }
    let rows = try #require(table)
    let names = rows.map { String($0.0.prefix { $0 != " " }) }
    let run = try CommandRun(["help"] + names.map { "help \($0)" })
    #expect(run.status == 33)
    #expect(run.outputs[0].dropLast().map { String($0.prefix { $0 != " " }) } == names)
    for (row, output) in zip(rows, run.outputs.dropFirst()) {
      #expect(output.first == "\(row.0.replacing("\\|", with: "|")): \(row.1)")
    }
  }
}
