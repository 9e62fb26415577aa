import Input
import Testing

/// A keyboard controller with or without a keyboard, and with every flaw that a test asks for.
private final class SimulatedController: Ports {
  var isThere = true
  var hasKeyboard = true
  /// It never takes a byte in.
  var isStuck = false
  /// It never answers.
  var isMute = false
  /// The keyboard refuses this byte.
  var refused: UInt8?
  /// What waits to be read; bytes of the mouse carry bit 8.
  var output: [UInt16] = []
  /// More comes whenever the last byte is read.
  var isEndless = false
  private(set) var configuration: UInt8 = 0x03
  private(set) var isKeyboardEnabled = true
  /// What the keyboard was told.
  private(set) var told: [UInt8] = []
  private(set) var accessCount = 0
  private var expectsConfiguration = false

  func read(_ port: UInt16) -> UInt8 {
    accessCount += 1
    guard isThere else { return 0xff }
    switch port {
    case 0x64:
      let mouse: UInt8 = output.first.map { $0 & 0x100 != 0 ? 0x20 : 0 } ?? 0
      return (output.isEmpty ? 0 : 1) | (isStuck ? 2 : 0) | mouse
    case 0x60:
      guard let byte = output.first else { return 0 }
      if !isEndless { output.removeFirst() }
      return UInt8(truncatingIfNeeded: byte)
    default:
      Issue.record("port \(port)")
      return 0xff
    }
  }

  func write(_ value: UInt8, to port: UInt16) {
    accessCount += 1
    guard isThere else { return }
    switch (port, value) {
    case (0x64, 0x20): if !isMute { output.append(UInt16(configuration)) }
    case (0x64, 0x60): expectsConfiguration = true
    case (0x64, 0xa7): break
    case (0x64, 0xad): isKeyboardEnabled = false
    case (0x64, 0xae): isKeyboardEnabled = true
    case (0x60, _) where expectsConfiguration:
      configuration = value
      expectsConfiguration = false
    case (0x60, _):
      told.append(value)
      if hasKeyboard { output.append(value == refused ? 0xfe : 0xfa) }
    default: Issue.record("\(value) to port \(port)")
    }
  }
}

@Suite struct KeyboardControllerTests {
  /// Scan codes on, translation on, the keyboard's interrupt on, the mouse off; what the firmware left
  /// is gone.
  @Test func keyboard() {
    let simulated = SimulatedController()
    simulated.output = [0x1e, 0x9e]
    #expect(KeyboardController(simulated).setUp() == .keyboard)
    #expect(simulated.configuration == 0x61)
    #expect(simulated.isKeyboardEnabled)
    #expect(simulated.told == [0xf0, 0x02, 0xf4])
    #expect(simulated.output == [])
  }

  /// One that knows a single scan code set.
  @Test func plainKeyboard() {
    let simulated = SimulatedController()
    simulated.refused = 0xf0
    #expect(KeyboardController(simulated).setUp() == .keyboard)
    #expect(simulated.told == [0xf0, 0xf4])
  }

  /// It may come later.
  @Test func noKeyboard() {
    let simulated = SimulatedController()
    simulated.hasKeyboard = false
    #expect(KeyboardController(simulated).setUp() == .noKeyboard)
    #expect(simulated.configuration == 0x61)
    #expect(simulated.isKeyboardEnabled)
  }

  @Test func noController() {
    let simulated = SimulatedController()
    simulated.isThere = false
    #expect(KeyboardController(simulated).setUp() == .noController)
    #expect(simulated.accessCount == 1)
  }

  /// Broken ones are found out in less than a second of port accesses.
  @Test func broken() {
    for breakIt: (SimulatedController) -> Void in [{ $0.isStuck = true }, { $0.isMute = true }] {
      let simulated = SimulatedController()
      breakIt(simulated)
      #expect(KeyboardController(simulated).setUp() == .noController)
      #expect(simulated.accessCount < 1_000_000)
    }
    let simulated = SimulatedController()
    simulated.output = [0x00]
    simulated.isEndless = true
    #expect(KeyboardController(simulated).setUp() == .noKeyboard)
    #expect(simulated.accessCount < 1_000_000)
  }

  /// What the mouse sends is nobody's key, and an endless controller is not listened to for ever.
  @Test func receive() {
    let simulated = SimulatedController()
    simulated.output = [0x1e, 0x108, 0x9e]
    var received: [UInt8] = []
    KeyboardController(simulated).receive { received.append($0) }
    #expect(received == [0x1e, 0x9e])
    simulated.output = [0x55]
    simulated.isEndless = true
    KeyboardController(simulated).receive { received.append($0) }
    #expect(received.count < 100)
  }
}
