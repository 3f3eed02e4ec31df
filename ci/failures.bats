#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Networks that fail, and contestants with some of the NICs: one experiment in guests, of two seconds
# before and six in which the first network is silent towards the client, and then one path both
# ways. The tests look at what it left.

# bats file_tags=host,beside

bats_require_minimum_version 1.5.0

export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300}

setup_file() {
	[[ -z ${SANITIZE:-} ]] || skip "the guest's image is for programs without sanitizers"
	local root
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	export BUILD=${BUILD:-build} T=$BATS_FILE_TMPDIR
	[[ $BUILD == /* ]] || BUILD=$root/$BUILD
	# As in the repository, but for the events: eth0 goes off and on again, too, where it is on.
	{ sed '/"events"/,$d; s/"rate_mbit": 8/"rate_mbit": 2/' "$root/lab/scenarios/failover.json" && events; } >"$T/lab.json"
	cat >"$T/fails.json" <<-END
		{ "title": "t", "scenario": "lab.json", "workload": { "kind": "tcp" }, "uneven_paths": true,
		  "warm_up_s": 2, "duration_s": 6, "repeats": 1,
		  "contestants": [ { "name": "first", "nics": { "client": ["eth0"] } },
		                   { "name": "second", "nics": { "client": ["eth1"], "server": ["eth0"] } },
		                   { "name": "mptcp-second", "mptcp": true, "nics": { "client": ["eth1"] } },
		                   { "name": "new-second", "nics": { "client": ["eth1"] },
		                     "workload": { "kind": "transfers", "sizes_bytes": 10000, "pause_ms": 100 } } ] }
	END
	(cd "$T" && "$BUILD/experiments/experiment" --ground vm --out "$T/out" fails.json) >"$T/log" 2>&1 ||
		{ cat "$T/log"; return 1; }
}

events() {
	cat <<-END
		"events": [
		  { "at_s": 0.5, "nic": "client.eth0", "action": "down" },
		  { "at_s": 0.6, "nic": "client.eth0", "action": "up" },
		  { "at_s": 1, "link": "client.eth0", "action": "loss", "loss_percent": 100, "direction": "down" },
		  { "at_s": 3, "link": "client.eth0", "action": "loss", "loss_percent": 0, "direction": "down" },
		  { "at_s": 3, "path": ["client.eth1", "server.eth0"], "action": "drop" },
		  { "at_s": 5, "path": ["client.eth1", "server.eth0"], "action": "pass" } ] }
	END
}

# value CONTESTANT PATH: something of its result.
value() {
	"$BUILD/ci/json" "$2" <"$T/out/fails/$1-r01-s1-d6-vm0/result.json"
}

# seconds CONTESTANT FROM TO: how much of its goodput these seconds have, in percent of the best.
seconds() {
	value "$1" series[] | awk -v from="$2" -v to="$3" '
		NR > from && NR <= to { sum += $1; n++ } $1 > best { best = $1 }
		END { printf "%d\n", 100 * sum / n / best }'
}

@test "failures: a link that is silent lets nothing through, and does again; other networks are as ever" {
	# From one second into it, what was on its way having come, to its end.
	[ "$(seconds first 2 3)" -eq 0 ]
	[ "$(seconds first 5 6)" -gt 50 ]
	[ "$(seconds second 1 3)" -gt 80 ]
	run -0 value first events[].event
	[ "${lines[2]}" = "link client.eth0 loss 100 % down" ]
	# Where the loss changes it is not compared to what is configured; elsewhere it is.
	run -0 value first 'losses[link=client.eth0].direction'
	[ "$output" = up ]
}

@test "failures: a path that is silent ends between its two addresses alone, and comes back" {
	[ "$(seconds second 3 5)" -eq 0 ]
	[ "$(seconds second 5 6)" -gt 0 ]
	# The path to the server's other address goes on.
	[ "$(seconds mptcp-second 4 5)" -gt 0 ]
	# Nobody is told: no ICMP error has ended or hastened anything.
	run -0 value second 'tcp.counters.client.TCPTimeouts'
	[ "$output" -gt 0 ]
}

@test "failures: a contestant has the NICs that it names, whatever events do to the others" {
	run -0 value second 'provenance.counters.after.interfaces[host=client,name=eth0].tx_packets'
	[ "$output" -eq 0 ]
	run -0 value second 'provenance.counters.after.interfaces[host=server,name=eth1].rx_packets'
	[ "$output" -eq 0 ]
	run -0 value second 'links.nics[].nic'
	[ "$(sort <<<"$output" | tr '\n' ' ')" = "eth0 eth1 " ]
	# A connection that is made when an event has said that the first NIC is on, and would have it.
	run -0 value new-second 'provenance.counters.after.interfaces[host=client,name=eth0].tx_packets'
	[ "$output" -eq 0 ]
	# The server's two addresses, and the client's one.
	[ "$(value mptcp-second mptcp.subflows)" -eq 2 ]
	[ "$(value mptcp-second marks)" = "[]" ]
	run -0 value second provenance.definition.contestant.nics.client[]
	[ "$output" = eth1 ]
}

@test "failures: a queue that is said in time has been measured as so many packets" {
	# 2 Mbit/s in 70 ms, and in 90, in frames of 1514 bytes; the server's links have no rate.
	run -0 "$BUILD/ci/json" 'links[].up.queue_packets' <"$T/out/fails/calibration.json"
	[[ ${lines[0]} == *'"configured": 12.0'*'"good": true'* ]]
	[[ ${lines[1]} == *'"configured": 15.0'*'"good": true'* ]]
	[ "${lines[2]}" = null ]
}

@test "failures: NICs that there are not, and hosts, are one line each" {
	sed 's/\["eth1"\] }/["eth7"] }/; s/"client": \["eth0"\]/"nobody": ["eth0"]/; s/"server": \["eth0"\]/"server": []/' \
		"$T/fails.json" >"$T/bad.json"
	run -1 "$BUILD/experiments/experiment" --check "$T/bad.json"
	echo "$output"
	[ "${#lines[@]}" -eq 4 ]
	[[ $output == *'bad.json: contestants[0].nics.nobody: expected a host of the scenario, got "nobody"'* ]]
	[[ $output == *'bad.json: contestants[1].nics.server: expected at least one NIC to be up'* ]]
	[[ $output == *'bad.json: contestants[2].nics.client[0]: expected a NIC of client, got "eth7"'* ]]
}
