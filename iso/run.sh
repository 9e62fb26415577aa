#!/usr/bin/env bash
# Boots an ISO image in QEMU with the kernel's serial line on this terminal.
#
#   iso/run.sh IMAGE.iso
#
# The environment may set HIGHLAND_ACCEL, _CPU, _FIRMWARE, _MACHINE and _MEMORY: see `make help`.
# Succeeds when the kernel ended well, or turned the machine off. After a panic, a fault or a failed self test the status is 35; any other status
# is QEMU's own.
set -euo pipefail

accel=${HIGHLAND_ACCEL:-tcg}
if [[ $accel == kvm ]]; then cpu=host; else cpu=max; fi
options=(
  -accel "$accel" -cpu "${HIGHLAND_CPU:-$cpu}" -machine "${HIGHLAND_MACHINE:-q35}"
  -m "${HIGHLAND_MEMORY:-512M}"
  # Nothing to boot but this image: no disk, no network card, whose start-up also takes time.
  -cdrom "$1" -boot d -nic none
  # `-nographic` would pass Ctrl-C on to the kernel, and have the firmware write to the serial line.
  -display none -monitor none -serial stdio
  # A reset ends QEMU instead of booting again, and so does the kernel's `exit`.
  -no-reboot -device "isa-debug-exit,iobase=0xf4,iosize=0x04"
)
case ${HIGHLAND_FIRMWARE:-bios} in
  bios) ;;
  uefi) options+=(-bios /usr/share/ovmf/OVMF.fd) ;;
  *)
    echo "highland: FIRMWARE is bios or uefi, not $HIGHLAND_FIRMWARE" >&2
    exit 2
    ;;
esac

# QEMU's status is 0 when the machine was turned off, and when it was reset: its events tell which.
# They come through a pair of named pipes, once QEMU has been greeted.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkfifo "$scratch/monitor.in" "$scratch/monitor.out"
exec {greeting}<>"$scratch/monitor.in" {events}<>"$scratch/monitor.out"
echo '{"execute": "qmp_capabilities"}' >&"$greeting"
options+=(-chardev "pipe,id=events,path=$scratch/monitor" -mon "chardev=events,mode=control")

echo "  QEMU   $1 (Ctrl-C ends it)"
status=0
trap 'exit 130' INT
qemu-system-x86_64 "${options[@]}" || status=$?
if ((status == 0)); then
  while read -r -t 0 -u "$events" && read -r -u "$events" event; do
    if [[ $event == *'"reason": "guest-shutdown"'* ]]; then exit 0; fi
  done
fi
# isa-debug-exit turns the kernel's value v into the status 2v + 1. Status 0 is nobody's word: a
# reset, as after a triple fault, or a closed emulator.
case $status in
  33) exit 0 ;;
  35) echo "highland: the kernel stopped after a panic, a fault or something that failed, reported above" >&2 ;;
  0)
    echo "highland: the machine was reset, or QEMU was closed, before the kernel ended" >&2
    exit 1
    ;;
esac
exit "$status"
