#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# coverage.sh [PERCENT]: which lines of mpip/core run in its unit tests, the simulator and the
# fuzzers' corpora together. Prints a table, and fails below PERCENT (90).
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
least=${1:-90}
build=build/coverage
flags="-fprofile-instr-generate -fcoverage-mapping"
rm -f "$build"/*.profraw
mapfile -t tests < <(printf '%s\n' mpip/core/*_test.c | sed "s|^|$build/|; s|\.c\$||")
fuzzers=("$build"/fuzz/{cm,packet,engine})
CFLAGS=$flags LDFLAGS=$flags make --no-print-directory BUILD=$build CC=clang OPT=-O1 \
	"${tests[@]}" $build/mpip/sim/simulate
make --no-print-directory BUILD=$build FUZZ_EXTRA="$flags" fuzzers

export LLVM_PROFILE_FILE=$build/%p.profraw
for test in "${tests[@]}"; do
	"$test" >/dev/null 2>&1 || { echo "coverage: $test fails" >&2; exit 1; }
done
$build/mpip/sim/simulate --seeds 1-200 >/dev/null
$build/mpip/sim/simulate --seeds 1-100 --faults none >/dev/null
for fuzzer in "${fuzzers[@]}"; do
	"$fuzzer" -runs=0 "mpip/fuzz/corpus/${fuzzer##*/}" >/dev/null 2>&1
done
llvm-profdata merge -o $build/all.profdata $build/*.profraw
objects=()
for object in "${tests[@]:1}" $build/mpip/sim/simulate "${fuzzers[@]}"; do
	objects+=(-object "$object")
done
mapfile -t sources < <(git ls-files 'mpip/core/*.c' | grep -v -e _test -e testbed)
llvm-cov report --show-region-summary=false --show-branch-summary=false --use-color=false \
	-instr-profile=$build/all.profdata "${tests[0]}" "${objects[@]}" "${sources[@]}" 2>/dev/null |
	tee $build/report | cut -c1-110
percent=$(awk '/^TOTAL/ {print int($NF)}' $build/report)
echo "lines of mpip/core: $percent %, at least $least %"
((percent >= least))
