#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Workloads: transfers, and what all workloads say of time: gaps, seconds of each direction, events.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
	export BUILD=${BUILD:-build}
	[[ $BUILD == /* ]] || BUILD=$PWD/$BUILD
	EXPERIMENT=$BUILD/experiments/experiment
	T=$BATS_TEST_TMPDIR
}

# lab NAME EVENT...: two hosts with two NICs of 20 Mbit/s each, and what happens to them.
lab() {
	local name=$1 IFS=, events
	shift
	events="$*"
	sed "s/\"rate_mbit\": 100/\"rate_mbit\": 20/; 0,/{/s//{ \"events\": [ $events ],/" lab/scenarios/dual-nic.json >"$T/$name"
}

# experiment NAME WORKLOAD KEYS CONTESTANT...: writes $T/NAME.json, on $T/lab.json.
experiment() {
	local name=$1 workload=$2 keys=$3 IFS=, contestants
	shift 3
	contestants="$*"
	cat >"$T/$name.json" <<-END
		{ "title": "t", "scenario": "lab.json", "workload": $workload, $keys, "repeats": 1,
		  "contestants": [ $contestants ] }
	END
}

# value RESULT PATH
value() {
	"$BUILD/ci/json" "$2" <"$1"
}

# holds RESULT AWK-CONDITION PATH...: the condition about the values there, which are $1, $2 ...
holds() {
	local result=$1 condition=$2 values="" path
	shift 2
	for path in "$@"; do
		values+="$(value "$result" "$path") "
	done
	awk "{ exit !($condition) }" <<<"$values" || { echo "$condition: $* = $values"; return 1; }
}

whole() {
	"$BUILD/experiments/check-result" experiments/record/result.schema.json "$@"
}

@test "transfers: every one is there, checked and timed, over TCP, MPTCP and MPIP, either way" {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for network namespaces"
	local name result log
	lab lab.json
	experiment transfers '{ "kind": "transfers", "sizes_bytes": [2000, 100000], "parallel": 2, "pause_ms": 5, "count": 12 }' \
		'"warm_up_s": 1, "duration_s": 1' '{ "name": "plain" }' \
		'{ "name": "mptcp", "mptcp": true, "workload": { "direction": "reverse" } }' '{ "name": "mpip", "mpipd": {} }'
	run -0 "$EXPERIMENT" --ground host --out "$T/out" "$T/transfers.json"
	whole "$T"/out/transfers/*/result.json
	for name in plain mptcp mpip; do
		result=$T/out/transfers/$name-r01-s1-d1/result.json
		log=${result%/*}/transfers-client.csv
		[[ $(value "$result" marks) == "[]" ]] || { value "$result" marks; return 1; }
		holds "$result" '$1 == 12 && $2 == 0 && $3 > 0' transfers.all.count transfers.all.failed transfers.warm_up
		holds "$result" '$1 == 6 && $2 == 6' "transfers.sizes[from_bytes=2000].count" "transfers.sizes[from_bytes=100000].count"
		# what is larger takes longer, and the connection's set-up is a part of it
		holds "$result" '$1 < $2 && $3 > 0 && $3 < $1' "transfers.sizes[from_bytes=2000].completion_ms.p50" \
			"transfers.sizes[from_bytes=100000].completion_ms.p50" "transfers.sizes[from_bytes=2000].setup_ms.min"
		# the measured ones: the same sizes in the same order for all; times in their order, and no error
		awk -F, 'NR == 1 { next } $3 > $4 || $4 > $5 || $5 > $6 || $6 > $7 || $8 { exit 1 } $3 >= 0 { print $2 }' "$log" >"$T/$name"
		[[ $(<"$T/$name") == $(for ((i = 0; i < 6; i++)); do printf '2000\n100000\n'; done) ]]
		# all bytes of them, and no more, arrived at who receives
		[[ $(awk -F, 'NR > 1 { n += $2 } END { print n }' "$log") == \
			$(awk -F, 'NR > 1 { n += $3 } END { print n }' "${log%/*}"/arrivals-*.csv) ]]
	done
	[[ -f $T/out/transfers/mptcp-r01-s1-d1/arrivals-client.csv && -f $T/out/transfers/mpip-r01-s1-d1/arrivals-server.csv ]]

	run -0 "$BUILD/analysis/analysis" table --out "$T/out" transfers
	[[ $output == *"p50, ms"*"p95, ms"*"p99, ms"* && $output == *failed* ]] || { echo "$output"; return 1; }
	run -0 "$BUILD/analysis/analysis" plot --format svg --out "$T/out" transfers
	# two sizes, three contestants, of each the whole distribution
	[[ $(grep -c '^# ' "$T/out/figures/data/transfers-transfers.dat") -eq 6 ]]
	[[ $(grep -c ' 1$' "$T/out/figures/data/transfers-transfers.dat") -eq 6 ]]
}

DOWN='{ "at_s": 1, "link": "client.eth0", "action": "down" }'

# bats test_tags=host
@test "a cable that is pulled: gaps, recovery and transfers that do not end are told, and are the same again" {
	local run=$T/out/pulled
	lab lab.json "$DOWN" '{ "at_s": 1.5, "link": "client.eth0", "action": "up" }'
	lab dead.json "$DOWN"
	experiment pulled '{ "kind": "tcp", "direction": "both" }' '"duration_s": 3' '{ "name": "tcp" }' \
		'{ "name": "call", "workload": { "kind": "call", "audio": {}, "from": "client" } }' \
		'{ "name": "transfers", "scenario": "dead.json", "workload": { "kind": "transfers", "sizes_bytes": 50000, "pause_ms": 10 } }'
	sed -i 's/"kind": "tcp", "direction": "both"/"kind": "tcp"/; s/"name": "tcp"/&, "workload": { "direction": "both" }/' "$T/pulled.json"
	run -0 "$EXPERIMENT" --ground vm --out "$T/out" "$T/pulled.json"
	whole "$run"/*/result.json

	# both ways at once: each direction is silent while the cable is out, and begins to be when it goes
	run+=/tcp-r01-s1-d3-vm0
	holds "$run/result.json" '$1 >= 500 && $1 < 1500 && $2 > 0.9 && $2 <= 1.05' gap.longest_ms gap.at_s
	holds "$run/result.json" '$1 >= 500 && $2 >= 500' gap.forward.longest_ms gap.reverse.longest_ms
	local both
	both=$(value "$run/result.json" "series_forward[]" | paste -d ' ' - <(value "$run/result.json" "series_reverse[]") \
		<(value "$run/result.json" "series[]"))
	awk '{ n++; if (($1 + $2 - $3) ^ 2 > 1e-6) exit 1 } END { exit n != 3 }' <<<"$both" || { echo "$both"; return 1; }
	# nothing comes between the events; after the second all is back, but not before TCP tries again
	[[ $(value "$run/result.json" "events[].event") == $'link client.eth0 down\nlink client.eth0 up' ]]
	holds "$run/result.json" '$1 > 20 && $2 < 0.1 * $1 && $3 > 450 && $4 > 0.49 && $4 < 0.51 && $5 == "null"' \
		"events[at_s=1.0].goodput_before_mbit" "events[at_s=1.0].goodput_after_mbit" "events[at_s=1.0].gap_ms" \
		"events[at_s=1.0].window_s" "events[at_s=1.0].recovered_s"
	holds "$run/result.json" '$1 < 0.1 && $2 > 10' "events[at_s=1.5].goodput_before_mbit" "events[at_s=1.5].goodput_after_mbit"

	# a call sends on: its gap is the time without a cable, and at most two packets' time longer
	run=$T/out/pulled/call-r01-s1-d3-vm0
	holds "$run/result.json" '$1 >= 500 && $1 <= 540 && $2 >= 500 && $2 <= 540' gap.forward.longest_ms gap.reverse.longest_ms

	# the one that was under way never ends: it is counted, with the time that there was for it
	run=$T/out/pulled/transfers-r01-s1-d3-vm0
	[[ $(value "$run/result.json" marks) == "[]" ]]
	holds "$run/result.json" '$1 == 1 && $2 > 10 && $3 > 21000 && $4 > 1900' transfers.all.failed transfers.all.count \
		transfers.all.completion_ms.max gap.longest_ms
	[[ $(tail -n 1 "$run/transfers-client.csv") == *",not done" ]]
	run -0 "$EXPERIMENT" --reproduce "$run"
	[[ $output == *"equal: "* ]] || { echo "$output"; return 1; }
}
