// What Highland would do on a machine of which only the memory map is known: the kernel's own
// planner and page-table builder, run on this host. `make plan MAP=file`.
//
//     arguments, as make passes them        MAP=file, directory or - for standard input
//                                           LA57=1  PDPE1GB=1  PHYSBITS=52
//     exit status                           0 all promises are kept; 1 one is broken; 2 bad input

import Foundation
import TestSupport

@main
enum Plan {
  static func main() {
    let tool = PlanTool(
      put: { print($0) },
      complain: { line in FileHandle.standardError.write(Data("plan: \(line)\n".utf8)) })
    exit(tool.run(Array(ProcessInfo.processInfo.arguments.dropFirst())).rawValue)
  }
}

/// How a run ends; the worst that happened counts.
enum Status: Int32, Comparable {
  case success = 0
  case brokenPromise = 1
  case badInput = 2

  static func < (left: Status, right: Status) -> Bool { left.rawValue < right.rawValue }
}

/// Bad input, in one line.
struct InputError: Error {
  let line: String
  init(_ line: String) { self.line = line }
}

struct PlanTool {
  /// Takes a line of the result.
  var put: (String) -> Void
  /// Takes a line that says what is wrong with the input.
  var complain: (String) -> Void

  func run(_ arguments: [String]) -> Status {
    do {
      let settings = try Settings(arguments)
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: settings.map, isDirectory: &isDirectory),
        isDirectory.boolValue
      {
        return try planAll(in: settings.map, settings)
      }
      let plan = try read(settings.map).plan(settings)
      for line in plan.report(of: settings.map) { put(line) }
      return plan.status
    } catch {
      complain((error as? InputError)?.line ?? "\(error)")
      return .badInput
    }
  }

  /// A line a map, lowest name first, and a closing one.
  private func planAll(in directory: String, _ settings: Settings) throws -> Status {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
      .filter { $0.hasSuffix(".txt") || $0.hasSuffix(".log") }.sorted()
    if names.isEmpty { throw InputError("\(directory): no file with the name *.txt or *.log") }
    var worst = Status.success
    var (passed, failed, refused) = (0, 0, 0)
    for name in names {
      do {
        let plan = try read("\(directory)/\(name)").plan(settings)
        put(plan.summary(of: name))
        worst = max(worst, plan.status)
        if plan.status != .success {
          failed += 1
        } else if plan.isRefused {
          refused += 1
        } else {
          passed += 1
        }
      } catch let error as InputError {
        complain(error.line)
        (worst, failed) = (.badInput, failed + 1)
      }
    }
    put("\(passed) passed, \(failed) failed" + (refused > 0 ? ", \(refused) cannot boot" : ""))
    return worst
  }

  private func read(_ path: String) throws -> FirmwareMap {
    let isStandardInput = path == "-"
    let descriptor = isStandardInput ? STDIN_FILENO : open(path, O_RDONLY)
    guard descriptor >= 0 else {
      throw InputError("\(path): \(String(cString: strerror(errno)))")
    }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: !isStandardInput)
    guard let data = try? file.readToEnd() ?? Data() else {
      throw InputError("\(path): cannot be read")
    }
    do {
      return try FirmwareMap(parsing: String(decoding: data, as: UTF8.self))
    } catch .badLine(let number, let reason) {
      throw InputError("\(path):\(number): \(reason)")
    } catch {
      throw InputError("\(path): \(error)")
    }
  }
}

extension FirmwareMap {
  fileprivate func plan(_ settings: Settings) throws -> MachinePlan {
    try MachinePlan(self, settings.cpu, physicalAddressWidth: settings.physicalAddressWidth)
  }
}
