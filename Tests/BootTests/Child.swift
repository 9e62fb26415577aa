// A child process that outlives neither its deadline nor its test.

import Foundation
import Synchronization

/// A program under `timeout`, with a pipe from its standard output and any number of sockets.
///
/// Every read from the child blocks, and every one ends: when the child answers, or when it dies,
/// at the latest by `timeout`'s hand. Should this process die first, or only the thread that
/// started the child, then the kernel tells `timeout` (PR_SET_PDEATHSIG), and it tells the child.
final class Child {
  /// What the child writes to its standard output.
  let output: Connection
  /// What the child reads from its standard input; `nil` if that is empty.
  let input: Connection?
  /// Our ends of the sockets.
  let sockets: [Connection]
  private let process: pid_t
  private static let spawning = Mutex(())
  private var hasEnded = false

  /// - Parameters:
  ///   - hasInput: whether the child gets something to read.
  ///   - errors: a file for what the child writes to its standard error; ours, if there is none.
  ///   - deadline: the seconds after which the child is killed, many times more than it needs.
  ///   - arguments: the program and its arguments, made from the child's file descriptors of its
  ///     ends of the sockets.
  init(
    socketCount: Int = 0, hasInput: Bool = false, deadline: Int, errors: URL? = nil,
    arguments: ([Int32]) -> [String]
  ) throws {
    // One child at a time: until its descriptors are close-on-exec, another would inherit them.
    (output, input, sockets, process) = try Self.spawning.withLock { _ in
      var pipeEnds: [Int32] = [0, 0]
      try succeed(pipe(&pipeEnds))
      // A socket serves as standard input: a pipe whose reader is gone would end this process.
      let socketEnds = try (0..<socketCount + (hasInput ? 1 : 0)).map { _ in
        var ends: [Int32] = [0, 0]
        try succeed(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends))
        return ends
      }
      let ours = [pipeEnds[0]] + socketEnds.map { $0[0] }
      let childs = [pipeEnds[1]] + socketEnds.map { $0[1] }
      for end in ours { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      defer { for end in childs { close(end) } }
      let words =
        ["setpriv", "--pdeathsig=TERM", "timeout", "--foreground", "--signal=KILL", "\(deadline)"]
        + arguments(Array(childs.dropFirst().prefix(socketCount)))
      let connections = ours.map { Connection($0) }
      let process = try spawn(words, input: hasInput ? childs.last : nil, output: childs[0], errors)
      return (
        connections[0], hasInput ? connections.last : nil,
        Array(connections.dropFirst().prefix(socketCount)), process
      )
    }
  }

  /// Runs a program in `directory` to its end.
  ///
  /// - Returns: its exit status, and all that it wrote to its standard output and error.
  static func run(
    _ words: [String], in directory: URL = BootImage.repository,
    _ environment: [String: String] = [:], deadline: Int = 300
  ) throws -> (status: Int32, output: String) {
    let child = try Child(deadline: deadline) { _ in
      ["env", "-C", directory.path] + environment.map { "\($0)=\($1)" }
        + ["sh", "-c", #"exec "$@" 2>&1"#, "sh"] + words
    }
    var output = ""
    while let line = child.output.readLine() {
      output += String(decoding: line, as: UTF8.self) + "\n"
    }
    return (try child.wait(), output)
  }

  deinit {
    guard !hasEnded else { return }
    kill(process, SIGTERM)
    _ = try? wait()
  }

  /// Waits for the child's end and returns its exit status; 137 is `timeout`'s when it had to kill.
  func wait() throws -> Int32 {
    var status: Int32 = 0
    try succeed(waitpid(process, &status, 0))
    hasEnded = true
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }
}

/// Starts a program that has `input`, or nothing to read, and `output` as its standard input and output,
/// and inherits what is not close-on-exec.
private func spawn(_ words: [String], input: Int32?, output: Int32, _ errors: URL?) throws -> pid_t
{
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  if let input {
    posix_spawn_file_actions_adddup2(&actions, input, 0)
  } else {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  }
  posix_spawn_file_actions_adddup2(&actions, output, 1)
  if let errors {
    posix_spawn_file_actions_addopen(&actions, 2, errors.path, O_WRONLY | O_CREAT, 0o600)
  }
  // This thread may have all signals blocked, and the child is to end by one.
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var noSignals = sigset_t()
  sigemptyset(&noSignals)
  posix_spawnattr_setsigmask(&attributes, &noSignals)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
  var pointers = words.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  var process: pid_t = 0
  let failure = posix_spawnp(&process, words[0], &actions, &attributes, &pointers, environ)
  if failure != 0 { throw SystemError(number: failure) }
  return process
}

/// One end of a pipe or a socket; reads block. One thread may read while another sends.
final class Connection: @unchecked Sendable {
  private let descriptor: Int32
  private var buffer: ArraySlice<UInt8> = []

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// The next byte; `nil` once the other end is closed.
  func readByte() -> UInt8? {
    if buffer.isEmpty {
      var fresh = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(descriptor, &fresh, fresh.count)
      guard count > 0 else { return nil }
      buffer = fresh[..<count]
    }
    return buffer.removeFirst()
  }

  /// The next line without its line feed; `nil` once the other end is closed and all is read.
  func readLine() -> [UInt8]? {
    var line: [UInt8] = []
    while let byte = readByte() {
      if byte == UInt8(ascii: "\n") { return line }
      line.append(byte)
    }
    return line.isEmpty ? nil : line
  }

  /// Sends to a socket. Whether anybody was there to receive shows in the answer that does not come.
  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Whether there is something to read at this moment.
  var isReadable: Bool {
    var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return !buffer.isEmpty || poll(&question, 1, 0) > 0
  }
}

struct SystemError: Error, CustomStringConvertible {
  var number = errno
  var description: String { String(cString: strerror(number)) }
}

func succeed(_ result: Int32) throws { if result < 0 { throw SystemError() } }
