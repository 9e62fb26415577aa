#!/usr/bin/env bash
# Prints the table of a linked kernel's functions, for boot/symbols.asm to include.
#
#   boot/symbols.sh KERNEL.elf TOOLS     TOOLS: the directory of llvm-nm and swift-demangle
#
# Names are as the source has them, without modules, and without what the compiler tells of how it
# came to make a function; each name is there once.
set -euo pipefail
export LC_ALL=C # awk counts bytes

"$2/llvm-nm" --defined-only --numeric-sort "$1" | "$2/swift-demangle" --compact --simplified |
  awk '
    $3 == "text_start" { text = $1 }
    $3 == "text_end" { end = $1 }
    # Of what begins at the same place the first counts. A dot is in labels within nasm routines only.
    $2 ~ /^[tTwW]$/ && $1 != last && $3 !~ /^(text|frameless)_(start|end)$/ && (NF > 3 || $0 ~ /[(]/ || $3 !~ /[.]/) {
      last = $1
      name = $0
      sub(/^[^ ]+ [^ ]+ /, "", name)
      gsub(/(specialized|merged|static|@objc) |variable initialization expression of | infix/, "", name)
      gsub(/<[A-Z][0-9]?(, [A-Z][0-9]?)*>/, "", name)
      gsub(/"/, "", name)
      address[count] = $1
      function_name[count++] = substr(name, 1, 255)
    }
    END {
      for (i = 0; i < count; i++) {
        # All addresses have 16 digits: their order is that of the text.
        if (address[i] < text || address[i] >= end) continue
        name = function_name[i]
        if (!(name in place)) {
          place[name] = size
          size += 1 + length(name)
          names[name_count++] = name
        }
        table = table sprintf("  dd 0x%s - 0x%s, %d\n", address[i], text, place[name])
        kept++
      }
      printf "  dd %d\n%s", kept, table
      for (i = 0; i < name_count; i++) printf "  db %d, \"%s\"\n", length(names[i]), names[i]
    }'
