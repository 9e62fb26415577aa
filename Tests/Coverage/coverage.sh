#!/usr/bin/env bash
# How many lines of the floors below Kernel the host's tests run: at least 95 of 100 of each floor, or
# this fails. What they do not run is listed, with the reason that uncovered.txt gives; what lacks a
# reason, and reasons that have become idle, are named at the end.
#
#   Tests/Coverage/coverage.sh
#
# Machine is left out: its functions are the CPU's privileged ones, which the self tests call.
set -euo pipefail
cd "$(dirname "$0")/../.."

wanted=95
reasons=Tests/Coverage/uncovered.txt
tools=$(head -n 1 build/toolchain)
scratch=.build/coverage # a build of its own: to count takes other code
options=(--scratch-path "$scratch" --enable-code-coverage)

quietly() {
  if [[ -n ${V-} ]]; then
    "$@"
  else
    "$@" >build/coverage.log 2>&1 || { cat build/coverage.log >&2 && exit 1; }
  fi
}

quietly swift build --build-tests "${options[@]}"
# Boots run the kernel in a guest, where nothing counts; Bench's tests are about time.
quietly swift test --skip-build "${options[@]}" --skip '^(Boot|Bench)Tests\.'

floors=()
for floor in Sources/*/; do
  [[ $floor == Sources/Kernel/ || $floor == Sources/Machine/ ]] || floors+=("$floor")
done
"$tools/llvm-cov" export --format=lcov --instr-profile="$scratch/debug/codecov/default.profdata" \
  "$scratch"/debug/*.xctest "${floors[@]}" >build/coverage.lcov

# SF:FILE, then DA:LINE,COUNT for each line with code. Lines in a row make one line of the list.
awk -v wanted="$wanted" -v reasons="$reasons" '
  function finish() {
    if (first) {
      places[++uncovered] = file
      lines[uncovered] = first (last > first ? "-" last : "")
      first = 0
    }
  }
  BEGIN {
    while ((getline line < reasons) > 0)
      if (line ~ /^Sources\//) {
        place = line; sub(/ .*/, "", place); sub(/^[^ ]+ +/, "", line)
        reason[place] = line
      }
  }
  /^SF:/ {
    finish()
    file = substr($0, 4); sub(/^.*\/Sources\//, "Sources/", file)
    split(file, parts, "/"); floor = parts[2]
    if (!(floor in all)) names[++count] = floor
  }
  /^DA:/ {
    split(substr($0, 4), pair, ",")
    all[floor]++
    if (pair[2] > 0) { covered[floor]++; finish() }
    else { if (!first) first = pair[1]; last = pair[1] }
  }
  /^end_of_record/ { finish() }
  END {
    for (i = 1; i <= count; i++) {
      percent = 100 * covered[names[i]] / all[names[i]]
      printf "%-14s %5d of %5d lines  %5.1f %%\n", names[i], covered[names[i]], all[names[i]], percent
      if (percent < wanted) low = low " " names[i]
    }
    print "not covered:"
    for (i = 1; i <= uncovered; i++) {
      known = places[i] in reason
      if (!known && !(places[i] in used)) unexplained = unexplained " " places[i]
      used[places[i]] = 1
      printf "  %s:%s  %s\n", places[i], lines[i], known ? reason[places[i]] : "no reason given"
    }
    for (place in reason) if (!(place in used)) idle = idle " " place
    if (unexplained) print "without a reason in " reasons ":" unexplained
    if (idle) print "covered, with a reason why not in " reasons ":" idle
    if (!count) print "coverage: no lines were counted" > "/dev/stderr"
    if (low) print "coverage: below " wanted " %:" low > "/dev/stderr"
    exit low != "" || !count
  }' build/coverage.lcov
