// The README's shell blocks, run as a reader would: in a copy of the tree, line by line.

import Foundation
import Testing

@Suite(.serialized) struct ReadmeTests {
  /// What is expected of a command; the first rule that matches holds, and without one, success.
  private static let rules: [Rule] = [
    Rule("make test", .leftOut(because: "this test is a part of it")),
    Rule("make lint", .leftOut(because: "this test is a part of what comes after it")),
    Rule("swift test", .leftOut(because: "this test runs in it")),
    Rule("make run ACCEL=kvm", .leftOut(because: "not every host has KVM, and some emulate it")),
    Rule("make run .*exit", .succeeds),
    Rule("make run", .comesToThePrompt),
    Rule("make usb", .isRefused("make usb: say which disk"), whole: true),
    Rule("make usb .*FORCE=1|dd .*", .writesToADisk),
    Rule("make usb", .isRefused("is not a removable disk|there is no /dev/")),
    Rule(
      "make fuzz",
      .leftOut(because: "its inputs are new each time: what it finds is no news of a change")),
    Rule("(.*\\| )?make (bench|plan|coverage|screenshot)", .succeeds, isLong: true),
  ]

  private static let commands: [Command] = {
    let readme = try? String(
      contentsOf: BootImage.repository.appending(path: "README.md"), encoding: .utf8)
    return shellLines(of: readme ?? "").map { text in
      Command(text: text, rule: rules.first { $0.matches(text) } ?? Rule("", .succeeds))
    }
  }()

  private static let runs: [Command] = commands.filter(\.rule.course.isRun)

  private static let isFull = ProcessInfo.processInfo.environment["HIGHLAND_FULL"] == "1"

  @Test func theyAreFound() {
    #expect(Self.commands.count > 15)
    #expect(Set(["make run", "make test"]).isSubset(of: Self.commands.map(\.text)))
  }

  @Test(arguments: runs.filter { !$0.rule.isLong })
  fileprivate func short(_ command: Command) throws { try run(command) }

  @Test(.enabled(if: isFull, "long: make test-full runs it"), arguments: runs.filter(\.rule.isLong))
  fileprivate func long(_ command: Command) throws { try run(command) }

  private func run(_ command: Command) throws {
    let tree = try Self.tree.get()
    let disk = noLoopDevices == nil ? try LoopDisk() : nil
    let text = command.text.replacing("/dev/sdX", with: disk?.path ?? "/dev/there-is-none")
    let (status, output) = try Child.type(
      text, in: tree,
      answering: command.rule.course == .comesToThePrompt ? (Prompt.text, "exit\r") : nil)
    switch command.rule.course {
    case .succeeds, .comesToThePrompt: #expect(status == 0, "\(output)")
    case .isRefused(let reason): try expect(output, refusesFor: reason, status)
    case .writesToADisk:
      guard let disk else { return try expect(output, refusesFor: "/dev/there-is-none", status) }
      #expect(status == 0, "\(output)")
      let image = try Data(contentsOf: tree.appending(path: "build/highland.iso"))
      #expect(try disk.content.starts(with: image))
    case .leftOut: Issue.record("left out, yet run")
    }
  }

  private func expect(
    _ output: String, refusesFor reason: String, _ status: Int32
  ) throws {
    #expect(status != 0)
    #expect(try output.contains(Regex(reason)), "\(output)")
  }

  /// A copy of the tree with what is built so far but for Swift's own directory, which a running
  /// `swift test` holds; and the boot log that the README speaks of.
  private static let tree = Result {
    let copy = try BootImage.scratchFile("tree")
    try BootImage.run("mkdir", ["-p", copy.path + "/build", copy.path + "/bin"])
    try BootImage.run(
      "sh",
      [
        "-c",
        #"find . -mindepth 1 -maxdepth 1 ! -name .git ! -name .build ! -name build "#
          + #"-exec cp -a {} "$0" \; && find build -maxdepth 1 -type f -exec cp -a {} "$0/build" \;"#,
        copy.path,
      ])
    let map = try String(
      contentsOf: copy.appending(
        path: "Tests/KernelSpaceTests/MemoryMaps/019-dell-t110ii.txt"), encoding: .utf8)
    try Data(bootLog(of: map).utf8).write(to: copy.appending(path: "boot.log"))
    // This machine's own log may be empty or somebody else's.
    let dmesg = copy.appending(path: "bin/dmesg")
    try Data("#!/bin/sh\ncat '\(copy.path)/boot.log'\n".utf8).write(to: dmesg)
    try BootImage.run("chmod", ["+x", dmesg.path])
    return copy
  }

  /// A memory map as a boot log has it.
  private static func bootLog(of map: String) -> String {
    map.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let words = line.split(separator: " ")
      let end = String(UInt64(words[1], radix: 16)! - 1, radix: 16)
      let type = words[2].replacing("-", with: " ")
      return "[    0.000000] BIOS-e820: [mem 0x\(words[0])-0x\(end)] \(type)\n"
    }.joined()
  }
}

/// The commands in the blocks that start with ```sh, a line each.
private func shellLines(of text: String) -> [String] {
  var commands: [String] = []
  var isInBlock = false
  for line in text.components(separatedBy: "\n") {
    if line.hasPrefix("```") {
      isInBlock = line == "```sh"
    } else if isInBlock {
      // What follows a number sign is for the reader.
      let command = line.replacing(/(^|\s+)#.*$/, with: "")
      if !command.isEmpty { commands.append(command) }
    }
  }
  return commands
}

private struct Command: Sendable, CustomTestStringConvertible {
  let text: String
  let rule: Rule

  var testDescription: String { text }
}

private enum Course: Sendable, Equatable {
  case succeeds
  /// Where it is told to exit.
  case comesToThePrompt
  /// With these words, an expression.
  case isRefused(String)
  /// The image lies on the disk then.
  case writesToADisk
  case leftOut(because: String)

  var isRun: Bool { if case .leftOut = self { false } else { true } }
}

private struct Rule: Sendable {
  let expression: String
  let course: Course
  let isLong: Bool

  /// - Parameters:
  ///   - expression: what a command starts with, or is as a whole.
  ///   - isLong: for `make test-full` alone, because it builds Swift or measures.
  init(_ expression: String, _ course: Course, whole: Bool = false, isLong: Bool = false) {
    self.expression = "^(?:\(expression))" + (whole ? "$" : "")
    (self.course, self.isLong) = (course, isLong)
  }

  func matches(_ command: String) -> Bool {
    command.range(of: expression, options: .regularExpression) != nil
  }
}

extension Child {
  /// Runs a line of shell in `tree`, which has a `bin` of its own, and answers when asked.
  fileprivate static func type(
    _ line: String, in tree: URL, answering: (question: String, answer: String)?
  ) throws -> (status: Int32, output: String) {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let child = try Child(hasInput: true, deadline: 1800) { _ in
      // This may run under a `make` whose settings are not meant here.
      ["env", "-C", tree.path, "-u", "MAKEFLAGS", "-u", "MFLAGS", "-u", "MAKELEVEL"]
        + ["PATH=\(tree.path)/bin:\(path)", "bash", "-c"]
        + ["exec 2>&1; set -euo pipefail; " + line]
    }
    var output: [UInt8] = []
    var isAnswered = false
    while let byte = child.output.readByte() {
      output.append(byte)
      if let answering, !isAnswered,
        output.suffix(answering.question.utf8.count).elementsEqual(answering.question.utf8)
      {
        child.input?.send(Array(answering.answer.utf8))
        isAnswered = true
      }
    }
    return (try child.wait(), String(decoding: output, as: UTF8.self))
  }
}
