#!/usr/bin/env bash
# Measures, prints tables, and leaves build/bench.json and build/bench.svg.
#
#   Tests/Bench/run.sh KERNEL.elf IMAGE.iso
#
# All figures go through one file of rows, with tabs between their fields:
#
#     host       workload  unit  floor's min  median  Highland's min  median  aim (0: none)
#     boot       cpu  RAM  phase, `table bytes` or `slot bytes`  figure
#     ready      screen  instructions
#     operation  cpu  name  instructions
#     size       name  bytes
set -euo pipefail
cd "$(dirname "$0")/../.."

kernel=$1 image=$2
rows=build/bench.rows
: >"$rows"

BENCH_ROWS=$rows .build/release/Bench
Tests/Bench/guest.sh "$kernel" "$rows"

symbol() { "$(head -n 1 build/toolchain)/llvm-nm" "$kernel" | sed -n "s/^\([0-9a-f]*\) . $1$/0x\1/p"; }
printf '\nsizes, in bytes\n'
for size in "kernel, loaded:$(($(symbol image_end) - $(symbol link_start)))" \
  "kernel, ELF file:$(stat -c %s "$kernel")" "ISO image:$(stat -c %s "$image")"; do
  printf '  %-28s%12d\n' "${size%%:*}" "${size##*:}"
  printf 'size\t%s\t%s\n' "${size%%:*}" "${size##*:}" >>"$rows"
done

awk -f Tests/Bench/json.awk "$rows" >build/bench.json
awk -f Tests/Bench/chart.awk "$rows" >build/bench.svg
