extension Command {
  @_lifetime(arguments: copy arguments)
  func layout(_ arguments: inout Arguments) throws(CommandFailure) {
    try arguments.finish()
    if !LiveAudit.report() { throw CommandFailure() }
  }
}
