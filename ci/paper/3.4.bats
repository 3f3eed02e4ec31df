#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Section 3.4 of the paper, the feedback loop, on the lab. The numbers are those of the table in
# mpip/README.md.

load ../common
load capture

setup() {
	lab_start
}

goodput() { # FIRST LAST: Mbit/s of iperf3's intervals
	"$BUILD/ci/json" "intervals[].sum.bits_per_second" <"$T/iperf.out" |
		awk -v a="$1" -v b="$2" 'NR >= a && NR <= b {s += $1; n++} END {print int(s / n / 1e6)}'
}

socket_of() { # HOST PORT
	in_host "$1" ss -Hnt state established "dport = :$2" | awk '{print $3}' | head -1
}

# Paths in use that have carried at least 100 kB each since the numbers in $1.
carrying() { # HOST
	ctl "$1" paths "paths[state=in use].sent_bytes" | awk '$1 > 100000 {n++} END {print n + 0}'
}

@test "3.4-7, 3.4-9, 3.4-10, 3.7-1: the session's own address is removed and another added during a transfer" {
	mpipd_start client
	mpipd_start server
	start iperfd server iperf3 -s -1 -B "$SERVER1"
	wait_for 5 listening server 5201
	start iperf client iperf3 -c "$SERVER1" -t 12 -i 1 --json
	wait_for 5 is_multipath client tcp 5201
	wait_for 5 eval '[[ $(carrying client) -ge 4 ]]'
	capture wire router c1 udp port 5280
	sleep 3
	local before
	before=$(socket_of client 5201)

	in_host client ip addr del "$CLIENT1/24" dev eth0
	in_host client ip addr add 10.0.1.77/24 dev eth0
	in_host client ip route replace default via 10.0.1.1 dev eth0
	wait_for 2 eval '[[ $(carrying client) -ge 4 ]]'
	ctl client paths 'paths[state=in use].src' | grep -q '^10.0.1.77:'

	finish iperf # the socket stayed open
	finish iperfd || true
	[[ -n $before ]]
	echo "goodput before and after: $(goodput 3 4) $(goodput 9 12) Mbit/s"
	within "$(goodput 9 12)" $(($(goodput 3 4) * 8 / 10)) 1000 "Mbit/s after the change"
	end wire || true
	within "$(cms wire 8)" 1 100 "CMs with Flags_IP_Change on the wire"
	within "$(ctl server stats protocol.ip_changes_received)" 1 100 "changes that the server took"
	mpipd_stop client server
}
