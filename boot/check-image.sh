#!/usr/bin/env bash
# Fails, in one line, if the linked kernel holds what it must not, or if GRUB would not take it.
#
#   boot/check-image.sh KERNEL.elf NM
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

grub-file --is-x86-multiboot2 "$1" || {
  echo "$1 has no multiboot2 header where GRUB looks for it: in its first 32 KiB" >&2
  exit 1
}
