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
	[[ $output =~ ^1000\ seeds,\ 0\ broken ]]
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
	[[ $output =~ ^2\ seeds,\ 0\ broken ]]
}

@test "a seed runs the same every time" {
	run -0 "$SIMULATE" --seed 4 --trace
	local first=$output
	run -0 "$SIMULATE" --seed 4 --trace
	[[ $output == "$first" && $output == *"tcp"* ]]
}

