#!/usr/bin/env bash
# What Highland costs in its guest, in instructions: the same figures on every run, whatever else
# the machine does (QEMU counts them, and the time stamp counter with them).
#
#   Tests/Bench/guest.sh KERNEL.elf ROWS
#
# First what booting costs by phase, for growing memory, then what it takes to `highland: ready` with
# text and with a picture, then what `bench` on the kernel's command line measures, by four and by five
# levels. Prints tables, and adds rows to the file ROWS (see run.sh).
set -euo pipefail

kernel=$1 rows=$2
image=build/bench.iso
trap 'rm -f "$image"' EXIT

# boot COMMANDLINE MEMORY CPU PHYSICAL_BITS [VIDEO]: prints what the kernel says.
boot() {
  HIGHLAND_MENU=0 HIGHLAND_CMDLINE=$1 HIGHLAND_VIDEO=${5-} iso/make-iso.sh "$image" "$kernel" >&2
  local status=0
  qemu-system-x86_64 -accel tcg -icount shift=0 -machine q35,memory-backend=ram \
    -cpu "$3,phys-bits=$4" -m "$2" -object "memory-backend-ram,id=ram,size=$2,reserve=off" \
    -cdrom "$image" -boot d -nic none -display none -monitor none -serial stdio -no-reboot \
    -device isa-debug-exit,iobase=0xf4,iosize=0x04 </dev/null | tr -d '\r' || status=$?
  if ((status != 33)); then
    echo "guest bench: the kernel did not end well (status $status)" >&2
    exit 1
  fi
}

for cpu in max max,la57=off max,pdpe1gb=off; do
  printf '\nboot, in guest instructions, -cpu %s\n' "$cpu"
  printf '  %-6s%9s%10s%7s%12s%9s%10s%13s%8s%11s\n' \
    RAM parse normalise plan build activate 'take over' report tables 'slots, KiB'
  for memory in 128M 4G 64G 1T 8T; do
    boot exit "$memory" "$cpu" 44 | awk -v memory="$memory" -v cpu="$cpu" -v rows="$rows" '
      /^boot: /         { line = $0; sub(/.*ticks = /, "", line)
                          while (match(line, /[0-9]+/)) {
                            ticks[++count] = substr(line, RSTART, RLENGTH)
                            line = substr(line, RSTART + RLENGTH)
                          } }
      /^table frames:/  { tables = $3 }
      /frame metadata/ && / x 4 KiB/ {
                          split($0, part, /[:,]/)
                          slots = part[2] * 1048576 + part[3] * 2048 + part[4] * 4 }
      END {
        printf "  %-6s%9d%10d%7d%12d%9d%10d%13d%8d%11d\n", memory, ticks[1], ticks[2], ticks[3],
          ticks[4], ticks[5], ticks[6], ticks[7], tables, slots
        names = split("parse normalise plan build activate take-over report", name, " ")
        for (index_ = 1; index_ <= names; index_++)
          printf "boot\t%s\t%s\t%s\t%s\n", cpu, memory, name[index_], ticks[index_] >>rows
        printf "boot\t%s\t%s\ttable bytes\t%s\n", cpu, memory, tables * 4096 >>rows
        printf "boot\t%s\t%s\tslot bytes\t%s\n", cpu, memory, slots * 1024 >>rows
      }'
  done
done

# ready VIDEO: from the kernel's entry to its prompt, as that tells it; then the guest is turned off.
ready() {
  HIGHLAND_MENU=0 HIGHLAND_CMDLINE='' HIGHLAND_VIDEO=$1 iso/make-iso.sh "$image" "$kernel" >&2
  local line
  coproc GUEST {
    exec timeout 300 qemu-system-x86_64 -accel tcg -icount shift=0 -machine q35 -cpu max -m 512M \
      -cdrom "$image" -boot d -nic none -display none -monitor none -serial stdio -no-reboot
  }
  local pid=$GUEST_PID
  while read -r line; do
    if [[ $line =~ prompt:\ ([0-9]+)\ ticks ]]; then
      echo "${BASH_REMATCH[1]}"
      break
    fi
  done <&"${GUEST[0]}"
  printf 'poweroff\r' >&"${GUEST[1]}"
  wait "$pid"
}

printf '\nfrom the kernel'\''s entry to its prompt, in guest instructions\n'
for video in text 1024x768x32; do
  ticks=$(ready "$video")
  printf '  %-14s%12d\n' "$video" "$ticks"
  printf 'ready\t%s\t%s\n' "$video" "$ticks" >>"$rows"
done

for cpu in max max,la57=off; do
  printf '\noperations, in guest instructions, -cpu %s\n' "$cpu"
  boot 'bench exit' 1G "$cpu" 44 | awk -v cpu="$cpu" -v rows="$rows" '
    /^bench: / { sub(/^bench: /, ""); sub(/ ticks$/, ""); figure = $NF; sub(/ +[0-9.]+$/, "")
                 printf "  %-28s%12.2f\n", $0, figure
                 printf "operation\t%s\t%s\t%s\n", cpu, $0, figure >>rows }'
done
