#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Section 3.6 of the paper, path selection, on the lab. The numbers are those of the table in
# mpip/README.md.

load ../common

setup() {
	lab_start
}

policy() {
	in_host client "$MPIPCTL" policy "$@"
}

@test "3.6-5, 3.6-7: weights move by S every T, and stay in 1 to 1000" {
	local w before after time steps runs
	mpipd_start client
	mpipd_start server
	start receiver server "$BUILD/ci/stream" listen "$SERVER1" 5001 --verify 1
	wait_for 5 listening server 5001
	start sender client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 1
	wait_for 3 is_multipath client tcp 5001
	# Algorithm 1 runs at most every T.
	time=$(milliseconds)
	runs=$(in_host client timeout -s INT 2 "$MPIPCTL" monitor weights | grep -c weights) || true
	within "$runs" 2 $((($(milliseconds) - time) / 100 + 2)) "runs of Algorithm 1 in 2 s"
	for _ in 1 2 3 4 5 6; do
		time=$(milliseconds)
		before=$(ctl client paths "paths[path=1].weight")
		sleep 0.5
		for w in $(ctl client paths "paths[].weight"); do
			within "$w" 1 1000 "weight"
			[[ $((w % 10)) -eq 0 || $((w % 10)) -eq 1 ]]
		done
		after=$(ctl client paths "paths[path=1].weight")
		# At most as many steps of 10 as there were periods of 50 ms, and one more at each end.
		steps=$((($(milliseconds) - time) / 50 + 2))
		within $((after - before)) $((-10 * steps)) $((10 * steps)) "change of a weight in $steps periods"
	done
	end sender
	finish receiver
	mpipd_stop client server
}

@test "3.6-11: the table of policies is configured, and changed while mpipd runs" {
	mpipd_start client '{"policies": [
		{"port": 23, "protocol": "tcp", "end": 200, "priority": "responsiveness"}]}'
	[[ $(ctl client "policy list" "policies[].port") -eq 23 ]]
	policy add 192.168.1.3 5221 udp 0 500 responsiveness
	policy add 192.168.1.2 80 tcp 200 '*' throughput 2
	[[ $(ctl client "policy list" "policies[].port" | xargs) == "23 80 5221" ]]
	[[ $(ctl client "policy list" "policies[port=80].end") == '*' ]]
	policy delete 1
	[[ $(ctl client "policy list" "policies[].port" | xargs) == "80 5221" ]]
	run -2 policy add '*' 99999 tcp 0 200 responsiveness
	[[ $output == *"99999: expected a port"* ]]
	run -2 policy add '*' 1 tcp 200 100 responsiveness
	[[ $output == *"100: expected a length"* ]]
	run -2 policy delete 3
	policy flush
	[[ -z $(ctl client "policy list" "policies[].port") ]]
	mpipd_stop client
}
