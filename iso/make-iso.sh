#!/usr/bin/env bash
# Packs a kernel into an ISO image that GRUB starts by BIOS and by UEFI.
#
#   iso/make-iso.sh OUT.iso KERNEL.elf
#
# The environment's HIGHLAND_CMDLINE is the kernel's command line, read by the rule of the kernel's
# own parser: spaces separate words; a backslash makes the next character plain, inside quotes too;
# single or double quotes group and are dropped. HIGHLAND_VIDEO is the screen that GRUB leaves: `text`,
# or modes as GRUB's gfxpayload takes them, `1024x768x32,auto`; without it, pixels, as many as the
# screen likes best. HIGHLAND_MENU is how many seconds the menu waits before it boots its first entry;
# without it, or with 0, none is shown. Images for different OUT.iso may be made at once.
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
video=${HIGHLAND_VIDEO-} menu=${HIGHLAND_MENU:-0}
[[ $video =~ ^[0-9a-z,]*$ ]] || fail "not a video mode: $video"
[[ $menu =~ ^[0-9]{1,4}$ ]] || fail "not a number of seconds for the menu: $menu"

# Beside OUT.iso, so that the finished image gets its name in one step.
scratch=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

mkdir -p "$scratch/tree/boot/grub"
cp "$kernel" "$scratch/tree/boot/highland.elf"
# On UEFI only the firmware's own driver knows the screen's mode; the others would set one of theirs.
# By BIOS the driver comes along with multiboot2. A serial menu is GRUB's part by BIOS, where the BIOS
# says if there is a port; UEFI's own console goes there, where it is set up to.
#
# The command multiboot2 sets gfxpayload by the kernel's header, which takes any framebuffer: what is
# to hold has to be said after it.
cat >"$scratch/tree/boot/grub/grub.cfg" <<END
set timeout=$menu
if [ \$grub_platform = pc ]; then
  set screen=${video:-auto,1024x768x32,800x600x32,640x480x32,text}
  set plain='text console only'
  if [ \$timeout != 0 ]; then
    if serial --speed=115200; then
      terminal_input console serial
      terminal_output console serial
    fi
  fi
else
  insmod efi_gop
  insmod efi_uga
  set screen=${video:-auto}
  set plain='serial console only'
fi

menuentry 'Highland' {
  multiboot2 /boot/highland.elf $arguments
  set gfxpayload=\$screen
}
menuentry 'Highland, 4-level paging' {
  multiboot2 /boot/highland.elf ${arguments}no5lvl
  set gfxpayload=\$screen
}
menuentry 'Highland, self tests' {
  multiboot2 /boot/highland.elf ${arguments}selftest
  set gfxpayload=\$screen
}
menuentry "Highland, \$plain" {
  multiboot2 /boot/highland.elf $arguments
  set gfxpayload=text
}
END

# All of GRUB would be 20 MB. What multiboot2 needs comes along with it; the partition modules are
# named only because grub-mkrescue's start-up code loads them and complains on UEFI where they lack.
modules='normal multiboot2 serial test all_video'
modules+=' part_acorn part_amiga part_bsd part_dfly part_dvh part_plan part_sun part_sunpc'
# What nobody loads there goes out again: grub-mkrescue takes one list for both platforms.
unused=(
  i386-pc/{all_video,pci,vga,video_bochs,video_cirrus}.mod
  i386-pc/part_{acorn,amiga,bsd,dfly,dvh,msdos,plan,sun,sunpc}.mod
  i386-pc/efiemu{32,64}.o
  x86_64-efi/{all_video,video_bochs,video_cirrus,serial,terminfo}.mod
)
TMPDIR=$scratch grub-mkrescue --install-modules="$modules" --fonts= --locales= --themes= \
  -o "$scratch/iso" "$scratch/tree" -- -rm "${unused[@]/#//boot/grub/}" -- >"$scratch/log" 2>&1 ||
  { cat "$scratch/log" >&2 && fail "grub-mkrescue failed"; }
mv "$scratch/iso" "$out"
