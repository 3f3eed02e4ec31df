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
start=$SECONDS

# How far it is: on a terminal in one line, else in a line every half minute, after two seconds.
progress() {
	local gone next=2
	while sleep 1; do
		gone=$((SECONDS - start))
		((gone >= next)) || continue
		if [[ -t 2 ]]; then
			printf '\r\033[Kfuzz: %d of %d s' "$gone" "$seconds" >&2
		else
			printf 'fuzz: %d of %d s\n' "$gone" "$seconds" >&2
			next=$((gone + 30))
		fi
	done
}
trap 'kill "${pid[@]}" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
for name; do
	mkdir -p "$dir/$name.found" "$here/corpus/$name"
	"$dir/$name" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$dir/$name-" "$dir/$name.found" "$here/corpus/$name" \
		>"$dir/$name.log" 2>&1 </dev/null &
	pid[$name]=$!
done
progress &
pid[/progress]=$!
status=0
echo "1..$#"
for name; do
	failed=0
	wait "${pid[$name]}" || failed=$?
	[[ ! -t 2 ]] || printf '\r\033[K' >&2
	if ((failed == 0)); then
		echo "ok - fuzzer $name, $seconds s: $(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log") inputs, no finding"
	else
		echo "not ok - fuzzer $name: $(grep -m 1 -E 'ERROR:|SUMMARY:|runtime error:|Assertion' "$dir/$name.log" || tail -n 1 "$dir/$name.log"), see $dir/$name.log"
		status=1
	fi
	unset "pid[$name]"
done
exit "$status"
