// swift-tools-version: 6.2
// The floors of Highland, one module each, lowest first. No import runs upward.
//
// The kernel is the static library `Kernel`, built freestanding with boot/toolset.json; the same
// manifest, without the toolset, builds every floor and its tests for the host.
import PackageDescription

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .treatWarning("EmbeddedRestrictions", as: .error),
  .enableExperimentalFeature("Lifetimes"),
]

func floor(_ name: String, on floors: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: floors, swiftSettings: strict)
}

func tests(
  _ name: String, of floors: [Target.Dependency], exclude: [String] = [],
  resources: [Resource] = []
) -> Target {
  .testTarget(
    name: name, dependencies: floors, exclude: exclude, resources: resources,
    swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
  name: "Highland",
  products: [
    .library(name: "Kernel", type: .static, targets: ["Kernel"]),
    // For libFuzzer: see Tests/Fuzz/run.sh.
    .library(name: "Fuzz", type: .static, targets: ["Fuzz"]),
  ],
  targets: [
    .target(name: "Machine"),
    floor("Addressing"),
    floor("BootInfo", on: ["Addressing"]),
    floor("Display", on: ["BootInfo"]),
    floor("Input", on: ["BootInfo"]),
    floor("PageTables", on: ["Machine", "Addressing"]),
    floor("Frames", on: ["Addressing", "BootInfo", "PageTables"]),
    floor(
      "KernelSpace", on: ["Machine", "Addressing", "BootInfo", "PageTables", "Frames"]),
    floor(
      "Kernel",
      on: [
        "Machine", "Addressing", "BootInfo", "Display", "Input", "PageTables", "Frames",
        "KernelSpace",
      ]),
    // An independent reader of page tables: it shares no code with the floors it judges. Optimised
    // in debug builds too, since it meets tables of millions of leaves: seven times faster.
    .target(
      name: "Oracle", path: "Tests/Oracle", swiftSettings: [.unsafeFlags(["-O"])]),
    .target(
      name: "TestSupport",
      dependencies: [
        "Machine", "Addressing", "BootInfo", "PageTables", "Frames", "KernelSpace", "Oracle",
      ], path: "Tests/Support"),
    // What any bytes are put through: by libFuzzer, `make fuzz`, and by FuzzTests.
    .target(
      name: "Fuzz",
      dependencies: [
        "Addressing", "BootInfo", "PageTables", "Frames", "Oracle", "TestSupport",
      ], path: "Tests/Fuzz", exclude: ["run.sh"], swiftSettings: [.treatAllWarnings(as: .error)]),
    // What the kernel would do on a machine of which only the memory map is known: `make plan`.
    .executableTarget(
      name: "Plan", dependencies: ["BootInfo", "KernelSpace", "Oracle", "TestSupport"],
      path: "Tests/Plan", swiftSettings: [.treatAllWarnings(as: .error)]),
    // What page tables cost, against C that only stores or reads the entries: `make bench`.
    .executableTarget(
      name: "Bench",
      dependencies: [
        "Addressing", "BootInfo", "PageTables", "Frames", "KernelSpace", "BenchFloors",
      ],
      path: "Tests/Bench", exclude: ["chart.awk", "guest.sh", "json.awk", "run.sh"],
      swiftSettings: [.treatAllWarnings(as: .error)]),
    .target(name: "BenchFloors", path: "Tests/BenchFloors"),
    tests("FuzzTests", of: ["Fuzz", "TestSupport"], resources: [.copy("Corpus")]),
    tests("AddressingTests", of: ["Addressing"]),
    tests(
      "BootTests", of: ["Oracle", "TestSupport"], exclude: ["DamagedInformation/chain.asm"]),
    tests("PlanTests", of: ["BootInfo", "KernelSpace", "Plan", "TestSupport"]),
    tests(
      "BootInfoTests", of: ["Addressing", "BootInfo", "TestSupport"],
      resources: [.copy("ACPITables")]),
    tests("DisplayTests", of: ["BootInfo", "Display", "TestSupport"]),
    tests("InputTests", of: ["BootInfo", "Input", "TestSupport"]),
    tests("PageTablesTests", of: ["Addressing", "PageTables", "Oracle", "TestSupport"]),
    tests(
      "FramesTests",
      of: ["Addressing", "BootInfo", "Frames", "Oracle", "PageTables", "TestSupport"]),
    tests(
      "KernelSpaceTests",
      of: [
        "Machine", "Addressing", "BootInfo", "PageTables", "Frames", "KernelSpace", "Oracle",
        "TestSupport",
      ], resources: [.copy("MemoryMaps")]),
  ]
)
