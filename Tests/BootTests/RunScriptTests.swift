// What `make run` makes of QEMU's end: success, failure, and a reset that nobody takes for success.

import Foundation
import Testing

@Suite struct RunScriptTests {
  @Test(arguments: [
    ("exit", 0, nil),
    (#"run="translate 0; poweroff""#, 0, nil),
    (#"exit run="nonsense""#, 35, "the kernel stopped after "),
    (#"run="nonsense; poweroff""#, 35, "the kernel stopped after "),
    (#"run="reboot""#, 1, "the machine was reset, or QEMU was closed, "),
  ])
  func ends(_ commandLine: String, _ status: Int32, _ words: String?) throws {
    let image = try BootImage.image(commandLine: commandLine)
    let script = BootImage.repository.appending(path: "iso/run.sh").path
    let child = try Child(deadline: 120) { _ in
      ["bash", "-c", "exec \"$0\" \"$1\" 2>&1", script, image.path]
    }
    var lines: [String] = []
    while let line = child.output.readLine() { lines.append(String(decoding: line, as: UTF8.self)) }
    #expect(try child.wait() == status)
    if let words {
      #expect(lines.last?.hasPrefix("highland: \(words)") == true)
    } else {
      #expect(!lines.contains { $0.hasPrefix("highland: the machine was reset") })
    }
  }
}
