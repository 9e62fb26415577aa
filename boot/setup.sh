#!/usr/bin/env bash
# Sees to it that the build finds its tools, and installs those that Debian's packages can give.
#
#   boot/setup.sh [make] [iso] [qemu] [ovmf] [bochs]     what the tools are wanted for, besides Swift
#
# Leaves build/toolchain: the directory of Swift's own tools, and below it Swift's version. The file
# changes only when they do, so that a new toolchain rebuilds everything and an old one nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build

fail() {
  echo "highland: $*" >&2
  exit 1
}

# Swift has to come from its makers: it is checked, never installed.
check_swift() {
  local wanted='Highland needs Swift 6.3 or newer with Embedded Swift for x86_64-unknown-none-elf'
  local hint='see https://www.swift.org/install'
  local info resources version
  command -v swift >/dev/null || fail "$wanted, and there is no swift on the PATH: $hint"
  info=$(swift -print-target-info -target x86_64-unknown-none-elf 2>/dev/null) ||
    fail "$wanted, and $(command -v swift) does not know that target: $hint"
  [[ $info =~ \"compilerVersion\":\ *\"([^\"]*Swift\ version\ ([0-9]+)\.([0-9]+)[^\"]*) ]] ||
    fail "$wanted, and $(command -v swift) does not tell its version: $hint"
  version=${BASH_REMATCH[1]}
  ((BASH_REMATCH[2] > 6 || BASH_REMATCH[2] == 6 && BASH_REMATCH[3] >= 3)) ||
    fail "$wanted, and this is $version: $hint"
  [[ $info =~ \"runtimeResourcePath\":\ *\"([^\"]+)\" ]] || BASH_REMATCH=('' '')
  resources=${BASH_REMATCH[1]}
  [[ -e $resources/embedded/Swift.swiftmodule/x86_64-unknown-none-elf.swiftmodule ]] ||
    fail "$wanted, and $version came without that library: $hint"
  # The path that the compiler itself tells is right also where `swift` is a version manager's proxy.
  tools=$(realpath "$resources/../../bin")
  [[ -x $tools/ld.lld && -x $tools/llvm-nm ]] ||
    fail "$wanted, and $version came without ld.lld and llvm-nm: $hint"
  toolchain=$tools$'\n'$version
}

# What counts is whether a tool is there, not which package brought it.
missing=()
need() {
  local package=$1 thing
  for thing in "${@:2}"; do
    if [[ $thing == /* ]]; then [[ -e $thing ]]; else command -v "$thing" >/dev/null; fi ||
      { missing+=("$package") && return; }
  done
}

look_for() {
  local purpose
  missing=()
  for purpose; do
    case $purpose in
      make) need make make ;;
      iso)
        need nasm nasm
        need grub-common grub-mkrescue grub-file
        need grub-pc-bin /usr/lib/grub/i386-pc/multiboot2.mod
        need grub-efi-amd64-bin /usr/lib/grub/x86_64-efi/multiboot2.mod
        need mtools mformat
        need xorriso xorriso
        ;;
      qemu) need qemu-system-x86 qemu-system-x86_64 ;;
      ovmf) need ovmf /usr/share/ovmf/OVMF.fd ;;
      bochs)
        need bochs bochs
        need bochs-term "/usr/lib/$(uname -m)-linux-gnu/bochs/plugins/libbx_term_gui.so.0.0.0"
        need bochsbios /usr/share/bochs/BIOS-bochs-latest
        need vgabios /usr/share/vgabios/vgabios.bin
        ;;
      *) fail "setup.sh: what is $purpose?" ;;
    esac
  done
}

# Installs the missing packages without a question, and quietly unless it goes wrong.
install() {
  local root=() lock=(-o DPkg::Lock::Timeout=300) # another apt-get may be at work on a new machine
  command -v apt-get >/dev/null ||
    fail "these are missing, by the names of their Debian packages: ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "these packages are missing, and installing them takes root or sudo: ${missing[*]}"
    root=(sudo)
  fi
  root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y "${lock[@]}")
  echo "  APT    installing ${missing[*]}"
  { "${root[@]}" update && "${root[@]}" install --no-install-recommends "${missing[@]}"; } \
    </dev/null >build/apt.log 2>&1 || { cat build/apt.log >&2 && fail "apt-get failed"; }
}

check_swift
look_for "$@"
if ((${#missing[@]})); then
  install
  look_for "$@"
  ((${#missing[@]} == 0)) || fail "installed, yet not found: ${missing[*]}"
fi
[[ -e build/toolchain && $(<build/toolchain) == "$toolchain" ]] || echo "$toolchain" >build/toolchain
