#!/usr/bin/env bash
# What Highland costs in its guest, in instructions: the same figures on every run, whatever else
# the machine does (QEMU counts them, and the time stamp counter with them).
#
#   Tests/Bench/guest.sh KERNEL.elf
#
# First what booting costs by phase, for growing memory, then what `bench` on the kernel's command
# line measures, on every kind of page table.
set -euo pipefail

image=build/bench.iso
trap 'rm -f "$image"' EXIT

# boot COMMANDLINE MEMORY CPU PHYSICAL_BITS: prints what the kernel says.
boot() {
  HIGHLAND_VIDEO=text HIGHLAND_CMDLINE=$1 iso/make-iso.sh "$image" "$kernel" >&2
  local status=0
  qemu-system-x86_64 -accel tcg -icount shift=0 -machine q35,memory-backend=ram \
    -cpu "$3,phys-bits=$4" -m "$2" -object "memory-backend-ram,id=ram,size=$2,reserve=off" \
    -cdrom "$image" -boot d -nic none -display none -monitor none -serial stdio -no-reboot \
    -device isa-debug-exit,iobase=0xf4,iosize=0x04 </dev/null || status=$?
  if ((status != 33)); then
    echo "guest bench: the kernel did not end well (status $status)" >&2
    exit 1
  fi
}

kernel=$1
for cpu in max max,la57=off max,pdpe1gb=off; do
  echo
  echo "boot, in guest instructions, -cpu $cpu"
  for memory in 128M 4G 64G 1T 8T; do
    boot exit "$memory" "$cpu" 44 | awk -v memory="$memory" '
      /^table frames:/ { tables = $3 }
      /^boot: / { sub(/\r/, ""); sub(/^boot: /, ""); sub(/ ticks/, ""); boot = $0 }
      END { printf "  %-5s %s; %s table frames\n", memory, boot, tables }'
  done
done
for cpu in max max,la57=off; do
  echo
  echo "operations, in guest instructions, -cpu $cpu"
  boot 'bench exit' 1G "$cpu" 44 | sed -n 's/\r//; s/^bench: /  /; s/ ticks$//p'
done
