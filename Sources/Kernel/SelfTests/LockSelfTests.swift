import Machine

// The spinlock. What it makes a panic, no test can outlive: `fault=lock-twice` and `fault=lock-order`
// do that.

private enum Locks {
  static let area = SpinLock(.area)
  static let pageTable = SpinLock(.pageTable)
  static let frames = SpinLock(.frames)
}

private struct Refusal: Error, Equatable {
  let number: Int
}

@used @section(".selftests")
private let lockOrder: SelfTest = {
  test("lock-order") {
    let sum = Locks.area.withLock {
      Locks.pageTable.withLock {
        Locks.frames.withLock {
          expect(CPU.heldRanks == 0b111, "three locks are held")
          return 6
        } + 1
      }
    }
    expect(sum == 7, "what the bodies return comes back")
    expect(CPU.heldRanks == 0, "no lock is held")
    Locks.frames.withLock { expect(CPU.heldRanks == 0b100, "the last lock may come first") }
  }
}

@used @section(".selftests")
private let lockError: SelfTest = {
  test("lock-error") {
    var caught: Refusal?
    do throws(Refusal) {
      try Locks.frames.withLock { () throws(Refusal) in throw Refusal(number: 3) }
    } catch { caught = error }
    expect(caught == Refusal(number: 3), "what a body throws comes back")
    expect(CPU.heldRanks == 0, "the lock is not held after a throw")
    expect(Locks.frames.withLock { true }, "it can be taken again")
  }
}

@used @section(".selftests")
private let lockInterrupts: SelfTest = {
  test("lock-interrupts") {
    let wereOn = CPU.interruptsAreOn
    disableInterrupts()
    Locks.area.withLock {}
    expect(!CPU.interruptsAreOn, "a lock leaves them off")
    withInterruptsHeldBack {
      enableInterrupts()
      Locks.area.withLock {
        Locks.frames.withLock {}
        expect(!CPU.interruptsAreOn, "they are off while a lock is held")
      }
      let areOn = CPU.interruptsAreOn
      disableInterrupts()
      expect(areOn, "they are on again after it")
    }
    if wereOn { enableInterrupts() }
  }
}

/// Runs `body`, that may turn interrupts on, with none to come, since before the prompt nobody handles
/// them: those of the two 8259 interrupt controllers are masked (data ports 0x21 and 0xa1), those of the
/// local APIC have no priority high enough (CR8; SDM volume 3, 11.8.6).
private func withInterruptsHeldBack(_ body: () -> Void) {
  let masks = (in8(0x21), in8(0xa1))
  let priority = readCR8()
  out8(0x21, 0xff)
  out8(0xa1, 0xff)
  writeCR8(15)
  body()
  writeCR8(priority)
  out8(0x21, masks.0)
  out8(0xa1, masks.1)
}
