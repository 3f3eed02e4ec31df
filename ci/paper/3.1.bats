#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Section 3.1 of the paper, the control message, on the wire. The numbers are those of the table in
# mpip/README.md.

load ../common
load capture

setup() {
	lab_start
}

@test "3.1-1, 3.1-4: every packet of a session ends with a CM of the sender's node ID" {
	local nodes macs all
	mpipd_start client
	mpipd_start server
	start receiver server "$BUILD/ci/stream" listen "$SERVER1" 5001 --verify 1
	wait_for 5 listening server 5001
	start sender client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 1
	wait_for 3 is_multipath client tcp 5001
	capture wire router s0 udp port 5280
	wait_for 5 eval '[[ $(stat -c %s "$T/wire.pcap") -gt 1000000 ]]'
	end wire || true
	end sender
	finish receiver
	all=$(payloads wire | wc -l)
	at_least "$all" 200 "datagrams captured"
	[[ $(cms wire 0) -eq $all ]]
	# One node ID per source, the MAC address of one of that host's NICs.
	nodes=$(payloads wire | awk -v c="$CLIENT1 $CLIENT2" '
		index(c, $1) {print substr($3, length($3) - 55, 12)}' | sort -u)
	macs=$(in_host client cat /sys/class/net/eth0/address /sys/class/net/eth1/address | tr -d :)
	[[ $(wc -l <<<"$nodes") -eq 1 && $macs == *"$nodes"* ]]
	mpipd_stop client server
}

@test "3.1-2: user data leaves room for the CM: nothing on the wire is longer than the MTU" {
	local mss
	mpipd_start client
	mpipd_start server
	capture wire router c0 ip
	start receiver server "$BUILD/ci/stream" listen "$SERVER1" 5001 --verify 1
	wait_for 5 listening server 5001
	start sender client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 1
	wait_for 3 is_multipath client tcp 5001
	wait_for 3 eval '[[ $(ctl client stats protocol.sent_multipath) -gt 1000 ]]'
	mss=$(in_host client ss -Htin dport = :5001 | grep -o ' mss:[0-9]*' | cut -d: -f2)
	end sender
	finish receiver
	end wire || true
	# 1500 less IP, TCP with timestamps, UDP, IP again and a CM of 28 bytes at the least.
	within "$mss" 1300 $((1500 - 28 - 8 - 52)) "MSS"
	within "$(tshark -r "$T/wire.pcap" -T fields -e ip.len 2>/dev/null | sort -n | tail -1)" 1400 \
		1500 "bytes in the longest packet"
	[[ -z $(tshark -r "$T/wire.pcap" -Y 'ip.flags.mf == 1 || ip.frag_offset > 0' 2>/dev/null) ]]
	mpipd_stop client server
}
