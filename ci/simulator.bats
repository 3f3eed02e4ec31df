#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The protocol simulator: two and three hosts with the real core, in virtual time, from seeds.

# bats file_tags=beside

bats_require_minimum_version 1.5.0

setup() {
	SIMULATE=${BUILD:-build}/mpip/sim/simulate
}

@test "without faults not one packet is dropped and every session is multipath within 2 s" {
	run -0 timeout 1200 "$SIMULATE" --seeds 1-1000 --faults none
	echo "$output"
	[[ $output == *"1000 seeds, 0 broken: "* ]]
}

@test "no law breaks in 10,000 seeds, each with at least 20 faults of at least 4 kinds" {
	run -0 timeout 1200 "$SIMULATE" --seeds "1-${SEEDS:-10000}"
	echo "$output"
	[[ $output == *" 0 broken"* ]]
	[[ $output =~ in\ each\ seed\ at\ least\ ([0-9]+)\ faults,\ of\ at\ least\ ([0-9]+)\ kinds ]]
	((BASH_REMATCH[1] >= 20 && BASH_REMATCH[2] >= 4))
}

@test "two hosts open 200 sessions to each other at once, and no tag shows up in another session" {
	run -0 timeout 1200 "$SIMULATE" --seeds 1-2 --faults none --many 200
	echo "$output"
	[[ $output == *"2 seeds, 0 broken: "* ]]
}

@test "seeds that broke a law once" {
	local seed
	# Table 3 full of listed addresses behind a NAT; TCP that always sent again the way that was dead;
	# a change of addresses said on paths that were removed; a NAT with a full table.
	for seed in 1056491 1067338 1184195 2019659; do
		run -0 "$SIMULATE" --seed "$seed"
		[[ $output == *"1 seeds, 0 broken: "* ]] || { echo "$output"; return 1; }
	done
}

@test "no law breaks in today's seeds" {
	local first=$((10000000 + $(date +%s) / 86400 * 1000))
	echo "# seeds $first-$((first + 999))" >&3
	run -0 timeout 1200 "$SIMULATE" --seeds "$first-$((first + 999))"
	echo "$output"
	[[ $output == *"1000 seeds, 0 broken: "* ]]
}

@test "a seed runs the same every time" {
	run -0 "$SIMULATE" --seed 4 --trace
	local first=$output
	run -0 "$SIMULATE" --seed 4 --trace
	[[ $output == "$first" && $output == *"tcp"* ]]
}

@test "what takes longer than two seconds says how far it is, and Ctrl-C ends it in the middle of a seed" {
	local seeds pid status
	for seeds in "--seed 1" "--seeds 1-100"; do
		# shellcheck disable=SC2086 # words
		"$SIMULATE" $seeds --faults none --many 250 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
		pid=$!
		until [[ -s $BATS_TEST_TMPDIR/err ]]; do
			kill -0 "$pid" # it has not ended without a word
			sleep 0.1
		done
		kill -INT "$pid"
		status=0
		wait "$pid" || status=$?
		((status == 130))
		[[ $(<"$BATS_TEST_TMPDIR/err") =~ ^simulate:\ 0\ of\ [0-9]+\ seeds,\ 0\ broken,\ [0-9]+\ s,\ seed\ [0-9]+\ at\ [0-9.]+\ virtual\ s$ ]]
		[[ $(<"$BATS_TEST_TMPDIR/out") == "0 seeds, 0 broken"* ]]
	done
}

@test "a full disk: status 1 and one line" {
	local arguments
	for arguments in --help "--seeds 1-3" "--seed 4 --trace"; do
		run -1 bash -c '"$0" '"$arguments"' >/dev/full' "$SIMULATE"
		[[ $output == "simulate: standard output cannot be written: No space left on device" ]]
	done
}
