#!/usr/bin/env bash
# Fuzzes each target for HIGHLAND_SECONDS seconds, with libFuzzer and AddressSanitizer: `make fuzz`.
#
# build/fuzz/NAME grows from run to run; it begins with the target's seeds and with what is kept in
# Tests/FuzzTests/Corpus/NAME. An input that finds something is named with the command that replays it.
set -euo pipefail

seconds=${HIGHLAND_SECONDS:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || {
  echo "fuzz: SECONDS must be a number above zero, not: $seconds" >&2
  exit 2
}
mkdir -p build/fuzz
cd build/fuzz
echo '  SWIFT  Fuzz'
swift build --package-path ../.. --scratch-path .build -c release --product Fuzz \
  --sanitize=address -Xswiftc -sanitize=fuzzer >build.log 2>&1 || {
  cat build.log >&2
  exit 1
}
swiftc -sanitize=fuzzer,address -parse-as-library -o fuzz \
  -Xlinker --whole-archive .build/release/libFuzz.a -Xlinker --no-whole-archive >link.log 2>&1 || {
  cat link.log >&2
  exit 1
}

# Swift's own backtraces hang on a crash under libFuzzer. What a test sets aside is never given back.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0
fuzz() {
  local name=$1
  mkdir -p "$name"
  for text in ../../Tests/FuzzTests/Corpus/"$name"/*.hex; do
    [[ -e $text ]] || continue
    sed 's/#.*//' "$text" | tr -d ' \n' | tr a-f A-F | basenc --base16 -d \
      >"$name/kept-$(basename "$text" .hex)"
  done
  HIGHLAND_FUZZ=$name HIGHLAND_FUZZ_SEEDS=$name ./fuzz "$name" -max_total_time="$seconds" \
    -max_len=4096 -timeout=60 -rss_limit_mb=4096 -detect_leaks=0 -print_final_stats=1 \
    -artifact_prefix="$name-" >"$name.log" 2>&1 || {
    echo "  FOUND  $name: $(grep -m 1 -E 'Fatal error|ERROR' "$name.log" || true)"
    grep -o "Test unit written to .*" "$name.log" |
      sed "s|.* |         HIGHLAND_FUZZ=$name SWIFT_BACKTRACE=enable=no build/fuzz/fuzz build/fuzz/|"
    return 1
  }
  printf '  FUZZ   %-13s %9s inputs, %5s kept\n' "$name" \
    "$(sed -n 's/stat::number_of_executed_units: *//p' "$name.log")" "$(ls "$name" | wc -l)"
}
export -f fuzz
export seconds

# As many at a time as there are processors.
ls ../../Tests/FuzzTests/Corpus | xargs -P "$(nproc)" -I {} bash -c 'fuzz {}'
