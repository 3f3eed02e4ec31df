#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What mpipd tells of what happens: its log, and mpipctl monitor.

load common

setup() {
	lab_start
}

# A TCP transfer for SECONDS, 0: until it is ended, that is multipath when this returns.
transfer_start() {
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1 --seconds "$1"
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --verify 1
	wait_for 5 is_multipath client tcp 5001
}

# monitor_start NAME HOST WORD...: mpipctl monitor into $T/NAME.out, when the daemon knows of it.
monitor_start() {
	local name=$1 host=$2 before
	shift 2
	before=$(ctl "$host" status monitors)
	ip netns exec "$LAB-$host" "$MPIPCTL" monitor "$@" >"$T/$name.out" 2>"$T/$name.err" </dev/null 3>&- 4>&- &
	STARTED["$name"]=$!
	wait_for 5 eval "((\$(ctl $host status monitors) == $((before + 1))))"
}

# monitor_stop NAME: as Ctrl-C does; it ends well.
monitor_stop() {
	kill -INT "${STARTED[$1]}"
	wait "${STARTED[$1]}"
	unset "STARTED[$1]"
	[[ ! -s $T/$1.err ]]
}

# events FILE EVENT KEY: that key's value in each JSON line of this event.
events() {
	local line
	grep "\"event\":\"$2\"" "$1" | while read -r line; do
		"$BUILD/ci/json" "$3" <<<"$line"
	done
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

@test "mpipctl monitor: a connection's life, as text and as JSON, at once or of some kinds" {
	local session
	mpipd_start client
	mpipd_start server
	monitor_start all client --json
	monitor_start text client
	monitor_start some client path-down path-up
	transfer_start 10
	session=$(ctl client sessions "sessions[dst=$SERVER1:5001].session_id")
	[[ $(events "$T/all.out" session-multipath session) == "$session" ]]
	[[ $(events "$T/all.out" session-multipath dst) == "$SERVER1:5001" ]]
	wait_for 5 eval '[[ $(events "$T/all.out" path-validated path | sort -u | wc -l) -eq 4 ]]'
	[[ $(events "$T/all.out" peer-met node_id) == "$(ctl server status node_id)" ]]
	[[ $(events "$T/all.out" peer-addresses addresses[] | xargs) == "$SERVER1 $SERVER2" ]]
	[[ ! -s $T/some.out ]]

	# The router loses what the client's second NIC sends: two paths are down, and up again.
	router_watch
	lose "$CLIENT2" any
	wait_for 5 eval '[[ $(events "$T/all.out" path-down src | sort -u) == "$CLIENT2:5280" ]]'
	[[ $(events "$T/all.out" path-down reason | sort -u) == "no feedback" ]]
	[[ $(events "$T/all.out" path-down session | sort -u) == "$session" ]]
	lose_nothing
	wait_for 5 eval '[[ $(events "$T/all.out" path-up dst | sort -u | wc -l) -eq 2 ]]'

	# A cable is pulled, and with it an address goes.
	"$LAB_BIN" link --name "$LAB" client.eth1 down
	wait_for 5 eval '[[ $(events "$T/all.out" addresses addresses[] | xargs) == "$CLIENT1" ]]'
	wait_for 5 grep -q "addresses of this host changed" "$T/all.out"
	finish sender
	finish receiver
	mpipd_stop server
	wait_for 5 grep -q peer-left "$T/all.out"
	monitor_stop all
	monitor_stop text
	monitor_stop some
	cat "$T/text.out"
	[[ $(wc -l <"$T/text.out") -eq $(wc -l <"$T/all.out") ]]
	run ! grep -vE '^20[0-9-]+T[0-9:]+\.[0-9]{6}Z [a-z-]+ [a-z_]+=' "$T/text.out"
	grep -E " path-down session=$session path=[0-9]+ src=$CLIENT2:5280 dst=[0-9.:]+ encapsulation=udp reason=\"no feedback\"$" "$T/text.out"
	grep -E " addresses addresses=$CLIENT1$" "$T/text.out"
	[[ $(cut -d' ' -f2 "$T/some.out" | sort -u | xargs) == "path-down path-up" ]]
	run ! grep -E "weights" "$T/all.out"
	[[ $(ctl client status monitors) -eq 0 ]]
}

@test "mpipctl monitor: a fallback and why, also in the log" {
	mpipd_start client '{"wire_fallback": false}'
	mpipd_start server '{"wire_fallback": false}'
	monitor_start all client --json
	transfer_start 8
	in_host router nft -f - <<'END'
table ip block { chain forward { type filter hook forward priority 0; udp dport 5280 drop; }; }
END
	wait_for 5 eval '[[ $(events "$T/all.out" session-fallback dst) == "$SERVER1:5001" ]]'
	[[ -n $(events "$T/all.out" session-fallback reason) ]]
	grep -E '^level=info event=session-fallback .* reason="[a-z]+' "${MPIPD_LOG[client]}"
	in_host router nft delete table ip block
	wait_for 5 eval '[[ $(events "$T/all.out" session-multipath dst | wc -l) -eq 2 ]]'
	finish sender
	finish receiver
	# Of an end without MPIP, too.
	mpipd_stop server
	monitor_stop all
	monitor_start regular client session-regular
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5002 --generate 1 --seconds 3
	wait_for 5 listening server 5002
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5002 --verify 1
	wait_for 5 grep -E ' session-regular .*dst=[0-9.]+:5002 reason="[a-z]' "$T/regular.out"
	finish sender
	finish receiver
}

# Events that the slow monitor was told it has lost; fails while there are none.
lost() {
	events "$T/slow.out" lost lost | awk '{n += $1} END {print n; exit !n}'
}

@test "a monitor that does not read slows nothing, and is told how many events it has lost" {
	mpipd_start client '{"weight_period_ms": 1}'
	mpipd_start server
	monitor_start slow client --json weights
	monitor_start fast client --json weights
	kill -STOP "${STARTED[slow]}"
	transfer_start 0
	# Far more than a socket holds, however long this machine takes for it.
	wait_for 30 eval '(($(wc -l <"$T/fast.out") >= 3000))'
	# The daemon goes on, and answers.
	in_host client timeout 20 "$MPIPCTL" --json status >"$T/status"
	[[ $("$BUILD/ci/json" monitors <"$T/status") -eq 2 ]]
	end sender
	finish receiver
	run ! grep -q '"event":"lost"' "$T/fast.out"
	kill -CONT "${STARTED[slow]}"
	wait_for 5 lost
	# What it got and what it lost is what there was.
	wait_for 10 eval '(($(grep -c "\"event\":\"weights\"" "$T/slow.out") + $(lost) == $(wc -l <"$T/fast.out")))'
	echo "lost $(lost) of $(wc -l <"$T/fast.out")"
	monitor_stop slow
	monitor_stop fast
}

@test "mpipctl monitor: ends with the daemon, with its reader, and is bounded; wrong kinds are told" {
	local i status=0
	run -2 "$MPIPCTL" monitor path-dow
	[[ ${#lines[@]} -eq 1 && $output =~ ^"mpipctl: monitor: there is no kind of event 'path-dow': expected " ]]
	run -2 "$MPIPCTL" --watch monitor
	[[ ${#lines[@]} -eq 1 ]]
	run -1 in_host client "$MPIPCTL" monitor
	[[ ${#lines[@]} -eq 1 && $output =~ "no mpipd" ]]
	mpipd_start client
	for i in {1..16}; do
		monitor_start "m$i" client
	done
	run -2 in_host client "$MPIPCTL" monitor
	[[ $output == "mpipctl: there are 16 monitors already" ]]
	for i in {2..16}; do
		monitor_stop "m$i"
	done
	wait_for 5 eval '[[ $(ctl client status monitors) -eq 1 ]]'
	# Killed, it cannot say that it ends either.
	mpipd_kill client
	wait "${STARTED[m1]}" || status=$?
	unset "STARTED[m1]"
	[[ $status -eq 1 && $(<"$T/m1.err") == "mpipctl: mpipd has ended" ]]
	# Standard output that is full ends it at the first event.
	mpipd_start client
	ip netns exec "$LAB-client" "$MPIPCTL" monitor >/dev/full 2>"$T/full.err" 3>&- &
	STARTED["full"]=$!
	wait_for 5 eval '[[ $(ctl client status monitors) -eq 1 ]]'
	"$LAB_BIN" link --name "$LAB" client.eth1 down
	status=0
	wait "${STARTED[full]}" || status=$?
	unset "STARTED[full]"
	[[ $status -eq 1 && $(<"$T/full.err") == "mpipctl: standard output cannot be written: No space left on device" ]]
}
