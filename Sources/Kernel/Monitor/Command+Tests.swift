import BootInfo

// What the kernel can be put through.

extension Command {
  @_lifetime(arguments: copy arguments)
  func selfTest(_ arguments: inout Arguments) throws(CommandFailure) {
    var tests = SelfTests()
    if let name = arguments.next() {
      guard let one = SelfTests(named: name) else {
        throw arguments.refuse("there is no self test \(name)")
      }
      tests = one
    }
    try arguments.finish()
    if !tests.run() { throw CommandFailure() }
  }

  @_lifetime(arguments: copy arguments)
  func bench(_ arguments: inout Arguments) throws(CommandFailure) {
    try arguments.finish()
    KernelBench.run()
  }

  /// Comes back only if nothing stopped the deed.
  @_lifetime(arguments: copy arguments)
  func fault(_ arguments: inout Arguments) throws(CommandFailure) {
    let kind: DeliberateFault = try arguments.choice(arguments.next("KIND"), "KIND")
    try arguments.finish()
    kind.commit()
    panic("nothing stopped a deliberate fault")
  }
}
