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
	run ! grep -v '^level=info ' "$T/mpipd-client-1.log"
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
	[[ $(in_host client "$MPIPD" --version) == mpipd\ ?* ]]
	[[ $(in_host client "$MPIPCTL" --help) == usage:* ]]
	echo '{"weight_step": 20}' >"$T/good.json"
	in_host client "$MPIPD" --check "$T/good.json"
	echo '{"weight_step": ""}' >"$T/bad.json"
	run ! in_host client "$MPIPD" --check "$T/bad.json"
	diff <(echo "$before") <(host_state client)
}

@test "a path log on a full disk: said once with the reason, the daemon goes on, and so does the log" {
	local root said
	refused "mpipd: path log /dev/full: No space left on device" "$MPIPD" --path-log /dev/full
	# In a mount namespace of its own, as ip netns exec makes it.
	mkdir "$T/small"
	cat >"$T/mpipd-small" <<END
#!/bin/sh
mount -t tmpfs -o size=64k none "$T/small" && dd if=/dev/zero of="$T/small/rest" bs=4k count=14 2>/dev/null
exec "$MPIPD" "\$@" --path-log "$T/small/p.csv"
END
	chmod +x "$T/mpipd-small"
	MPIPD=$T/mpipd-small mpipd_start client
	mpipd_start server
	root=/proc/${MPIPD_PID[client]}/root$T/small
	transfer_start
	wait_for 20 grep -q "path log" "${MPIPD_LOG[client]}"
	is_multipath client tcp 5001
	rm "$root/rest"
	wait_for 20 grep -q "written again" "${MPIPD_LOG[client]}"
	transfer_end
	said=$(grep "path log" "${MPIPD_LOG[client]}")
	[[ $said =~ ^"level=error message=\"path log $T/small/p.csv: cannot be written: No space left on device\""$'\n'"level=warning message=\"path log $T/small/p.csv: written again, "[0-9]+" runs are missing\""$ ]]
	# Whole lines, before and behind the gap.
	[[ $(awk -F, '{print NF}' "$root/p.csv" | sort -u) == 13 ]]
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
	# each counter with what it counts, not in the words of the code
	[[ -z $(in_host client "$MPIPCTL" stats | grep -vE '^$|^[a-z0-9_]+ +[0-9]+  [^ ]') ]]
	[[ -z $(in_host client "$MPIPCTL" stats | grep -E 'Flags_|Table [0-9]') ]]
	[[ $(in_host client "$MPIPCTL" policy list) == "no policies" ]]
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

@test "mpipctl: wrong words are told without a daemon, one line and status 2; no daemon: status 1" {
	local words
	for words in frobnicate "--json frobnicate" "" "status peers" policy "policy frobnicate" \
		"--all stats" "--watch policy flush" "--watch 0 paths" "--watch=x paths"; do
		# shellcheck disable=SC2086 # words
		run -2 "$MPIPCTL" $words
		[[ ${#lines[@]} -eq 1 && $output =~ ^mpipctl:\ .*expected ]]
	done
	refused "mpipctl: .*frobnicate.*status, peers, sessions, paths, stats, policy or monitor" \
		"$MPIPCTL" frobnicate
	refused "mpipctl: .*no mpipd" "$MPIPCTL" status
	refused "mpipctl: .*no mpipd" "$MPIPCTL" --watch status
	run -1 in_host client "$MPIPCTL" status
	mpipd_start client
	# Who may not ask gets no answer.
	exec 7<"$MPIPCTL"
	refused "mpipctl: .*root" setpriv --reuid=65534 --regid=65534 --clear-groups \
		/proc/self/fd/7 --json sessions
	exec 7<&-
}

@test "mpipctl: every command explains itself, and a full disk is told" {
	local command
	mpipd_start client
	run -0 "$MPIPCTL" monitor --help
	[[ ${lines[0]} == "usage: mpipctl [OPTION...] monitor [KIND...]" && $output == *path-down* ]]
	for command in status peers sessions paths stats policy; do
		run -0 "$MPIPCTL" "$command" --help
		[[ ${lines[0]} == "usage: mpipctl [OPTION...] $command"* && ${#lines[@]} -ge 3 ]]
		[[ $command != policy ]] || command="policy list"
		# shellcheck disable=SC2086 # words
		run -1 in_host client bash -c '"$@" >/dev/full' - "$MPIPCTL" $command
		[[ $output == "mpipctl: standard output cannot be written: No space left on device" ]]
		# shellcheck disable=SC2086
		run -1 in_host client bash -c '"$@" >/dev/full' - "$MPIPCTL" --json --watch $command
		[[ $output == "mpipctl: standard output cannot be written: No space left on device" ]]
	done
	run -1 bash -c '"$0" --help >/dev/full' "$MPIPCTL"
	[[ $output == "mpipctl: standard output cannot be written: No space left on device" ]]
	for command in --help --version; do
		run -1 bash -c '"$0" "$1" >/dev/full' "$MPIPD" "$command"
		[[ $output == "mpipd: standard output cannot be written: No space left on device" ]]
	done
}

@test "mpipctl: paths are sorted and have their connection's ports; what has ended is left out" {
	local ports
	mpipd_start client
	mpipd_start server
	transfer_start
	transfer_end
	# Both ends have closed; in the tables there is nothing now, and with --all that it has ended.
	wait_for 5 eval '[[ $(ctl client sessions sessions[].ended) == true ]]'
	in_host client "$MPIPCTL" sessions >"$T/table"
	in_host client "$MPIPCTL" paths >>"$T/table"
	cat "$T/table"
	[[ $(grep -c "5001" "$T/table") -eq 0 ]]
	[[ $(grep -c "^1 connection that has ended is not shown; --all shows it$" "$T/table") -eq 2 ]]
	in_host client "$MPIPCTL" --all sessions | grep -E "tcp .*:5001 +ended"

	transfer_start
	ports=$(ctl client sessions "sessions[ended=false].src")-5001
	in_host client "$MPIPCTL" paths >"$T/table"
	in_host client "$MPIPCTL" --all paths >"$T/all"
	in_host client "$MPIPCTL" --json paths | "$BUILD/ci/json" paths[].src >"$T/sources"
	transfer_end
	cat "$T/table" "$T/all"
	[[ $(grep -cE "^[0-9]+ +tcp +${ports#*:} +[0-9]+ +10\..* in use" "$T/table") -eq 4 ]]
	[[ $(grep -c " 10\." "$T/table") -eq 4 && $(grep -c " 10\." "$T/all") -eq 8 ]]
	[[ $(grep -c "  ended  " "$T/all") -eq 4 ]]
	# From each address to each, in this order.
	[[ $(awk '/^[0-9]+ +tcp/ {print $5, $6}' "$T/table" | sed 's/:[0-9]*/ /g' | xargs) == \
		"$CLIENT1 $SERVER1 $CLIENT1 $SERVER2 $CLIENT2 $SERVER1 $CLIENT2 $SERVER2" ]]
	[[ $(wc -l <"$T/sources") -eq 8 ]]
}

redrawn() {
	[[ $(grep -c $'\033\\[H\033\\[J' "$T/script") -ge 2 ]]
}

@test "mpipctl --watch: again and again, until Ctrl-C, a daemon that ends, or nobody reads" {
	local pid status=0
	mpipd_start client
	ip netns exec "$LAB-client" "$MPIPCTL" --json --watch 0.1 status >"$T/watch" 3>&- &
	pid=$!
	wait_for 10 eval '(($(wc -l <"$T/watch") >= 3))'
	kill -INT "$pid"
	wait "$pid"
	while read -r line; do
		[[ $("$BUILD/ci/json" nics[].name <<<"$line" | xargs) == "eth0 eth1" ]]
	done <"$T/watch"
	# On a terminal: redrawn, wide tables cut and not wrapped, and Ctrl-C is clean.
	ip netns exec "$LAB-client" script -qfec "'$MPIPCTL' --watch 0.2 status" "$T/script" </dev/null >/dev/null 3>&- &
	pid=$!
	wait_for 10 redrawn
	kill -INT "$pid"
	wait "$pid" || true
	in_host client bash -c '"$0" --watch 0.1 status | head -n 1; exit "${PIPESTATUS[0]}"' "$MPIPCTL" || status=$?
	[[ $status -eq 141 ]]
	ip netns exec "$LAB-client" "$MPIPCTL" --watch 0.1 status >"$T/watch" 2>"$T/watch-said" 3>&- &
	pid=$!
	wait_for 10 test -s "$T/watch"
	mpipd_stop client
	status=0
	wait "$pid" || status=$?
	[[ $status -eq 1 && $(wc -l <"$T/watch-said") -eq 1 && $(<"$T/watch-said") == *"no mpipd"* ]]
}

@test "why a NIC is not used is said, by mpipctl status and once in the log" {
	used() { in_host client "$MPIPCTL" status | grep -E "^eth1 .*  $1"; }
	mpipd_start client
	used "yes$"
	in_host client ip link set eth1 down
	wait_for 5 used "no: it is set down$"
	# The kernel has taken its routes, and gives back that to its subnet only.
	in_host client ip link set eth1 up
	wait_for 5 used "yes, for its own subnet only: no other route goes out by it$"
	in_host client ip route add default via 10.0.2.1 dev eth1 metric 1
	wait_for 5 used "yes$"
	"$LAB_BIN" link --name "$LAB" client.eth1 down
	wait_for 5 used "no: no carrier$"
	"$LAB_BIN" link --name "$LAB" client.eth1 up
	wait_for 5 used "yes$"
	in_host client ip address flush dev eth1
	wait_for 5 used "no: no IPv4 address$"
	grep eth1 "${MPIPD_LOG[client]}" >"$T/said"
	diff - "$T/said" <<'END'
level=warning message="eth1 is not used: it is set down"
level=warning message="eth1 is used for its own subnet only: no other route goes out by it"
level=info message="eth1 is used"
level=warning message="eth1 is not used: no carrier"
level=info message="eth1 is used"
level=warning message="eth1 is not used: no IPv4 address"
END
}

@test "the manual's configuration is one that mpipd takes" {
	sed -n '/^```json/,/^```/p' "$ROOT/mpip/README.md" | grep -v '^```' >"$T/manual.json"
	[[ -s $T/manual.json ]]
	in_host client "$MPIPD" --check "$T/manual.json"
}
