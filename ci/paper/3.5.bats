#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Section 3.5 of the paper, the periodical heartbeat, on the wire. The numbers are those of the
# table in mpip/README.md.

load ../common
load capture

setup() {
	lab_start
	router_watch
}

@test "3.5-1, 3.5-4, 3.5-5: one-way UDP is measured by heartbeats, and uses all paths" {
	local beats heard all b
	mpipd_start client
	mpipd_start server
	start sink server "$BUILD/ci/datagrams" sink "$SERVER1" 5003
	wait_for 5 bound server 5003
	capture wire router s0 udp port 5280
	start source client "$BUILD/ci/datagrams" send "$SERVER1" 5003 --sizes 1000 --repeat 100000 \
		--gap-us 2000
	wait_for 4 is_multipath client udp 5003
	wait_for 4 eval '[[ $(ctl client paths "paths[state=in use].path" | wc -l) -eq 4 ]]'
	wait_for 4 eval '[[ $(ctl client stats protocol.sent_multipath) -ge 1500 ]]'
	for b in $(ctl client paths "paths[].feedback_ms_ago"); do
		within "$b" 0 $((900 * PATIENCE)) "milliseconds since a path's last feedback"
	done
	end source
	end wire || true
	finish sink
	[[ $(field wrong "$REPORT") -eq 0 && $(field duplicates "$REPORT") -eq 0 ]]
	# All that the server's daemon sends are heartbeats; its application sends nothing.
	heard=$(cms wire 0 "$SERVER1")
	beats=$(cms wire 4 "$SERVER1")
	at_least "$beats" 5 "heartbeats from the server's first address"
	[[ $beats -eq $heard ]]
	# In front of the CM: the session's UDP header, with the server as its source.
	payloads wire | awk -v s="$SERVER1" '$1 == s {print substr($3, 1, 4)}' | grep -q 138b
	all=$(all_path_bytes "$CLIENT1" "$CLIENT2" "$SERVER1" "$SERVER2")
	awk '{all = $1 + $2 + $3 + $4; for (i = 1; i <= 4; i++) if ($i < all / 10) exit 1}' <<<"$all"
	mpipd_stop client server
}
