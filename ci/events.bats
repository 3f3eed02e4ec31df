#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What mpipd tells of what happens: its log.

load common

setup() {
	lab_start
}

# A TCP transfer for SECONDS that is multipath when this returns.
transfer_start() {
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1 --seconds "$1"
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --verify 1
	wait_for 5 is_multipath client tcp 5001
}

# with_level LEVEL: mpipd_start starts it with --log-level.
with_level() {
	cat >"$T/mpipd-$1" <<END
#!/bin/sh
exec "$BUILD/mpip/mpipd" "\$@" --log-level $1
END
	chmod +x "$T/mpipd-$1"
	MPIPD=$T/mpipd-$1
}

@test "the log has a level in each line, and only lines up to --log-level" {
	local log
	mpipd_start client '{"log_level": "debug"}'
	with_level debug
	mpipd_start server '{"log_level": "error"}' # the command line counts
	transfer_start 2
	finish sender
	finish receiver
	mpipd_stop client
	wait_for 5 grep -q event=peer-left "${MPIPD_LOG[server]}"
	for log in "${MPIPD_LOG[client]}" "${MPIPD_LOG[server]}"; do
		run ! grep -vE '^level=(error|warning|info|debug) (event=[a-z-]+ [a-z_]+=|message=")' "$log"
		grep -E '^level=info event=peer-met node_id=[0-9a-f:]{17} addresses=10\.' "$log"
		grep -E '^level=info event=addresses addresses=10\.0\.[0-9.]+,10\.0\.[0-9.]+$' "$log"
		grep -E '^level=debug event=session-multipath session=[1-9][0-9]* .*protocol=tcp src=[0-9.:]+ dst=[0-9.:]+$' "$log"
		[[ $(grep -cE '^level=debug event=path-validated session=[1-9][0-9]* path=[1-9][0-9]* src=10[0-9.]+:5280 dst=10[0-9.]+:5280 encapsulation=udp$' "$log") -ge 4 ]]
	done
	grep -E '^level=info event=peer-left .*reason="it stops"$' "${MPIPD_LOG[server]}"
	grep '^level=info message="Terminated: back to the regular connections"$' "${MPIPD_LOG[client]}"
	mpipd_stop server

	MPIPD=$BUILD/mpip/mpipd mpipd_start client # info
	with_level error
	mpipd_start server
	transfer_start 1
	grep -q '^level=info event=peer-met' "${MPIPD_LOG[client]}"
	run ! grep -v '^level=info' "${MPIPD_LOG[client]}"
	finish sender
	finish receiver
	mpipd_stop server
	[[ ! -s ${MPIPD_LOG[server]} ]]
}

@test "a log level that there is not: one line and status 2, before anything is done" {
	run -2 in_host client "$MPIPD" --log-level loud
	[[ $output == "mpipd: --log-level loud: expected error, warning, info or debug" ]]
	echo '{"log_level": "loud"}' >"$T/loud.json"
	run -2 in_host client "$MPIPD" --config "$T/loud.json"
	[[ $output == "mpipd: $T/loud.json: log_level: expected error, warning, info or debug" ]]
}

@test "where journald reads the log, its lines have a priority" {
	cat >"$T/journald" <<END
#!/bin/sh
JOURNAL_STREAM=\$(stat -L -c %d:%i /proc/self/fd/2) exec "$BUILD/mpip/mpipd" "\$@"
END
	chmod +x "$T/journald"
	MPIPD=$T/journald mpipd_start client
	grep '^<6>level=info ' "${MPIPD_LOG[client]}"
	"$LAB_BIN" link --name "$LAB" client.eth1 down
	wait_for 5 grep -q '^<4>level=warning message="eth1 is not used: no carrier"$' "${MPIPD_LOG[client]}"
	run ! grep -v '^<[46]>level=' "${MPIPD_LOG[client]}"
}
