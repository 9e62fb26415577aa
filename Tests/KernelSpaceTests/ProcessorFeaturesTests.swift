// Features from made-up CPUID tables. A leaf that is not in the table must not be read.

import Addressing
import KernelSpace
import Machine
import Testing

private func registers(
  eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0
) -> CPUIDResult {
  CPUIDResult(eax: eax, ebx: ebx, ecx: ecx, edx: edx)
}

@Suite struct ProcessorFeaturesTests {
  private func features(_ table: [UInt32: CPUIDResult]) -> ProcessorFeatures {
    ProcessorFeatures { leaf, subleaf in
      if table[leaf] == nil || subleaf != 0 { Issue.record("leaf \(leaf), subleaf \(subleaf)") }
      return table[leaf] ?? CPUIDResult()
    }
  }

  private func vendor(of features: ProcessorFeatures) -> String {
    String(decoding: features.vendor.indices.map { features.vendor[$0] }, as: UTF8.self)
  }

  /// The features that are there, by name.
  private func names(_ features: ProcessorFeatures) -> Set<String> {
    let all = [
      "mtrr": features.mtrr, "pge": features.globalPages, "pat": features.pat,
      "smep": features.smep, "smap": features.smap, "umip": features.umip, "la57": features.la57,
      "nx": features.noExecute, "1g": features.gigabytePages, "mce": features.machineCheck,
    ]
    return Set(all.filter(\.value).keys)
  }

  @Test func aServerHasThemAll() {
    let server = features([
      0: registers(eax: 0x20, ebx: 0x756e_6547, ecx: 0x6c65_746e, edx: 0x4965_6e69),
      1: registers(edx: 0xbfeb_fbff),
      7: registers(ebx: 0xf3bf_b7ef, ecx: 0xfb41_7fd6),
      0x8000_0000: registers(eax: 0x8000_0008),
      0x8000_0001: registers(edx: 0x2c10_0800),
      0x8000_0008: registers(eax: 0x3934),
    ])
    #expect(vendor(of: server) == "GenuineIntel")
    #expect(
      names(server) == ["mce", "mtrr", "pge", "pat", "smep", "smap", "umip", "la57", "nx", "1g"])
    #expect(server.physicalAddressWidth == 52)
    #expect(server.largestPage == .size1GiB)
  }

  /// An early 64-bit AMD CPU: basic leaves up to 1, extended ones that stop before the widths.
  @Test func leavesAboveTheMaximumAreNotRead() {
    let old = features([
      0: registers(eax: 1, ebx: 0x6874_7541, ecx: 0x444d_4163, edx: 0x6974_6e65),
      1: registers(edx: 0x078b_fbff),
      0x8000_0000: registers(eax: 0x8000_0007),
      0x8000_0001: registers(edx: 0xe1d3_fbff),
    ])
    #expect(vendor(of: old) == "AuthenticAMD")
    #expect(names(old) == ["mce", "mtrr", "pge", "pat", "nx"])
    #expect(old.physicalAddressWidth == 36)
    #expect(old.largestPage == .size2MiB)
  }

  @Test func aCPUWithoutAnyLeafHasNothing() {
    let none = features([0: CPUIDResult(), 0x8000_0000: CPUIDResult()])
    #expect(names(none) == [])
    #expect(none.physicalAddressWidth == 36)
  }

  /// Each bit alone, so that no two are mixed up.
  @Test func oneBitOneFeature() {
    let bits: [(leaf: UInt32, register: WritableKeyPath<CPUIDResult, UInt32>, Int, String)] = [
      (1, \.edx, 7, "mce"), (1, \.edx, 12, "mtrr"), (1, \.edx, 13, "pge"), (1, \.edx, 16, "pat"),
      (7, \.ebx, 7, "smep"),
      (7, \.ebx, 20, "smap"), (7, \.ecx, 2, "umip"), (7, \.ecx, 16, "la57"),
      (0x8000_0001, \.edx, 20, "nx"), (0x8000_0001, \.edx, 26, "1g"),
    ]
    for (leaf, register, bit, name) in bits {
      var table: [UInt32: CPUIDResult] = [
        0: registers(eax: 7), 1: CPUIDResult(), 7: CPUIDResult(),
        0x8000_0000: registers(eax: 0x8000_0008), 0x8000_0001: CPUIDResult(),
        0x8000_0008: registers(eax: 0x3028),
      ]
      table[leaf]![keyPath: register] = 1 << bit
      #expect(names(features(table)) == [name])
      table[leaf]![keyPath: register] = ~(1 << bit)
      #expect(!names(features(table)).contains(name))
    }
  }

  /// TOM2 is for AMD's CPUs and their offspring, on bare metal.
  @Test func topOfMemory2() {
    let amd: [UInt32] = [0x6874_7541, 0x444d_4163, 0x6974_6e65]
    let hygon: [UInt32] = [0x6f67_7948, 0x656e_6975, 0x6e65_476e]
    let intel: [UInt32] = [0x756e_6547, 0x6c65_746e, 0x4965_6e69]
    for (vendor, hypervisor, expected) in [
      (amd, false, true), (hygon, false, true), (intel, false, false), (amd, true, false),
    ] {
      let made = features([
        0: registers(eax: 1, ebx: vendor[0], ecx: vendor[1], edx: vendor[2]),
        1: registers(ecx: hypervisor ? 1 << 31 : 0, edx: 1 << 12), 0x8000_0000: CPUIDResult(),
      ])
      #expect(made.topOfMemory2 == expected)
    }
  }

  @Test(arguments: [(0, 36), (36, 36), (40, 40), (52, 52), (53, 52), (255, 52)])
  func physicalAddressWidths(reported: UInt32, width: Int) {
    let made = features([
      0: CPUIDResult(), 0x8000_0000: registers(eax: 0x8000_0008), 0x8000_0001: CPUIDResult(),
      0x8000_0008: registers(eax: 0xabcd_3000 | reported),
    ])
    #expect(made.physicalAddressWidth == width)
  }
}
