#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Sweeps: what is refused, what is run and what is not run again, here and on a Slurm of two nodes on
# this machine, of which a node is lost. Runs are of a second, over one slow path, without MPIP.
#
# bats file_tags=host,beside
# shellcheck disable=SC2030,SC2031,SC2154 # PIDS is each test's own; bats sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	export ROOT BUILD=${BUILD:-build}
	[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
	export T=$BATS_FILE_TMPDIR BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-400}
	cat >"$T/one-path.json" <<-JSON
		{ "title": "one slow path", "scenario": "$ROOT/lab/scenarios/dual-nic.json", "workload": { "kind": "tcp" },
		  "warm_up_s": 3, "duration_s": 20, "repeats": 1,
		  "contestants": [ { "name": "plain" }, { "name": "mpip", "mpipd": { "scheduler": "algorithm-1" } } ] }
	JSON
	cat >"$T/base.json" <<-JSON
		{ "title": "a sweep", "experiment": "one-path.json",
		  "axes": [ { "name": "rate", "pointer": "/scenario/links/0/rate_mbit", "values": [1, 2] } ],
		  "seeds": [1, 2], "warm_up_s": 0, "duration_s": 1 }
	JSON
}

setup() {
	cd "$ROOT" || return
	SWEEP=$BUILD/experiments/sweep
	PIDS=()
}

teardown() {
	for pid in "${PIDS[@]}"; do
		kill -9 "$pid" 2>/dev/null || true
	done
	! mountpoint -q "$T/disk" || umount "$T/disk"
	[[ ! -e $T/slurm/pid ]] || ci/slurm.sh stop "$T/slurm"
}

# json FILE FILTER: the value there.
json() {
	"$BUILD/ci/json" "$2" <"$1"
}

# wait_until CMD...: as long as a busy machine may need.
wait_until() {
	for ((i = 0; i < 1200; i++)); do
		! "$@" || return 0
		sleep 0.1
	done
	echo "not in two minutes: $*"
	return 1
}

# ends_with STATUS PID: of a sweep in the background.
ends_with() {
	local status=0
	wait "$2" || status=$?
	[[ $status -eq $1 ]] || { echo "ended with $status"; cat "$T"/said*; return 1; }
}

rows() { sed -n '$=' "$1/rows.jsonl" 2>/dev/null | grep . || echo 0; }
has_rows() { (($(rows "$1") >= $2)); }

# digests DIR: "RUN DIGEST" lines of its rows, sorted.
digests() {
	sed -E 's/.*"run":"([0-9a-f]+)".*"digest":"([0-9a-f]+)".*/\1 \2/' "$1/rows.jsonl" | sort
}

# is_whole DIR RUNS: each run once in the table and once in its place, and nothing else.
is_whole() {
	[[ $(rows "$1") -eq $2 && $(digests "$1" | cut -d' ' -f1 | sort -u | wc -l) -eq $2 ]]
	[[ $(find "$1/runs" -mindepth 2 -maxdepth 2 | wc -l) -eq $2 ]]
	[[ $(find "$1/runs" -mindepth 3 -name result.json | wc -l) -eq $2 ]]
	[[ $(cd "$1" && echo * .[!.]*) == 'rows.jsonl runs sweep.json .[!.]*' ]]
}

# variant NAME SED: the base with another text in it.
variant() {
	sed "$2" "$T/base.json" >"$T/$1.json"
	! cmp -s "$T/base.json" "$T/$1.json"
}

# refused EXPECTED SED: one line with this in it, exit status 2, and nothing is left.
refused() {
	variant bad "$2"
	run --separate-stderr "$SWEEP" --out "$T/bad-out" "$T/bad.json"
	echo "$2: $status: $stderr"
	[[ $status -eq 2 && $stderr == *"$1"* && $stderr != *$'\n'* && ! -e $T/bad-out/sweeps ]]
}

@test "a mistake in a sweep is one line, and nothing is run" {
	refused 'bad.json: axes[0] (rate): expected a pointer into the experiment, which has nothing at /scenario/links/9/rate_mbit' 's#links/0#links/9#'
	refused 'bad.json: axes[0].pointer: expected a JSON pointer' 's#"/scenario#"scenario#'
	refused 'bad.json: axes[0].range: expected a range with values: from 5 to 1 by 1 has none' \
		's/"values": .1, 2./"range": {"from": 5, "to": 1, "step": 1}/'
	refused 'bad.json: axes[0].values: expected a list of at least one value' 's/"values": .1, 2./"values": []/'
	refused 'bad.json: rate=-1: scenario: links[0].rate_mbit: expected a number' 's/"values": .1, 2./"values": [1, -1]/'
	refused 'bad.json: rate=1: workload.strems: unknown key' 's#/scenario/links/0/rate_mbit#/workload/strems#'
	refused 'bad.json: experiment: expected an experiment' 's/one-path/no-path/'
	refused 'bad.json: seeds: expected a list of 1 to' 's/"seeds": .1, 2./"seeds": []/'
	refused 'bad.json: top level: expected an object' 's/.*//;1s/.*/[]/'
	refused 'unknown key, expected about, title, experiment, axes' 's/"title"/"titel"/'
	sed 's#links/0#links/9#' "$T/base.json" >"$T/bad.json"
	run ! "$SWEEP" check "$T/base.json" "$T/bad.json"
	[[ $output == *'base.json: good: 2 cells'* && $output == *'bad.json: axes[0]'* ]]
	run -2 "$SWEEP" --out "$T/bad-out" --only nobody "$T/base.json"
	[[ $output == '--only: one-path has no contestant "nobody", it has plain, mpip' ]]
	run -2 "$SWEEP" --out "$T/bad-out" --seeds 5-1 "$T/base.json"
	[[ $output == *'expected seeds that rise'* ]]
	run -2 env PATH=/nonexistent "$SWEEP" --out "$T/bad-out" --slurm "$T/base.json"
	[[ $output == *'expected a Slurm cluster: scontrol: No such file or directory' && ! -e $T/bad-out/sweeps ]]
}

@test "every sweep here is good" {
	"$SWEEP" check experiments/sweeps/*.json
}

@test "what is missing is run, what is there is not, and a killed runner leaves nothing" {
	local dir=$T/out/sweeps/base
	# Killed in its first runs: the next one begins where that was.
	"$SWEEP" --out "$T/out" --only plain "$T/base.json" 3>&- &
	PIDS+=($!)
	wait_until compgen -G "$dir/.unfinished/*/out/.guest/report" >/dev/null
	run -2 "$SWEEP" --out "$T/out" --only plain "$T/base.json"
	[[ $output == *'another runner is at work'* ]]
	kill -9 "$!"
	wait "$!" || true
	printf '{"run":"0123' | tee "$dir/rows.jsonl.new" >>"$dir/rows.jsonl"
	[[ $("$SWEEP" plan --out "$T/out" --only plain "$T/base.json") == 'base 4 '* ]]
	run -0 "$SWEEP" --out "$T/out" --only plain "$T/base.json"
	[[ $output == *"base: 4 runs done, in $dir" ]]
	is_whole "$dir" 4
	[[ $("$SWEEP" plan --out "$T/out" --only plain "$T/base.json") == 'base 0 0' ]]
	run -0 "$SWEEP" --out "$T/out" --only plain "$T/base.json"
	[[ $output == *'4 runs are there already, nothing to do'* ]]

	# A value more is only that; a cell that is there by another sweep's name is not run again.
	variant base2 's/.1, 2\]/[1, 2, 5]/;1,$s/"seeds": .1, 2, 5./"seeds": [1, 2]/'
	[[ $("$SWEEP" plan --out "$T/out" "$T/base2.json") == 'base2 12 '* ]]
	cp "$T/base2.json" "$T/base.json.new"
	mv "$T/base.json" "$T/kept.json"
	mv "$T/base.json.new" "$T/base.json"
	run -0 "$SWEEP" plan --out "$T/out" --only plain "$T/base.json"
	mv "$T/kept.json" "$T/base.json"
	[[ $output == 'base 2 '* ]]

	# The table is made again from the runs: the same lines.
	sort "$dir/rows.jsonl" >"$T/before"
	rm "$dir/rows.jsonl"
	"$SWEEP" collect --out "$T/out" "$T/base.json"
	sort "$dir/rows.jsonl" | cmp - "$T/before"
	[[ $(json "$dir/sweep.json" runs) -eq 8 && $(json "$dir/sweep.json" measures.[].better) == *higher* ]]
	run -0 "$SWEEP" status --out "$T/out" "$T/base.json"
	[[ $output == 'base: 8 runs: 4 done, 0 failed, 4 missing'*'no runner is at work' ]]

	# Results of another version of the program are left alone.
	sed -i 's/"schema": 1/"schema": 99/' "$dir/sweep.json"
	run -2 "$SWEEP" --out "$T/out" --only plain "$T/base.json"
	[[ $output == "$dir/sweep.json: schema: expected 1, got 99"* ]]
	sort "$dir/rows.jsonl" | cmp - "$T/before"
	sed -i 's/"schema": 99/"schema": 1/' "$dir/sweep.json"
	one=$(find "$dir/runs" -name result.json | head -n 1)
	sed -i 's/"schema_version": [0-9]*/"schema_version": 1/' "$one"
	run -2 "$SWEEP" collect --out "$T/out" "$T/base.json"
	[[ $output == "$one: schema_version: expected"* ]]
	sort "$dir/rows.jsonl" | cmp - "$T/before"
}

@test "Ctrl-C leaves what is done, and says how to go on" {
	"$SWEEP" --out "$T/stop" --only plain --seeds 1-50 "$T/base.json" 2>"$T/said" 3>&- &
	PIDS+=($!)
	wait_until has_rows "$T/stop/sweeps/base" 1
	kill -INT "$!"
	ends_with 130 "$!"
	cat "$T/said"
	[[ $(tail -n 1 "$T/said") == 'base: stopped; '*' runs done, '*' are left: the same call goes on with them' ]]
	is_whole "$T/stop/sweeps/base" "$(rows "$T/stop/sweeps/base")"
}

@test "a full disk is one line, and the sweep stops" {
	[[ $(id -u) -eq 0 ]] || skip "needs root, to mount a small disk"
	mkdir -p "$T/disk"
	mount -t tmpfs -o size=2M tmpfs "$T/disk"
	run -2 "$SWEEP" --out "$T/disk/out" --jobs 2 --only plain "$T/base.json"
	echo "$output"
	[[ $output == "$T/disk/out/sweeps/base: No space left on device: expected "*' MB for 2 guests at work, there are '* && $output != *$'\n'* ]]
	[[ ! -e $T/disk/out/sweeps ]]
}

cluster() { ci/slurm.sh exec "$T/slurm" "$@"; }
# running_on NODE: the ID of a task that runs there.
running_on() { cluster squeue --noheader --states=RUNNING --nodelist="$1" -o %i | head -n 1; }
runs_on() { [[ -n $(running_on "$1") ]]; }
queue_is_empty() { [[ -z $(cluster squeue --noheader) ]]; }

@test "on Slurm a sweep ends whole, though the runner and a node are killed and a task is cancelled" {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for the cluster's namespaces"
	local dir=$T/cluster/sweeps/base args=(--out "$T/cluster" --only plain --seeds 1-10)
	ci/slurm.sh start "$T/slurm" MaxArraySize=8
	cluster "$SWEEP" --slurm "${args[@]}" "$T/base.json" >"$T/said.1" 2>&1 3>&- &
	PIDS+=($!)
	wait_until has_rows "$dir" 2
	for pid in $(cluster pgrep -f "^$SWEEP --slurm"); do
		cluster kill -9 "$pid"
	done
	# What Slurm has is not run here as well.
	run -2 cluster "$SWEEP" "${args[@]}" "$T/base.json"
	[[ $output == *'expected --slurm (ON=slurm): Slurm has '* ]]

	cluster "$SWEEP" --slurm "${args[@]}" "$T/base.json" >"$T/said.2" 2>&1 3>&- &
	local sweep=$!
	PIDS+=("$sweep")
	wait_until has_rows "$dir" 4
	wait_until runs_on n2
	cluster scancel "$(running_on n2)"
	wait_until runs_on n1
	ci/slurm.sh kill-node "$T/slurm" n1
	sleep 7 # sooner than that it is taken for one that has not started its task yet, for a minute
	ci/slurm.sh start-node "$T/slurm" n1
	ends_with 0 "$sweep"
	cat "$T/said.1" "$T/said.2"
	is_whole "$dir" 20
	(($(grep -c 'submitted again: its task left nothing' "$T/said.2") >= 2))
	wait_until queue_is_empty

	# Where a run was run shows in no bit.
	"$SWEEP" --out "$T/here" --only plain --seeds 3 "$T/base.json"
	is_whole "$T/here/sweeps/base" 2
	[[ $(comm -12 <(digests "$dir") <(digests "$T/here/sweeps/base") | wc -l) -eq 2 ]]
}

@test "what is under way on Slurm can be looked at and cancelled; what is done stays" {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for the cluster's namespaces"
	local dir=$T/cancel/sweeps/base args=(--out "$T/cancel" --seeds 1-50)
	ci/slurm.sh start "$T/slurm"
	run -2 cluster "$SWEEP" --slurm --slurm-options '--partition=none' "${args[@]}" "$T/base.json"
	[[ $output == *'sbatch: error: '* && ! -e $dir ]]
	cluster "$SWEEP" --slurm "${args[@]}" "$T/base.json" >"$T/said" 2>&1 3>&- &
	local sweep=$!
	PIDS+=("$sweep")
	wait_until runs_on n1
	run -0 cluster "$SWEEP" status "${args[@]}" "$T/base.json"
	[[ $output == *'a runner is at work: process '*'with Slurm: '*' running, '*' queued' ]]
	cluster "$SWEEP" cancel "${args[@]}" "$T/base.json"
	ends_with 130 "$sweep"
	cat "$T/said"
	[[ $(<"$T/said") == *'Slurm goes on with '* ]]
	wait_until queue_is_empty
	[[ ! -e $dir/slurm ]]
	run -0 cluster "$SWEEP" status "${args[@]}" "$T/base.json"
	[[ $output == 'base: 200 runs: '*'no runner is at work' ]]
}
