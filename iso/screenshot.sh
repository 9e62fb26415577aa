#!/usr/bin/env bash
# Boots a kernel on a screen of pixels in QEMU, waits for its prompt, and keeps what the screen shows.
#
#   iso/screenshot.sh KERNEL.elf MODE OUT.png      MODE as 1920x1080x32
#
# The environment may set HIGHLAND_CMDLINE, _ACCEL, _CPU, _MACHINE and _MEMORY: see `make help`.
set -euo pipefail

kernel=$1 mode=$2 out=$(realpath "$3")
scratch=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
HIGHLAND_VIDEO=$mode iso/make-iso.sh "$scratch/iso" "$kernel"

accel=${HIGHLAND_ACCEL:-tcg}
if [[ $accel == kvm ]]; then cpu=host; else cpu=max; fi
# The serial line is a pipe to read, the monitor is what the other process speaks with.
mkfifo "$scratch/serial"
coproc QEMU {
  exec timeout 300 qemu-system-x86_64 \
    -accel "$accel" -cpu "${HIGHLAND_CPU:-$cpu}" -machine "${HIGHLAND_MACHINE:-q35}" \
    -m "${HIGHLAND_MEMORY:-512M}" -cdrom "$scratch/iso" -boot d -nic none -no-reboot \
    -display none -serial "file:$scratch/serial" -monitor stdio
}
answers=${QEMU[0]} monitor=${QEMU[1]} process=$QEMU_PID
exec 3<"$scratch/serial"

# The first prompt follows the line that says that all is well.
ready=
while IFS= read -r line <&3; do
  line=${line%$'\r'}
  [[ $line != *'highland: ready' ]] || { ready=1 && break; }
  [[ $line != 'highland: '* ]] || echo "$line" >&2
done
[[ $ready ]] && IFS= read -r -d '>' _ <&3 || {
  echo "screenshot: the kernel did not come to its prompt" >&2
  exit 1
}
# It waits for input, asleep, once all is drawn.
is_idle() {
  local line
  printf 'info registers\n' >&"$monitor"
  while IFS= read -r line <&"$answers"; do
    [[ ! $line =~ HLT=([01]) ]] || { ((BASH_REMATCH[1])) && return || return 1; }
  done
  echo "screenshot: QEMU ended before the screen was drawn" >&2
  exit 1
}
until is_idle; do :; done
printf 'screendump %s -f png\nquit\n' "$scratch/png" >&"$monitor"
cat <&"$answers" >/dev/null
wait "$process"
mv "$scratch/png" "$out"
