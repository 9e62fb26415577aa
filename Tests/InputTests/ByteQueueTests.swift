import Foundation
import Input
import TestSupport
import Testing

@Suite struct ByteQueueTests {
  /// Against an array, full and empty many times over.
  @Test(arguments: [1, 7, 64])
  func random(_ capacity: Int) {
    var generator = SeededGenerator(seed: UInt64(capacity))
    let queue = ByteQueue(unsafeStorage: hostStorage(capacity))
    var model: [UInt8] = []
    var isFilling = true
    for step in 0..<10_000 {
      if step % (3 * capacity) == 0 { isFilling.toggle() }
      if Int.random(in: 0..<4, using: &generator) == 0 ? !isFilling : isFilling {
        let byte = UInt8.random(in: 0...255, using: &generator)
        #expect(queue.add(byte) == (model.count < capacity))
        if model.count < capacity { model.append(byte) }
      } else {
        #expect(queue.take() == model.first)
        model = Array(model.dropFirst())
      }
      #expect(queue.count == model.count)
    }
  }

  /// One thread adds, another takes: everything arrives, in order.
  @Test func twoThreads() {
    let shared = Shared()
    let count = 20_000
    let thread = Thread {
      for number in 0..<count {
        while !shared.queue.add(UInt8(truncatingIfNeeded: number)) { sched_yield() }
      }
    }
    thread.start()
    var isInOrder = true
    for number in 0..<count {
      var byte = shared.queue.take()
      while byte == nil {
        sched_yield()
        byte = shared.queue.take()
      }
      isInOrder = isInOrder && byte == UInt8(truncatingIfNeeded: number)
    }
    #expect(isInOrder)
    #expect(shared.queue.take() == nil)
  }

  private final class Shared: Sendable {
    let queue = ByteQueue(unsafeStorage: hostStorage(512))
  }
}
