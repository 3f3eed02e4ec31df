#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Runners that meet, and runners that are killed: nothing is removed that is not one's own, and
# everything that is goes with the next run. A few rounds of each; with FULL=1, twenty of runners that
# meet and thirty of killed ones on each ground. DRILL_SEED= repeats the moments of an earlier call.

# bats file_tags=host

bats_require_minimum_version 1.5.0

setup() {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for network namespaces"
	cd "$BATS_TEST_DIRNAME/.." || return
	export BUILD=${BUILD:-build}
	[[ $BUILD == /* ]] || BUILD=$PWD/$BUILD
	EXPERIMENT=$BUILD/experiments/experiment
	T=$BATS_TEST_TMPDIR
	# What a runner starts is told by this word in its environment.
	WORD=drill-$$-$BATS_TEST_NUMBER
	export TMPDIR=$T/tmp
	mkdir "$TMPDIR"
	PIDS=()
	RANDOM=${DRILL_SEED:=$RANDOM}
	echo "DRILL_SEED=$DRILL_SEED"
}

teardown() {
	local pid
	for pid in "${PIDS[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

# rounds FEW ALL
rounds() { if [[ -n ${FULL:-} ]]; then echo "$2"; else echo "$1"; fi; }

# small NAME REPEATS: an experiment with runs of 1 s over one path.
small() {
	cat >"$T/lab.json" <<-END
		{ "hosts": [ { "name": "client", "nics": [ { "name": "eth0", "address": "10.0.1.2/24" } ] },
		             { "name": "server", "nics": [ { "name": "eth0", "address": "10.0.3.2/24" } ] } ],
		  "routers": [ { "name": "router", "ports": [ { "name": "c0", "address": "10.0.1.1/24" },
		                                              { "name": "s0", "address": "10.0.3.1/24" } ] } ],
		  "links": [ { "ends": ["client.eth0", "router.c0"], "rate_mbit": 20 },
		             { "ends": ["server.eth0", "router.s0"] } ] }
	END
	cat >"$T/$1.json" <<-END
		{ "title": "t", "scenario": "lab.json", "workload": { "kind": "tcp" },
		  "duration_s": 1, "repeats": $2, "contestants": [ { "name": "plain" } ] }
	END
}

# runner LOG OPTION...: in the background, in a process group of its own; its process ID is in $RUNNER.
runner() {
	local log=$1
	shift
	DRILL=$WORD setsid "$EXPERIMENT" "$@" >"$log" 2>&1 3>&- &
	RUNNER=$!
	PIDS+=("$RUNNER")
}

# whole DIRECTORY N: it has N results, each with the logs that it was made from.
whole() {
	local results=("$1"/*/result.json)
	[[ -e ${results[0]} ]] || results=()
	((${#results[@]} == $2)) || { echo "$1: ${#results[@]} results, expected $2"; ls -A "$1"; return 1; }
	(($2 == 0)) || "$BUILD/experiments/check-result" experiments/record/result.schema.json "${results[@]}"
}

left_behind() {
	local pid place
	for pid in "${PIDS[@]}"; do
		find /run/netns /run/mpip-lab -maxdepth 1 -name "experiment-$pid*" 2>/dev/null
	done
	find /run/mpip-lab -maxdepth 1 -name .aside 2>/dev/null
	grep -slF "DRILL=$WORD" /proc/[0-9]*/environ
	find "$T" \( -name .unfinished -o -name '*.new' \)
	ls -A "$TMPDIR"
	for place in "$BUILD"/vm/.image.* "$BUILD"/vm/.gone.*; do
		[[ ! -d $place ]] || ! flock -n "$place" true || echo "$place"
	done
	return 0
}

# nothing_left: what was killed with a runner may take a moment to go.
nothing_left() {
	local i
	for ((i = 0; i < 100; i++)); do
		[[ -n $(left_behind) ]] || return 0
		sleep 0.1
	done
	echo "left behind:"
	left_behind
	return 1
}

# meet DELAY EXPERIMENT OUT: a runner of `one` in out-1, and later another one.
meet() {
	local first second a=0 b=0 refused=0 log
	echo "$2 in $3 after $1 s:"
	rm -rf "$T"/out-*
	runner "$T/log-1" --ground host --out "$T/out-1" "$T/one.json"
	first=$RUNNER
	sleep "$1"
	runner "$T/log-2" --ground host --out "$T/$3" "$T/$2.json"
	second=$RUNNER
	wait "$first" || a=$?
	wait "$second" || b=$?
	cat "$T/log-1" "$T/log-2"
	if [[ $2 == one && $3 == out-1 ]]; then
		for log in "$T/log-1" "$T/log-2"; do
			! grep -qFx "$T/out-1/one: another runner is at work on this experiment" "$log" || {
				refused=$((refused + 1))
				[[ $(wc -l <"$log") -eq 1 ]]
			}
		done
		if ((refused == 0)); then grep -Eq "one: $runs runs? (is|are) there already, nothing to do" "$T/log-2"; fi
		(((a > 0) + (b > 0) == refused && refused <= 1)) || { echo "status $a and $b"; return 1; }
	else
		((a + b == 0)) || { echo "status $a and $b"; return 1; }
		whole "$T/$3/$2" "$runs"
	fi
	whole "$T/out-1/one" "$runs"
	[[ -s $T/out-1/one/calibration.json && -s $T/out-1/one/runs.json ]]
	nothing_left
}

@test "two runners at once: nothing is lost, and one that must not work says so in a line" {
	local i who=("one out-1" "one out-2" "two out-1" "two out-2")
	runs=$(rounds 1 4)
	small one "$runs"
	small two "$runs"
	if [[ -z ${FULL:-} ]]; then
		meet 2.5 one out-1
		return
	fi
	for ((i = 0; i < 20; i++)); do
		# shellcheck disable=SC2086 # two words
		meet "$((i * 10 / 19)).$((i * 100 / 19 % 10))" ${who[i % 4]}
	done
}

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# killed GROUND N: kills N runners, each at a moment of its life, every third with all of its group;
# looks whether the results that were there before still are, and what the next run leaves.
killed() {
	local ground=$1 n=$2 i life lives=() after had group
	small one 1
	# How long it lives: from nothing, and without a calibration.
	for i in 0 1; do
		lives[i]=$(milliseconds)
		"$EXPERIMENT" --ground "$ground" --fresh --out "$T/out" "$T/one.json"
		lives[i]=$(($(milliseconds) - lives[i]))
	done
	for ((i = 1; i <= n; i++)); do
		had=1 group=
		((i % 3 != 1)) || group=-
		# From nothing, so that calibrations are killed, too.
		((i % 3 != 2)) || { rm -rf "$T/out" && had=0; }
		life=${lives[had]}
		after=$((RANDOM * life / 32768))
		runner "$T/log" --ground "$ground" --fresh --out "$T/out" "$T/one.json"
		sleep "$((after / 1000)).$(printf %03d $((after % 1000)))"
		echo "$ground $i: killed after $after of $life ms; before it: $(tail -n 1 "$T/log")"
		kill -KILL -- "$group$RUNNER" 2>/dev/null || echo "it had ended"
		wait "$RUNNER" || true
		((had == 0)) || whole "$T/out/one" "$had"
		DRILL=$WORD "$EXPERIMENT" --ground "$ground" --out "$T/out" "$T/one.json"
		whole "$T/out/one" 1
		nothing_left
		[[ $(find "$T/out/one" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | sed 's/-vm0$//' | tr '\n' ' ') == \
			"calibration.json plain-r01-s1-d1 runs.json " ]] || { ls -A "$T/out/one"; return 1; }
	done
}

@test "kill -9 at any moment, on the host: the next run leaves nothing of it" {
	killed host "$(rounds 2 30)"
}

# reproduce SIGNAL: a runner that reproduces a result gets it as soon as it has begun.
reproduce() {
	local i before
	before=$(ls "$TMPDIR")
	runner "$T/log" --reproduce "$T/out/one/plain-r01-s1-d1-vm0"
	for ((i = 0; i < 600; i++)); do
		[[ $(ls "$TMPDIR") == "$before" ]] || break
		sleep 0.1
	done
	sleep 0.5
	kill "-$1" "$RUNNER"
	wait "$RUNNER" || true
}

@test "kill -9 at any moment, with guests: the next run leaves nothing of it" {
	killed vm "$(rounds 1 30)"
	reproduce KILL
	[[ -n $(ls "$TMPDIR") ]]
	reproduce TERM
	nothing_left
}
