#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh DIR SECONDS FUZZER...: runs the fuzzers in DIR side by side, each from its corpus in the
# repository. New inputs go to DIR/NAME.found, and what breaks something to DIR/NAME-*.
set -euo pipefail
dir=$1 seconds=$2
shift 2
here=${BASH_SOURCE[0]%/*}
declare -A pid
trap 'kill "${pid[@]}" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
for name; do
	mkdir -p "$dir/$name.found" "$here/corpus/$name"
	"$dir/$name" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$dir/$name-" "$dir/$name.found" "$here/corpus/$name" \
		>"$dir/$name.log" 2>&1 </dev/null &
	pid[$name]=$!
done
status=0
echo "1..$#"
for name; do
	if wait "${pid[$name]}"; then
		echo "ok - fuzzer $name, $seconds s: $(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log") inputs, no finding"
	else
		echo "not ok - fuzzer $name: $(grep -m 1 -E 'ERROR:|SUMMARY:|runtime error:|Assertion' "$dir/$name.log" || tail -n 1 "$dir/$name.log"), see $dir/$name.log"
		status=1
	fi
	unset "pid[$name]"
done
exit "$status"
