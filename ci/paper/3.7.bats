#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Section 3.7 of the paper, sessions, on the lab. The numbers are those of the table in
# mpip/README.md.

load ../common

setup() {
	lab_start
	router_watch
}

session_of() { # HOST: the ID of its session, empty if there is none
	ctl "$1" sessions "sessions[].session_id" | grep -vx 0 | head -1
}

@test "3.7-4, 3.7-5: a session expires, and its connection's handshake starts over" {
	local first second
	mpipd_start client '{"session_expiry_s": 4}'
	mpipd_start server '{"session_expiry_s": 4}'
	start echo server "$BUILD/ci/datagrams" echo "$SERVER1" 5002
	wait_for 5 bound server 5002
	start talk client "$BUILD/ci/datagrams" send "$SERVER1" 5002 --sizes 200 --repeat 3 --gap-us 6000000
	wait_for 3 eval '[[ -n $(session_of client) ]]'
	first=$(session_of client)
	wait_for 10 eval '[[ -z $(session_of client) ]]'
	wait_for 1 eval '[[ -z $(session_of server) ]]'
	wait_for 10 eval '[[ -n $(session_of client) ]]'
	second=$(session_of client)
	[[ -n $first && $first != "$second" ]]
	end talk || true
	end echo || true
	mpipd_stop client server
}

@test "3.7-6: nothing comes over any path: the regular connection within a second, and back" {
	mpipd_start client
	mpipd_start server
	start receiver server "$BUILD/ci/stream" listen "$SERVER1" 5001 --verify 1
	wait_for 5 listening server 5001
	start sender client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 1
	wait_for 3 is_multipath client tcp 5001
	sleep 1
	in_host router nft add rule ip ci loss udp dport 5280 drop
	wait_for 2 eval '! is_multipath client tcp 5001'
	[[ -n $(ctl client sessions "sessions[].reason") ]]
	sleep 2
	lose_nothing
	wait_for 4 is_multipath client tcp 5001
	end sender
	finish receiver
	waited_less 2500 "$REPORT"
	mpipd_stop client server
}

@test "3.7-7: an idle connection falls back, and loses nothing" {
	mpipd_start client
	mpipd_start server
	start echo server "$BUILD/ci/datagrams" echo "$SERVER1" 5002
	wait_for 5 bound server 5002
	in_host client "$BUILD/ci/datagrams" send "$SERVER1" 5002 --sizes 200 --repeat 6 \
		--gap-us 2500000 | tee "$T/report"
	[[ $(field received "$(cat "$T/report")") -eq 6 ]]
	at_least "$(ctl client stats protocol.fallbacks)" 3 "times that it fell back"
	end echo || true
	mpipd_stop client server
}
