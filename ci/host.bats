#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# mpipd and the host that it runs on: its local users, what it may do there, what it leaves behind.

load common

setup() {
	lab_start
}

# The control socket of a host's network namespace.
control_socket() { # HOST
	echo "/run/mpipd/$(in_host "$1" stat -Lc %i /proc/self/ns/net).sock"
}

says() { # NAME PATTERN: of what was started under this name
	grep -q "$2" "$T/$1.out"
}

as_nobody() { # HOST CMD...
	local host=$1
	shift
	in_host "$host" setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

@test "clients of the control socket that say nothing, half of a command, or do not read" {
	local socket text
	mpipd_start client
	mpipd_start server
	socket=$(control_socket client)
	start listener server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1 --verify 2
	wait_for 5 listening server 5001
	start talker client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 2 --verify 1
	wait_for 3 is_multipath client tcp 5001
	for text in "stat" $'status\n' "$(head -c 300 /dev/zero | tr '\0' x)" ""; do
		start "peer-${#text}" client "$BUILD/ci/unix_peer" connect "$socket" 20 "$text"
		wait_for 5 says "peer-${#text}" connected
	done
	# Who asks is answered while others say nothing yet, not after them.
	ctl client status pid
	run ! says peer-0 closed=20
	kill "${STARTED[talker]}" "${STARTED[listener]}"
	finish listener
	finish talker
	waited_less 1500 "$REPORT"
	# Each is dropped, at the latest after the time that a client has.
	for text in 0 4 7 300; do
		finish "peer-$text"
		[[ $REPORT == *closed=20* ]]
	done
	[[ $(ctl client status pid) -eq ${MPIPD_PID[client]} ]]
}

@test "the control socket is root's alone, and nobody can take its name" {
	local socket
	start squatter client setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$BUILD/ci/unix_peer" listen @mpipd "{}"
	wait_for 5 says squatter listening
	mpipd_start client
	socket=$(control_socket client)
	[[ $(stat -c '%a %u' "$socket") == "600 0" && $(stat -c %u /run/mpipd) -eq 0 ]]
	run ! as_nobody client "$MPIPCTL" status
	[[ $output == "mpipctl: $socket: permission denied: only root"* ]]
	run ! as_nobody client ln -s nothing "/run/mpipd/other.sock"
	# A second daemon leaves the first one's socket alone; one that was killed is replaced.
	run ! in_host client timeout 20 "$MPIPD" --config <(echo "{\"tun\": \"other0\", \"socket\": \"$socket\"}")
	[[ $output == *"in use: does mpipd run here already?" ]]
	ctl client status pid
	mpipd_kill client
	[[ -S $socket ]]
	run ! in_host client "$MPIPCTL" status
	[[ $output == *"no mpipd answers here"* ]]
	mpipd_start client
	ctl client status pid
	mpipd_stop client
	[[ ! -e $socket ]]
}

@test "what is no socket of mpipd's is not removed, and a folder of others is not used" {
	echo precious >"$T/precious"
	run ! in_host client timeout 20 "$MPIPD" --config <(echo "{\"socket\": \"$T/precious\"}")
	[[ $(<"$T/precious") == precious ]]
	[[ ${#lines[@]} -eq 1 && $output == *"$T/precious"* ]]
	run ! in_host client unshare -m sh -c "mkdir -p /run/mpipd
		mount -t tmpfs -o mode=777 none /run/mpipd; exec timeout 20 $MPIPD"
	[[ ${#lines[@]} -eq 1 && $output == *"only root may write to" ]]
	run ! in_host client unshare -m sh -c "mount -t tmpfs -o ro none /run; exec timeout 20 $MPIPD"
	[[ ${#lines[@]} -eq 1 && $output == *"cannot make /run/mpipd: Read-only file system" ]]
}

@test "mpipctl takes an answer only from root, and no control characters from anybody" {
	start stranger client setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$BUILD/ci/unix_peer" listen @stranger '{"error": "x"}'
	start liar client "$BUILD/ci/unix_peer" listen @liar \
		'{"error": "a\u001b]0;b\u0007c\u009bd\u007fe"}'
	wait_for 5 says stranger listening
	wait_for 5 says liar listening
	run ! in_host client "$MPIPCTL" --socket @stranger status
	[[ $output == "mpipctl: @stranger: who answers here is user 65534: expected mpipd, run by root or by you" ]]
	run ! in_host client "$MPIPCTL" --socket @liar status
	[[ $output == "mpipctl: a?]0;b?c?d?e" ]]
}

# capabilities PID KIND: as text, without the brackets of `capsh --decode`.
capability_set() { # PID CapEff|CapPrm|CapInh|CapBnd|CapAmb
	sed -n "s/^$2:\t//p" "/proc/$1/status"
}

@test "after start only the capabilities that are needed, and all works with them" {
	local pid
	mpipd_start client
	mpipd_start server
	pid=${MPIPD_PID[client]}
	# CAP_NET_ADMIN (12) and CAP_NET_RAW (13); CAP_BPF (39) where the kernel asks for it.
	[[ $(capability_set "$pid" CapEff) =~ ^000000[08]000003000$ ]]
	[[ $(capability_set "$pid" CapPrm) == "$(capability_set "$pid" CapEff)" ]]
	for kind in CapInh CapBnd CapAmb; do
		[[ $(capability_set "$pid" "$kind") =~ ^0+([08]000003000)?$ ]]
	done
	[[ $(capability_set "$pid" NoNewPrivs) -eq 1 ]]
	# A NIC that comes, and one whose address changes: filter, sockets and routes follow.
	in_host client ip addr del "$CLIENT2/24" dev eth1
	in_host client ip addr add "${CLIENT2%.2}.3/24" dev eth1
	in_host client ip route add default via "${CLIENT2%.2}.1" dev eth1 metric 200
	wait_for 5 eval '[[ $(ctl client status "nics[name=eth1].address") == *.3 ]]'
	start listener server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1 --verify 2
	wait_for 5 listening server 5001
	start talker client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 2 --verify 1
	wait_for 3 is_multipath client tcp 5001
	wait_for 5 eval '[[ $(ctl client paths "paths[].src") == *"${CLIENT2%.2}.3:"* ]]'
	kill "${STARTED[talker]}" "${STARTED[listener]}"
	finish listener
	finish talker
	run ! grep -i "permi" "${MPIPD_LOG[client]}"
	mpipd_stop client server
	[[ -z $(in_host client tc filter show dev eth0 ingress) ]]
	[[ -z $(in_host client ip rule show priority 10) ]]
}

# new_address HOST NIC OLD NEW: as DHCP does, with a gateway that ends in .1.
new_address() {
	in_host "$1" ip addr del "$3/24" dev "$2"
	in_host "$1" ip addr add "$4/24" dev "$2"
	in_host "$1" ip route add default via "${4%.*}.1" dev "$2" metric "${5:-200}"
}

serves() { # HOST NIC ADDRESS
	[[ $(ctl "$1" status "nics[name=$2,address=$3].usable") == true ]]
}

transfer() { # PORT: both ways, until it is multipath
	start "listener-$1" server "$BUILD/ci/stream" listen "$SERVER1" "$1" --generate 1 --verify 2
	wait_for 5 listening server "$1"
	start "talker-$1" client "$BUILD/ci/stream" connect "$SERVER1" "$1" --generate 2 --verify 1
	wait_for 3 is_multipath client tcp "$1"
	kill "${STARTED[talker-$1]}" "${STARTED[listener-$1]}"
	finish "listener-$1"
	finish "talker-$1"
}

@test "a local user cannot take the wire port at an address that a NIC is about to get" {
	mpipd_start client
	mpipd_start server
	in_host client sysctl -qw net.ipv4.ip_nonlocal_bind=1
	start squatter client setpriv --reuid=65534 --regid=65534 --clear-groups \
		iperf3 -s -1 -B 10.0.2.3 -p 5280
	sleep 0.5
	new_address client eth1 "$CLIENT2" 10.0.2.3
	wait_for 5 serves client eth1 10.0.2.3
	transfer 5001
	run ! finish squatter
	run ! grep "left out" "${MPIPD_LOG[client]}"
}

@test "when the wire cannot be had the host goes on regularly, and MPIP comes back by itself" {
	mpipd_start client
	mpipd_start server
	prlimit --pid "${MPIPD_PID[client]}" --nofile=3:1024
	new_address client eth1 "$CLIENT2" 10.0.2.3
	wait_for 5 grep -q "left out, and tried again" "${MPIPD_LOG[client]}"
	in_host client ping -qc 1 -W 5 "$SERVER1"
	new_address client eth0 "$CLIENT1" 10.0.1.3 100
	wait_for 5 eval '[[ -z $(in_host client ip rule show priority 10) ]]'
	in_host client ip route get "$SERVER1" ipproto tcp | grep -q "dev eth0"
	prlimit --pid "${MPIPD_PID[client]}" --nofile=1024:1024
	wait_for 5 grep -q "all addresses serve again" "${MPIPD_LOG[client]}"
	in_host client ip route get "$SERVER1" ipproto tcp | grep -q "dev mpip0"
	wait_for 5 serves client eth0 10.0.1.3
	transfer 5001
}

no_rules() { # HOST: of mpipd's, which bear its routing protocol number
	! in_host "$1" ip rule show | grep -q "proto 77"
}

@test "after kill -9 nothing stays that a change of gateway would make wrong" {
	local guard port
	mpipd_start client
	guard=$(pgrep -P "${MPIPD_PID[client]}" mpipd-guard)
	[[ $(capability_set "$guard" CapEff) == 0000000000001000 ]]
	kill -TERM "$guard"
	in_host client ip rule show | grep -q "proto 77"
	mpipd_kill client
	wait_for 5 no_rules client
	[[ -z $(in_host client ip route show table all proto 77) ]]
	wait_for 5 eval "! kill -0 $guard"
	# The gateway is another one now.
	port=$(in_host router ip -o addr | awk '/ 10\.0\.1\.1\// {print $2}')
	in_host router ip addr add 10.0.1.9/24 dev "$port"
	in_host router ip addr del 10.0.1.1/24 dev "$port"
	in_host client ip rule del priority 1000
	in_host client ip route replace default via 10.0.1.9 dev eth0
	in_host client ping -qc 1 -W 5 -I "$CLIENT1" "$SERVER1"
}

@test "one that comes at once after kill -9 keeps its rules, and at its end nothing is left" {
	local rules
	mpipd_start client
	rules=$(in_host client ip rule show)
	mpipd_kill client
	mpipd_start client
	wait_for 5 eval '[[ $(in_host client ip rule show) == "$rules" ]]'
	sleep 0.3
	[[ $(in_host client ip rule show) == "$rules" ]]
	[[ $(pgrep -c -P "${MPIPD_PID[client]}" mpipd-guard) -eq 1 ]]
	mpipd_stop client
	no_rules client
	[[ -z $(ip netns pids "$LAB-client") ]]
}
