#!/usr/bin/env bash
# Fails, in one line, if the linked kernel holds what it must not, or if GRUB would not take it.
#
#   boot/check-image.sh KERNEL.elf NM NAMELESS.elf
#
# NAMELESS.elf is the kernel before it got the names of its functions: they must lie where they lay.
set -euo pipefail

# A weak symbol left undefined would be called at address 0. The named ones mean that Swift brought
# in its heap, or a global whose first use spins: the kernel has neither.
"$2" "$1" | awk -v image="$1" '
  $(NF - 1) ~ /^[Uvw]$/ { found = found " " $NF " (undefined)" }
  $NF ~ /^(swift_once|swift_allocObject|posix_memalign|free)$/ { found = found " " $NF }
  END {
    if (found) print image " holds what the kernel cannot have:" found > "/dev/stderr"
    exit found != ""
  }'

functions() { "$2" --defined-only --numeric-sort "$1" | awk '$2 ~ /^[tTwW]$/'; }
cmp -s <(functions "$1" "$2") <(functions "$3" "$2") || {
  echo "$1: its functions moved when they were named: $3 has them elsewhere" >&2
  exit 1
}

grub-file --is-x86-multiboot2 "$1" || {
  echo "$1 has no multiboot2 header where GRUB looks for it: in its first 32 KiB" >&2
  exit 1
}
