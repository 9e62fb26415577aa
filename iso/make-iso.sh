#!/usr/bin/env bash
# Packs a kernel into an ISO image that GRUB starts by BIOS and by UEFI.
#
#   iso/make-iso.sh OUT.iso KERNEL.elf
#
# The environment's HIGHLAND_CMDLINE is the kernel's command line, read by the rule of the kernel's
# own parser: spaces separate words; a backslash makes the next character plain, inside quotes too;
# single or double quotes group and are dropped. HIGHLAND_VIDEO is the screen that GRUB leaves: `text`,
# or modes as GRUB's gfxpayload takes them, `1024x768x32,auto`. Without it, BIOS leaves text, where
# the kernel can show a refusal from its first instruction on, and UEFI, which has no text mode, its
# framebuffer. Images for different OUT.iso may be made at once.
set -euo pipefail
export LC_ALL=C # a character is a byte: UTF-8 passes untouched

fail() {
  echo "make-iso: $*" >&2
  exit 1
}

# Prints the words of the command line, one a line, without their quotes. Empty words are dropped:
# GRUB would hand them over as nothing but a space.
words() {
  local line=$1 word='' quote='' character i
  [[ $line != *[[:cntrl:]]* ]] || fail "the command line holds a control character"
  for ((i = 0; i < ${#line}; i++)); do
    character=${line:i:1}
    if [[ $character == \\ ]]; then
      i=$((i + 1))
      ((i < ${#line})) || fail "the command line ends in a lone backslash: $line"
      word+=${line:i:1}
    elif [[ -n $quote ]]; then
      if [[ $character == "$quote" ]]; then quote=''; else word+=$character; fi
    elif [[ $character == [\'\"] ]]; then
      quote=$character
    elif [[ $character != ' ' ]]; then
      word+=$character
    elif [[ -n $word ]]; then
      printf '%s\n' "$word"
      word=''
    fi
  done
  [[ -z $quote ]] || fail "the command line leaves a $quote open: $line"
  [[ -z $word ]] || printf '%s\n' "$word"
}

# Puts each word in single quotes, in which GRUB takes every character as it is. When GRUB hands the
# words to the kernel it puts a backslash before each of \ ' " and double quotes around spaces.
grub_words() {
  sed "s/'/'\\\\''/g; s/.*/'&'/" | tr '\n' ' '
}

(($# == 2)) || fail "usage: iso/make-iso.sh OUT.iso KERNEL.elf"
out=$1 kernel=$2
words=$(words "${HIGHLAND_CMDLINE-}")
! grep -qE '\\x[0-9A-Fa-f]{2}' <<<"$words" ||
  fail "GRUB's versions differ in what they make of a backslash before x and two digits: $HIGHLAND_CMDLINE"
arguments=${words:+$(grub_words <<<"$words")}
video=${HIGHLAND_VIDEO-}
[[ $video =~ ^[0-9a-z,]*$ ]] || fail "not a video mode: $video"

# Beside OUT.iso, so that the finished image gets its name in one step.
scratch=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

mkdir -p "$scratch/tree/boot/grub"
cp "$kernel" "$scratch/tree/boot/highland.elf"
# The command multiboot2 sets gfxpayload by the kernel's header, which takes any framebuffer: what is
# to hold has to be said after it. On UEFI only the firmware's own driver knows the screen's mode;
# the others would set one of theirs.
cat >"$scratch/tree/boot/grub/grub.cfg" <<END
set timeout=0
multiboot2 /boot/highland.elf $arguments
if [ \$grub_platform = pc ]; then
  set gfxpayload=${video:-text}
  if [ \$gfxpayload != text ]; then insmod all_video; fi
else
  set gfxpayload=${video:-auto}
  if [ \$gfxpayload != text ]; then insmod efi_gop; insmod efi_uga; fi
fi
boot
END

# All of GRUB would be 20 MB. What multiboot2 needs comes along with it; the partition modules are
# named only because grub-mkrescue's start-up code loads them and complains on UEFI where they lack.
modules='normal multiboot2 all_video test'
modules+=' part_acorn part_amiga part_bsd part_dfly part_dvh part_plan part_sun part_sunpc'
TMPDIR=$scratch grub-mkrescue --install-modules="$modules" --fonts= --locales= --themes= \
  -o "$scratch/iso" "$scratch/tree" >"$scratch/log" 2>&1 ||
  { cat "$scratch/log" >&2 && fail "grub-mkrescue failed"; }
mv "$scratch/iso" "$out"
