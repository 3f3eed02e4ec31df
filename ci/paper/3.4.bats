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

# rate: kB/s that the server's application has read, of two seconds from now.
rate() {
	local bytes time
	bytes=$(read_so_far) time=$(milliseconds)
	sleep 2
	echo $((($(read_so_far) - bytes) / ($(milliseconds) - time)))
}

read_so_far() {
	in_host server ss -Hnti "sport = :5201" | grep -o 'bytes_received:[0-9]*' | cut -d: -f2 | sort -n | tail -1
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
	start iperf client iperf3 -c "$SERVER1" -t 250 -i 1 --json
	wait_for 5 is_multipath client tcp 5201
	wait_for 5 eval '[[ $(carrying client) -ge 4 ]]'
	capture wire router c1 udp port 5280
	local before rate_before rate_after
	rate_before=$(rate)
	before=$(socket_of client 5201)

	in_host client ip addr del "$CLIENT1/24" dev eth0
	in_host client ip addr add 10.0.1.77/24 dev eth0
	in_host client ip route replace default via 10.0.1.1 dev eth0
	wait_for 2 eval '[[ $(carrying client) -ge 4 ]]'
	ctl client paths 'paths[state=in use].src' | grep -q '^10.0.1.77:'

	# It becomes as fast as before.
	wait_for 5 eval "(( \$(rate) >= $rate_before * 8 / 10 ))"
	rate_after=$(rate)
	echo "kB/s before and after: $rate_before $rate_after"
	[[ -n $before && $(socket_of client 5201) == "$before" ]] # the socket stayed open
	end wire || true
	at_least "$(cms wire 8)" 1 "CMs with Flags_IP_Change on the wire"
	at_least "$(ctl server stats protocol.ip_changes_received)" 1 "changes that the server took"
	mpipd_stop client server
}

# changed_in FORM COMMAND PATHS: a download goes on while the client's addresses change by COMMAND,
# which ends with so many paths in use at both ends.
changed_in() {
	local sent
	mpipd_start client "{\"wire_form\": \"$1\"}"
	mpipd_start server "{\"wire_form\": \"$1\"}"
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --verify 1
	wait_for 5 is_multipath client tcp 5001
	wait_for 5 eval '[[ $(carrying server) -ge 4 ]]'
	in_host client sh -c "$2"
	wait_for 3 eval "[[ \$(ctl client paths 'paths[state=in use].path' | wc -l) -eq $3 &&
		\$(ctl server paths 'paths[state=in use].path' | wc -l) -eq $3 ]]"
	wait_for 2 eval "[[ \$(carrying server) -ge $3 ]]"
	end sender
	sent=$(field sent "$REPORT")
	finish receiver # which has compared every byte
	[[ $(field received "$REPORT") -eq $sent ]]
	waited_less 2000 "$REPORT"
	mpipd_stop client server
}

@test "3.4-9: the session's own address is removed for good, in each wire form" {
	changed_in udp "ip addr del $CLIENT1/24 dev eth0" 2
	in_host client ip addr add "$CLIENT1/24" dev eth0
	in_host client ip route replace default via 10.0.1.1 dev eth0
	changed_in literal "ip addr del $CLIENT1/24 dev eth0" 2
}

@test "3.4-9: another NIC's address goes, and comes back" {
	in_host client ip addr del "$CLIENT2/24" dev eth1
	in_host client ip addr add "$CLIENT2/24" dev eth1
	changed_in udp "ip addr del $CLIENT2/24 dev eth1; sleep 1
		ip addr add $CLIENT2/24 dev eth1; ip route add default via 10.0.2.1 dev eth1 metric 7" 4
}

@test "3.4-3: clocks that are hours apart, drift and step, show in delays and not in queuing" {
	local offset
	mpipd_start client
	mpipd_start server '{"clock": {"offset_us": 5000000, "skew_ppm": 100,
		"step": [{"at_s": 4, "by_us": 2000000}]}}'
	start receiver server "$BUILD/ci/stream" listen "$SERVER1" 5001 --verify 1
	wait_for 5 listening server 5001
	start sender client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 1
	wait_for 3 is_multipath client tcp 5001
	offset=$(ctl client paths "paths[state=in use].delay_us" | head -1)
	# Five seconds, and what the path takes: not the two that the step is about to add.
	within "$offset" 5000000 6500000 "microseconds of one-way delay"
	wait_for 6 eval '[[ $(ctl client paths "paths[state=in use].delay_us" | head -1) -gt 6900000 ]]'
	# Queuing is what it was, though delays have grown by seconds.
	wait_for 3 eval '[[ $(ctl client paths "paths[state=in use].queuing_us" | sort -n | tail -1) -lt 500000 ]]'
	end sender
	finish receiver
	mpipd_stop client server
}
