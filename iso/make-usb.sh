#!/usr/bin/env bash
# Writes the ISO image to a whole disk, a USB stick, and reads it back.
#
#   iso/make-usb.sh IMAGE.iso
#
# The environment's HIGHLAND_DEVICE is the disk. What looks like a mistake is refused before anything
# is written: what is no whole disk, what somebody uses, and, unless HIGHLAND_FORCE is 1, what
# does not call itself removable, as most disks inside a machine and some outside do not. The disk is
# written by whoever may: by sudo where this user may not.
set -euo pipefail
export LC_ALL=C

fail() {
  echo "make usb: $*" >&2
  exit 1
}

removable_disks() {
  local disk
  for disk in /sys/block/*; do
    if [[ $(<"$disk/removable") == 1 && $(<"$disk/size") != 0 ]]; then
      echo "/dev/${disk##*/}"
    fi
  done
}

# Says in a few words who uses a disk or a partition, by its name in /sys/class/block; nothing if nobody.
user_of() {
  local name=$1 number mounted where source holder
  number=$(</sys/class/block/"$name"/dev)
  # ... major:minor root mount-point options - type source ...; a file system over several disks has
  # a number of its own there, so its source counts as well.
  while read -r _ _ mounted _ where source; do
    source=${source##* - } && source=${source#* } && source=${source%% *}
    if [[ $mounted == "$number" || $(realpath -m -- "$source") == "/dev/$name" ]]; then
      printf 'mounted on %b' "$where"
      return
    fi
  done </proc/self/mountinfo
  while read -r where _; do
    if [[ $(realpath -m -- "$where") == "/dev/$name" ]]; then
      echo 'in use as swap'
      return
    fi
  done </proc/swaps
  # Logical volumes, RAID, encryption.
  for holder in /sys/class/block/"$name"/holders/*; do
    if [[ -e $holder ]]; then
      echo "part of /dev/${holder##*/}"
      return
    fi
  done
}

(($# == 1)) || fail "usage: iso/make-usb.sh IMAGE.iso"
image=$1 size=$(stat -c %s "$1")
given=${HIGHLAND_DEVICE-}
[[ ${HIGHLAND_FORCE-} =~ ^1?$ ]] || fail "FORCE is 1 or nothing, not $HIGHLAND_FORCE"
disks=$(removable_disks)
[[ -n $given ]] ||
  fail "say which disk, as in DEVICE=/dev/sdX; removable disks here: ${disks:-none}"
[[ -e $given ]] || fail "there is no $given"
[[ -b $given ]] || fail "$given is not a disk"
device=$(realpath -- "$given") # /dev/disk/by-id/... is a link
name=${device##*/}
at=/sys/class/block/$name
[[ -e $at/size ]] || fail "the system tells nothing of $device in $at"
[[ ! -e $at/partition ]] ||
  fail "$device is a partition; name the whole disk, /dev/$(basename "$(dirname "$(realpath "$at")")")"
for part in "$at" "$at"/*/partition; do
  [[ -e $part ]] || continue # no partitions
  part=${part%/partition} part=${part##*/}
  user=$(user_of "$part")
  [[ -z $user ]] || fail "/dev/$part is $user"
done
[[ $(<"$at/removable") == 1 || -n ${HIGHLAND_FORCE-} ]] ||
  fail "$device is not a removable disk; FORCE=1 writes to it all the same"
[[ $(<"$at/ro") == 0 ]] || fail "$device is write-protected"
capacity=$(($(<"$at/size") * 512))
((capacity > 0)) || fail "$device holds no medium"
((capacity >= size)) || fail "$device has $capacity bytes, too few for the image's $size"

root=()
if [[ ! -w $device ]]; then
  command -v sudo >/dev/null || fail "writing to $device takes root"
  root=(sudo)
fi
# The last word on who uses it, other mount namespaces included, is the system's: it does not read the
# partitions of a disk in use again. What has no partitions to read says that it cannot.
problem=$("${root[@]}" blockdev --rereadpt "$device" 2>&1) || [[ $problem != *busy* ]] ||
  fail "$device is in use"

model=$(cat "$at/device/vendor" "$at/device/model" 2>/dev/null | xargs || true)
echo "  USB    $device (${model:+$model, }$((capacity / 1000000)) MB)"
"${root[@]}" dd if="$image" of="$device" bs=256K oflag=direct conv=fsync,nocreat status=progress ||
  fail "writing to $device failed"
# From the disk, not from what the system remembers of it; whole blocks, as disks want it.
"${root[@]}" blockdev --flushbufs "$device"
echo "  VERIFY $device"
cmp -n "$size" "$image" \
  <("${root[@]}" dd if="$device" bs=256K iflag=direct count=$(((size + 262143) / 262144)) status=none) ||
  fail "$device does not read back as it was written"
"${root[@]}" blockdev --rereadpt "$device" 2>/dev/null || true
echo "Written and read back: $size bytes. $device boots by BIOS and by UEFI."
