import Machine
import Synchronization

/// A lock that is waited for in a loop, with interrupts off as long as it is held.
///
/// A CPU takes locks in the order of their ranks only, so that no two can wait for each other. What
/// would never end, taking a lock twice or against the order, is a panic.
struct SpinLock: ~Copyable {
  /// In the order of taking.
  enum Rank: UInt8 {
    case area, pageTable, frames

    fileprivate var name: StaticString {
      switch self {
      case .area: "area"
      case .pageTable: "page table"
      case .frames: "frame"
      }
    }
  }

  private let rank: Rank
  /// The lock's bit in `CPU.heldRanks`, and the bits that must be clear there when it is taken: its own
  /// and those of the locks that come later.
  private let bit: UInt8
  private let bitsFromHere: UInt8
  /// The number of the CPU that holds the lock, plus one; 0 while nobody does.
  private let holder = Atomic<UInt32>(0)

  init(_ rank: Rank) {
    self.rank = rank
    bit = 1 &<< rank.rawValue
    bitsFromHere = ~0 &<< rank.rawValue
  }

  /// Runs `body` with the lock held. Interrupts are as before when this returns.
  @inline(__always)
  borrowing func withLock<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let interruptsWereOn = CPU.interruptsAreOn
    disableInterrupts()
    acquire()
    defer {
      release()
      if interruptsWereOn { enableInterrupts() }
    }
    return try body()
  }

  @inline(__always)
  private borrowing func acquire() {
    if CPU.heldRanks & bitsFromHere != 0 { refuse() }
    let me = CPU.current + 1
    if !holder.compareExchange(expected: 0, desired: me, ordering: .acquiring).exchanged {
      waitAndAcquire(me)
    }
    CPU.heldRanks |= bit
  }

  @inline(never)
  private borrowing func waitAndAcquire(_ me: UInt32) {
    repeat {
      // Reading leaves the cache line where it is until the lock is free.
      while holder.load(ordering: .relaxed) != 0 { spinLoopHint() }
    } while !holder.compareExchange(expected: 0, desired: me, ordering: .acquiring).exchanged
  }

  @inline(never)
  private borrowing func refuse() -> Never {
    if CPU.heldRanks & bit != 0 {
      panic("CPU \(CPU.current) takes the \(rank.name) lock, which it holds")
    }
    panic("CPU \(CPU.current) takes the \(rank.name) lock after one that comes later")
  }

  @inline(__always)
  private borrowing func release() {
    CPU.heldRanks &= ~bit
    holder.store(0, ordering: .releasing)
  }
}
