#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# bench.sh [CASE...]: instructions that the engine takes per packet of user data, out of the
# application and in from the networks, acknowledgements and heartbeats included. Counted by
# callgrind, so that they are the same each time, whatever else the machine does; compare two builds
# of one compiler. `make bench` builds what this needs. BUILD is where.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
bench=${BUILD:-build}/mpip/core/engine_bench
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mpip-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# instructions CASE ENTRY...: of these functions and all that they call.
instructions() {
	local name=$1 entry toggles=()
	shift
	for entry; do toggles+=(--toggle-collect="$entry"); done
	valgrind --tool=callgrind --callgrind-out-file="$scratch/out" "${toggles[@]}" "$bench" "$name" \
		>"$scratch/packets" 2>"$scratch/said" || { cat "$scratch/said" >&2; exit 1; }
	awk '/^(summary|totals):/ {print $2; exit}' "$scratch/out"
}

(($# > 0)) || mapfile -t cases < <("$bench")
printf '%-14s %8s %10s %10s\n' case packets 'per out' 'per in'
for name in "${@:-${cases[@]}}"; do
	out=$(instructions "$name" engine_from_host)
	in=$(instructions "$name" engine_from_wire engine_from_hook)
	packets=$(awk '{print $3}' "$scratch/packets")
	printf '%-14s %8d %10d %10d\n' "$name" "$packets" $((out / packets)) $((in / packets))
done
