#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Section 3.3 of the paper, path management, on the lab. The numbers are those of the table in
# mpip/README.md.

load ../common

setup() {
	lab_start
	router_watch
}

# transfer: from the client to the server, until its sender is ended.
transfer() {
	start receiver server "$BUILD/ci/stream" listen "$SERVER1" 5001 --verify 1
	wait_for 5 listening server 5001
	start sender client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 1
	wait_for 3 is_multipath client tcp 5001
}

@test "3.3-1, 3.3-6: two NICs at each end make four paths between all of their addresses" {
	mpipd_start client
	mpipd_start server
	transfer
	wait_for 2 eval '[[ $(ctl client paths "paths[state=in use].path" | wc -l) -eq 4 ]]'
	[[ $(ctl client paths paths[].src | cut -d: -f1 | sort | uniq -c | xargs) == \
		"2 $CLIENT1 2 $CLIENT2" ]]
	[[ $(ctl client paths paths[].dst | cut -d: -f1 | sort | uniq -c | xargs) == \
		"2 $SERVER1 2 $SERVER2" ]]
	[[ $(ctl client peers nodes[].addresses[] | sort | xargs) == "$SERVER1 $SERVER2" ]]
	end sender
	finish receiver
	mpipd_stop client server
}

@test "3.3-7: limited to two paths, two are used and the others only measured" {
	mpipd_start client '{"max_active_paths": 2}'
	mpipd_start server '{"max_active_paths": 2}'
	transfer
	wait_for 3 eval '[[ $(ctl client paths "paths[state=standby].path" | wc -l) -eq 2 ]]'
	[[ $(ctl client paths "paths[state=in use].path" | wc -l) -eq 2 ]]
	# They stay measured: heartbeats go on.
	wait_for 3 eval '[[ $(ctl client paths "paths[state=standby].feedback_ms_ago" | sort -n | tail -1) -lt 1500 ]]'
	end sender
	finish receiver
	mpipd_stop client server
}
