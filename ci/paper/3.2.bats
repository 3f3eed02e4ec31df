#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Section 3.2 of the paper, the handshake, on the wire. The numbers are those of the table in
# mpip/README.md. TCP carries query and confirmation in an experimental option of 40 bytes, whose
# last 28 are the CM's fixed part: its flags are byte 54 of the TCP header.

load ../common
load capture

QUERY='tcp[12] & 0xf0 == 0xf0 and tcp[20] == 254 and tcp[54] == 1'
CONFIRMATION='tcp[12] & 0xf0 == 0xf0 and tcp[20] == 254 and tcp[54] == 2'

setup() {
	lab_start
}

# raw_sequence NAME FILTER: the sequence numbers of the packets that match.
raw_sequence() {
	tcpdump -r "$T/$1.pcap" -w - "$2" 2>/dev/null |
		tshark -r - -o tcp.relative_sequence_numbers:FALSE -T fields -e tcp.seq 2>/dev/null
}

@test "3.2-3, 3.2-6, 3.2-8: one query, one confirmation, both copies of a packet of the connection" {
	local seq
	mpipd_start client
	mpipd_start server
	capture wire router s0 tcp port 5001
	start receiver server "$BUILD/ci/stream" listen "$SERVER1" 5001 --verify 1
	wait_for 5 listening server 5001
	start sender client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 1
	wait_for 3 is_multipath client tcp 5001
	sleep 0.5
	end sender
	finish receiver
	end wire || true
	[[ $(raw_sequence wire "$QUERY" | wc -l) -eq 1 ]]
	[[ $(raw_sequence wire "$CONFIRMATION" | wc -l) -eq 1 ]]
	seq=$(raw_sequence wire "$QUERY")
	within "$(raw_sequence wire "src $CLIENT1" | grep -cx "$seq")" 2 9 "packets with its number"
	seq=$(raw_sequence wire "$CONFIRMATION")
	within "$(raw_sequence wire "src $SERVER1" | grep -cx "$seq")" 2 99 "packets with its number"
	mpipd_stop client server
}

@test "3.2-5: UDP is confirmed at once, by a host whose application sends nothing" {
	mpipd_start client
	mpipd_start server
	start sink server "$BUILD/ci/datagrams" sink "$SERVER1" 5003
	wait_for 5 bound server 5003
	capture wire router s0 udp port 5003
	in_host client "$BUILD/ci/datagrams" send "$SERVER1" 5003 --sizes 500 --repeat 200 \
		--gap-us 5000
	end wire || true
	finish sink
	within "$(tcpdump -r "$T/wire.pcap" "src $SERVER1" 2>/dev/null | wc -l)" 1 2 \
		"packets from the server on the connection"
	[[ $(ctl server stats protocol.confirmations_sent) -ge 1 ]]
	[[ $(field wrong "$REPORT") -eq 0 && $(field received "$REPORT") -eq 200 ]]
	mpipd_stop client server
}

@test "3.2-10: five queries to a host without MPIP, then none" {
	mpipd_start client
	capture wire router s0 tcp port 5001
	start receiver server "$BUILD/ci/stream" listen "$SERVER1" 5001 --verify 1
	wait_for 5 listening server 5001
	start sender client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 1
	wait_for 4 eval '[[ $(ctl client peers "availability[address=$SERVER1,port=0].mpip") == no ]]'
	sleep 1
	end sender
	finish receiver
	end wire || true
	[[ $(raw_sequence wire "$QUERY" | wc -l) -eq 5 ]]
	[[ $(ctl client peers "availability[address=$SERVER1,port=0].mpip") == no ]]
	mpipd_stop client
}
