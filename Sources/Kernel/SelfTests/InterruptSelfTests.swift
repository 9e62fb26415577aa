import Machine

@used @section(".selftests")
private let phantomInterruptsEnd: SelfTest = {
  test("phantom-interrupts") {
    let heldRanks = CPU.heldRanks
    let wereOn = CPU.interruptsAreOn
    let value: UInt64 = 0x0123_4567_89ab_cdef
    expect(raisePhantomInterrupts(value) == value, "a register survives them")
    expect(CPU.interruptsAreOn == wereOn, "interrupts are as before")
    expect(CPU.heldRanks == heldRanks, "no lock was taken")
  }
}
