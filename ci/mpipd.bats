#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# mpipd as a program: how it starts, refuses to start, and leaves; and what mpipctl shows of it.

load common

setup() {
	lab_start
}

# refused PATTERN CMD...: fails with one line on standard error that matches, and leaves nothing.
refused() {
	local pattern=$1 before after status=0
	shift
	before=$(host_state client)
	in_host client timeout -k 1 $((5 * PATIENCE)) "$@" >"$T/refused.out" 2>"$T/refused.err" </dev/null || status=$?
	after=$(host_state client)
	cat "$T/refused.err"
	((status != 0 && status < 124)) || { echo "exit status $status"; return 1; }
	[[ $(wc -l <"$T/refused.err") -eq 1 && ! -s $T/refused.out ]]
	[[ $(<"$T/refused.err") =~ $pattern ]] || { echo "expected: $pattern"; return 1; }
	diff <(echo "$before") <(echo "$after")
}

# bad_config PATTERN CONTENT: the line begins with the file's name.
bad_config() {
	printf '%s' "$2" >"$T/bad.json"
	refused "^mpipd: $T/bad.json: $1" "$MPIPD" --config "$T/bad.json"
}

# A TCP transfer through both daemons that becomes multipath, and is under way when this returns, until
# transfer_end.
transfer_start() {
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --verify 1
	wait_for 5 is_multipath client tcp 5001
}

transfer_end() {
	sleep 0.3
	end sender
	finish receiver
}

@test "SIGTERM leaves rules, routes, filters, qdiscs and devices as they were before" {
	local form before during
	for form in udp literal; do
		before=$(host_state client)
		mpipd_start client "{\"wire_form\": \"$form\"}"
		mpipd_start server
		during=$(host_state client)
		[[ $during == *mpip0* && $during == *clsact* && $during != "$before" ]]
		transfer_start
		transfer_end
		mpipd_stop client
		diff <(echo "$before") <(host_state client)
		mpipd_stop server
	done
}

@test "Ctrl-C ends it too, in the middle of a transfer, which goes on" {
	mpipd_start client
	mpipd_start server
	local before
	transfer_start
	before=$(date +%s%N)
	kill -INT "${MPIPD_PID[client]}"
	wait "${MPIPD_PID[client]}"
	unset "MPIPD_PID[client]"
	before=$((($(date +%s%N) - before) / 1000000))
	sleep 1
	transfer_end
	# At once: it waits for nothing.
	within "$before" 0 $((2000 + 10 * $(field late_ms "$REPORT"))) "milliseconds to leave"
	waited_less 999 "$REPORT"
}

@test "it runs in the foreground, logs to standard error and says when it is ready" {
	mpipd_start client
	# Ready means that the next connection is asked about.
	[[ $(ctl client status nics[].name | wc -l) -eq 2 ]]
	[[ $(ctl client status pid) == "${MPIPD_PID[client]}" ]]
	[[ -s $T/mpipd-client-1.log ]]
	run ! grep -v '^mpipd: ' "$T/mpipd-client-1.log"
}

@test "started twice: one line, and the first one does not notice" {
	mpipd_start client
	mpipd_start server
	transfer_start
	refused "mpipd: .*(in use|already|busy)" "$MPIPD"
	kill -0 "${MPIPD_PID[client]}"
	is_multipath client tcp 5001
	transfer_end
	# Also not with a TUN of its own name.
	echo '{"tun": "other0"}' >"$T/other.json"
	refused "mpipd: .*(in use|already|busy)" "$MPIPD" --config "$T/other.json"
}

@test "without privileges: one line" {
	refused "mpipd: .*(root|privilege|permitted|CAP_NET_ADMIN)" \
		setpriv --bounding-set=-all --inh-caps=-all "$MPIPD"
	# Another user, who need not be able to reach the build directory.
	exec 7<"$MPIPD"
	refused "mpipd: .*(root|privilege|permitted|CAP_NET_ADMIN)" \
		setpriv --reuid=65534 --regid=65534 --clear-groups /proc/self/fd/7
	exec 7<&-
}

@test "without /dev/net/tun: one line" {
	refused "mpipd: .*/dev/net/tun" \
		sh -c 'mount -t tmpfs none /dev/net && exec "$0"' "$MPIPD"
}

@test "with an interface that does not exist, or no interface at all: one line" {
	echo '{"interfaces": ["eth0", "eth7"]}' >"$T/eth7.json"
	refused "mpipd: .*eth7" "$MPIPD" --config "$T/eth7.json"
	refused "mpipd: .*interface" unshare --net "$MPIPD"
}

@test "a bad configuration: file, place and what was expected, in one line" {
	bad_config ".*weight_stepp" '{"weight_stepp": 10}'
	bad_config ".*weight_step.*expected" '{"weight_step": "ten"}'
	bad_config ".*weight_step.*expected" '{"weight_step": -1}'
	bad_config ".*weight_step.*expected" '{"weight_step": 1.5}'
	bad_config ".*fallback_ms.*expected" '{"fallback_ms": 99999999999}'
	bad_config ".*wire_form.*udp.*literal" '{"wire_form": "carrier-pigeon"}'
	bad_config ".*scheduler.*expected" '{"scheduler": 1}'
	bad_config ".*reorder.*hold" '{"reorder": {"holds_ms": 1}}'
	bad_config ".*reorder.*expected" '{"reorder": 10}'
	bad_config ".*interfaces.*expected" '{"interfaces": "eth0"}'
	bad_config ".*interfaces.*expected" '{"interfaces": [1]}'
	bad_config ".*weight_step" '{"weight_step": 1, "weight_step": 2}'
	bad_config ".*expected" '[]'
	bad_config ".*" '{"weight_step": 10'
	bad_config ".*" ''
	bad_config ".*" 'weight_step = 10'
	refused "mpipd: $T/none.json: .*No such file" "$MPIPD" --config "$T/none.json"
}

@test "bad arguments: one line and status 2" {
	refused "mpipd: .*extra" "$MPIPD" extra
	refused "mpipd: .*ready-fd" "$MPIPD" --ready-fd abc
	refused "mpipd: .*ready-fd" "$MPIPD" --ready-fd 77
	refused "mpipd: .*/none/p.csv" "$MPIPD" --path-log /none/p.csv
}

@test "--help, --version and --check answer and start nothing" {
	local before
	before=$(host_state client)
	[[ $(in_host client "$MPIPD" --help) == usage:* ]]
	[[ $(in_host client "$MPIPD" --version) == mpipd\ [0-9]* ]]
	[[ $(in_host client "$MPIPCTL" --help) == usage:* ]]
	echo '{"weight_step": 20}' >"$T/good.json"
	in_host client "$MPIPD" --check "$T/good.json"
	echo '{"weight_step": ""}' >"$T/bad.json"
	run ! in_host client "$MPIPD" --check "$T/bad.json"
	diff <(echo "$before") <(host_state client)
}

@test "after kill -9 the next one takes over what it finds, and leaves the host as it was" {
	local before
	before=$(host_state client)
	mpipd_start server
	for _ in 1 2 3; do
		mpipd_start client '{"wire_form": "literal"}'
		transfer_start
		mpipd_kill client
		transfer_end
	done
	mpipd_start client
	transfer_start
	transfer_end
	mpipd_stop client
	diff <(echo "$before") <(host_state client)
}

@test "mpipctl: every command as a table and as JSON" {
	local command
	mpipd_start client
	mpipd_start server
	transfer_start
	for command in status peers sessions paths stats; do
		in_host client "$MPIPCTL" --json "$command" | "$BUILD/ci/json" . >/dev/null
		in_host client "$MPIPCTL" "$command" >"$T/table"
		[[ $(wc -l <"$T/table") -ge 2 && $(<"$T/table") != *[{}]* ]]
	done
	in_host client "$MPIPCTL" sessions | grep -E "SESSION +PROTO"
	in_host client "$MPIPCTL" sessions | grep -E "tcp .*$SERVER1:5001 +multipath"

	# What they say agrees with itself and with the lab.
	local session node
	session=$(ctl client sessions "sessions[dst=$SERVER1:5001].session_id")
	node=$(ctl client sessions "sessions[session_id=$session].node_id")
	[[ $session -gt 0 && $session == "$(ctl server sessions 'sessions[].session_id')" ]]
	[[ $node == "$(ctl server status node_id)" ]]
	[[ $(ctl client paths "paths[session_id=$session].path" | wc -l) -eq 4 ]]
	[[ $(ctl client paths "paths[session_id=$session].weight" | grep -c '^[1-9][0-9]*$') -eq 4 ]]
	[[ $(ctl client peers "nodes[node_id=$node].addresses[]" | sort | xargs) == "$SERVER1 $SERVER2" ]]
	[[ $(ctl client stats protocol.received_multipath) -gt 100 ]]
	transfer_end
}

@test "mpipctl: an unknown command, no command, and no daemon: one line, non-zero" {
	refused "mpipctl: .*no mpipd" "$MPIPCTL" status
	mpipd_start client
	refused "mpipctl: .*frobnicate.*status" "$MPIPCTL" frobnicate
	refused "mpipctl: .*status" "$MPIPCTL"
	refused "mpipctl: .*status" "$MPIPCTL" status peers
	# Who may not ask gets no answer.
	exec 7<"$MPIPCTL"
	refused "mpipctl: .*root" setpriv --reuid=65534 --regid=65534 --clear-groups \
		/proc/self/fd/7 --json sessions
	exec 7<&-
}

@test "the manual's configuration is one that mpipd takes" {
	sed -n '/^```json/,/^```/p' "$ROOT/mpip/README.md" | grep -v '^```' >"$T/manual.json"
	[[ -s $T/manual.json ]]
	in_host client "$MPIPD" --check "$T/manual.json"
}
