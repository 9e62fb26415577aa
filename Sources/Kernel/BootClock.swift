import Machine

/// What booting costs, phase by phase, in ticks of the time stamp counter: guest instructions under
/// QEMU's `-icount shift=0`, cycles elsewhere. What is printed between the phases does not count, but
/// that of the report: it is printing.
struct BootClock {
  enum Phase: Int {
    case parse, normalise, plan, build, activate, takeOver, report
  }

  /// When the kernel was entered.
  let entered = readTimeStampCounter()
  private var began = readTimeStampCounter()
  private var ticks = InlineArray<7, UInt64>(repeating: 0)

  mutating func start() { began = readTimeStampCounter() }

  mutating func stop(_ phase: Phase) { ticks[phase.rawValue] = readTimeStampCounter() &- began }

  func print() {
    var sum: UInt64 = 0
    for index in 0..<Phase.report.rawValue { sum &+= ticks[index] }
    Kernel.print(
      """
      boot: \(sum) ticks = parse \(ticks[0]) + normalise \(ticks[1]) + plan \(ticks[2]) \
      + build \(ticks[3]) + activate \(ticks[4]) + take over frames \(ticks[5]); \
      report \(ticks[6])
      """)
  }
}
