import Machine

/// What booting costs, phase by phase, in ticks of the time stamp counter: guest instructions under
/// QEMU's `-icount shift=0`, cycles elsewhere. What is printed between the phases does not count.
struct BootClock {
  enum Phase: Int {
    case parse, normalise, build, activate, takeOver
  }

  /// When the kernel was entered.
  let entered = readTimeStampCounter()
  private var began = readTimeStampCounter()
  private var ticks = InlineArray<5, UInt64>(repeating: 0)

  mutating func start() { began = readTimeStampCounter() }

  mutating func stop(_ phase: Phase) { ticks[phase.rawValue] = readTimeStampCounter() &- began }

  func print() {
    var sum: UInt64 = 0
    for index in ticks.indices { sum &+= ticks[index] }
    Kernel.print(
      """
      boot: \(sum) ticks = parse \(ticks[0]) + normalise \(ticks[1]) \
      + build \(ticks[2]) + activate \(ticks[3]) \
      + take over frames \(ticks[4])
      """)
  }
}
