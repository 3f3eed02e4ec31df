# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the suites share: a lab of its own for each test, mpipd in it, and the end of both.
#
#     client eth0 10.0.1.2 ---+          +--- 10.0.3.2 eth0 server
#                             |  router  |
#     client eth1 10.0.2.2 ---+          +--- 10.0.4.2 eth1 server
#
# The lab belongs to the test's process: if that is killed, the next test takes down what it has left.
# A test starts whatever runs longer than a command with `start`, so that teardown can end it: by
# process ID, and only what lives in the lab's own namespaces.

bats_require_minimum_version 1.5.0

ROOT=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
BUILD=${BUILD:-build}
[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
LAB_BIN=$BUILD/lab/lab
MPIPD=${MPIPD:-$BUILD/mpip/mpipd}
MPIPCTL=$BUILD/mpip/mpipctl
PATH=$PATH:/usr/sbin:/sbin

CLIENT1=10.0.1.2 CLIENT2=10.0.2.2 SERVER1=10.0.3.2 SERVER2=10.0.4.2

# A test that hangs must not hang the suite.
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-400}

# How much longer than on an idle machine something may take. Virtual time is exact: there a limit is
# what it says.
PATIENCE=20
[[ -z ${VIRTUAL_TIME:-} ]] || PATIENCE=1

declare -gA STARTED=() MPIPD_PID=() MPIPD_LOG=() MPIPD_READY=()
MPIPD_RUNS=0

# lab_start [SCENARIO]
lab_start() {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for network namespaces"
	LAB=${CI_PREFIX:-ci$$}-${BATS_SUITE_TEST_NUMBER:-0}
	T=$BATS_TEST_TMPDIR
	"$LAB_BIN" sweep >/dev/null
	LAB_OWNER=$$ "$LAB_BIN" up --name "$LAB" "$ROOT/lab/scenarios/${1:-dual-nic}.json"
}

# in_host HOST CMD...
in_host() {
	local host=$1
	shift
	ip netns exec "$LAB-$host" "$@"
}

# Runs CMD in the background under a name: start NAME HOST CMD... Its output is in $T/NAME.out and
# $T/NAME.err.
start() {
	local name=$1 host=$2
	shift 2
	ip netns exec "$LAB-$host" timeout -k 5 300 "$@" \
		>"$T/$name.out" 2>"$T/$name.err" </dev/null 3>&- 4>&- &
	STARTED[$name]=$!
}

# finish NAME: waits for its end, and fails as it did. What it said is in $REPORT.
finish() {
	local status=0
	wait "${STARTED[$1]}" || status=$?
	unset "STARTED[$1]"
	REPORT=$(cat "$T/$1.out" "$T/$1.err")
	echo "$1: $REPORT"
	return "$status"
}

# end NAME: ends it, as SIGTERM does.
end() {
	kill "${STARTED[$1]}" 2>/dev/null || true
	finish "$1"
}

milliseconds() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# wait_for SECONDS CMD...: until CMD succeeds. SECONDS are of an idle machine.
wait_for() {
	local limit
	limit=$(($(milliseconds) + $(awk "BEGIN {print int($1 * 1000 * $PATIENCE)}")))
	shift
	until "$@" >/dev/null 2>&1; do
		if (($(milliseconds) >= limit)); then
			echo "waited in vain for: $*" >&2
			return 1
		fi
		sleep 0.05
	done
}

# within VALUE LOW HIGH NAME: integers.
within() {
	(($1 >= $2 && $1 <= $3)) && return
	echo "$4 is $1, expected $2 to $3" >&2
	return 1
}

# at_least VALUE LEAST NAME: integers.
at_least() {
	(($1 >= $2)) && return
	echo "$3 is $1, expected at least $2" >&2
	return 1
}

# waited_less MS REPORT: what an application has waited for at most, by its report; more by ten times
# what the machine itself was late meanwhile (ci/tool/late.h).
waited_less() {
	within "$(field gap_ms "$2")" 0 $(($1 + 10 * $(field late_ms "$2"))) "longest gap in milliseconds"
}

# field NAME TEXT: the value in "... NAME=value ...".
field() {
	sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" <<<"$2"
}

listening() { # HOST PORT
	in_host "$1" ss -Hltn "sport = :$2" | grep -q .
}

bound() { # HOST PORT
	in_host "$1" ss -Hlun "sport = :$2" | grep -q .
}

# Starts mpipd and waits until it takes connections: mpipd_start HOST [CONFIG-JSON]
mpipd_start() {
	mpipd_launch "$@"
	mpipd_ready "$1"
}

# The same in two steps, to have several of them start at once.
mpipd_launch() {
	local host=$1 fd
	MPIPD_RUNS=$((MPIPD_RUNS + 1))
	MPIPD_LOG[$host]=$T/mpipd-$host-$MPIPD_RUNS.log
	echo "${2:-{\}}" >"$T/mpipd-$host.json"
	rm -f "$T/ready-$host"
	mkfifo "$T/ready-$host"
	exec {fd}<>"$T/ready-$host"
	MPIPD_READY[$host]=$fd
	ip netns exec "$LAB-$host" "$MPIPD" --config "$T/mpipd-$host.json" --ready-fd "$fd" \
		2>"${MPIPD_LOG[$host]}" </dev/null 3>&- 4>&- &
	MPIPD_PID[$host]=$!
}

mpipd_ready() {
	local line fd=${MPIPD_READY[$1]}
	if ! read -r -t $((10 * PATIENCE)) line <&"$fd"; then
		echo "mpipd on $1 does not get ready:" >&2
		cat "${MPIPD_LOG[$1]}" >&2
		return 1
	fi
	exec {fd}>&-
	[[ -z $line ]]
}

# Ends it on these hosts as a user would; fails if one does not end well.
mpipd_stop() {
	local host pid status=0
	for host; do
		kill -TERM "${MPIPD_PID[$host]}"
	done
	for host; do
		pid=${MPIPD_PID[$host]}
		wait_for 5 eval "! kill -0 $pid" || kill -KILL "$pid"
		wait "$pid" || { status=$?; echo "mpipd on $host ended with status $status" >&2; }
		unset "MPIPD_PID[$host]"
	done
	return "$status"
}

# As the kernel's out-of-memory killer would.
mpipd_kill() {
	kill -KILL "${MPIPD_PID[$1]}"
	wait "${MPIPD_PID[$1]}" 2>/dev/null || true
	unset "MPIPD_PID[$1]"
}

# ctl HOST COMMAND PATH: a value out of mpipctl --json.
ctl() {
	# shellcheck disable=SC2086 # a command may be two words
	in_host "$1" "$MPIPCTL" --json $2 | "$BUILD/ci/json" "$3"
}

# is_multipath HOST tcp|udp PORT: the session of the connection to or from PORT that is there now.
is_multipath() {
	local local_end remote_end
	read -r _ _ _ local_end remote_end < <(in_host "$1" ss -Hn "--$2" state connected \
		exclude time-wait "( sport = :$3 or dport = :$3 )")
	[[ $(ctl "$1" sessions "sessions[src=$local_end,dst=$remote_end].state") == multipath ]]
}

# Counters of the router per pair of addresses, and a place to lose packets in.
router_watch() {
	local c s
	{
		echo "table ip ci {"
		for c in "$CLIENT1" "$CLIENT2"; do
			for s in "$SERVER1" "$SERVER2"; do
				echo "counter p${c//./_}_${s//./_} {}"
				echo "counter p${s//./_}_${c//./_} {}"
			done
		done
		echo "chain loss { type filter hook forward priority -10; }"
		echo "chain count { type filter hook forward priority 0;"
		for c in "$CLIENT1" "$CLIENT2"; do
			for s in "$SERVER1" "$SERVER2"; do
				echo "ip saddr $c ip daddr $s counter name p${c//./_}_${s//./_}"
				echo "ip saddr $s ip daddr $c counter name p${s//./_}_${c//./_}"
			done
		done
		echo "}"
		echo "}"
	} | in_host router nft -f -
}

# path_bytes FROM TO: bytes that the router has forwarded.
path_bytes() {
	in_host router nft list counter ip ci "p${1//./_}_${2//./_}" | sed -n 's/.*bytes \([0-9]*\).*/\1/p'
}

# Bytes of the four paths of a direction: FROM1 TO1, FROM1 TO2, FROM2 TO1, FROM2 TO2.
all_path_bytes() { # FROM1 FROM2 TO1 TO2
	echo "$(path_bytes "$1" "$3") $(path_bytes "$1" "$4")" \
		"$(path_bytes "$2" "$3") $(path_bytes "$2" "$4")"
}

# Loses silently, without any event that a host could see: lose FROM TO; an address may be "any".
lose() {
	local rule=()
	[[ $1 == any ]] || rule+=(ip saddr "$1")
	[[ $2 == any ]] || rule+=(ip daddr "$2")
	in_host router nft add rule ip ci loss "${rule[@]}" drop
}

lose_nothing() {
	in_host router nft flush chain ip ci loss
}

# Packets that the queues of the lab's links have dropped, all of them together.
queue_drops() {
	"$LAB_BIN" counters --name "$LAB" >"$T/counters.json"
	{
		"$BUILD/ci/json" links[].up.drops <"$T/counters.json"
		"$BUILD/ci/json" links[].down.drops <"$T/counters.json"
	} | awk '{n += $1} END {print n}'
}

# same FILE FILE: by SHA-256.
same() {
	local a b
	a=$(sha256sum <"$1")
	b=$(sha256sum <"$2")
	[[ $a == "$b" ]] && return
	echo "$1 and $2 differ" >&2
	return 1
}

# What mpipd may not leave behind on a host, in a comparable form.
host_state() {
	# shellcheck disable=SC2016 # the inner shell expands
	in_host "$1" sh -c '
		ip -details -o link; ip -o -4 addr; ip -4 rule; ip -4 route show table all
		tc qdisc; for d in $(ls /sys/class/net); do tc filter show dev $d ingress; done
		nft list ruleset; ss -Hlx; grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv4/ip_forward
	' 2>/dev/null | sed 's/ valid_lft .*//; s/ link-netns[^ ]* [^ ]*//'
}

sanitizer_is_content() {
	! grep -ls -e 'ERROR: AddressSanitizer' -e 'ERROR: LeakSanitizer' -e 'runtime error:' \
		"$T"/*.log "$T"/*.err >&2
}

# The end of the test's lab, and of all that it has started there. A suite with something else to clear
# up has a teardown of its own, and calls this.
lab_end() {
	local status=0 host pid log
	[[ -n ${LAB:-} ]] || return 0
	mpipd_stop "${!MPIPD_PID[@]}" || status=1
	for host in client server router; do
		for pid in $(ip netns pids "$LAB-$host" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
	done
	((${#STARTED[@]} == 0)) || wait "${STARTED[@]}" 2>/dev/null
	"$LAB_BIN" down --name "$LAB" >/dev/null || status=1
	for log in "$T"/*.log "$T"/*.err; do
		[[ -s $log ]] && { echo "--- ${log##*/}"; tail -n 40 "$log"; }
	done
	sanitizer_is_content || status=1
	return "$status"
}

teardown() {
	lab_end
}
