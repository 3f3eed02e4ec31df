#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What multipath is for, in short: TCP and UDP beyond one link, over all NICs, beside the kernel's MPTCP;
# and a daemon that does not grow. The experiments measure the same at length. How much arrives depends on the machine; so it
# is measured in virtual time, in a guest whose processor takes no time.

export BATS_TEST_TIMEOUT=$((240 + ${MINUTES:-0} * 60))
load common

# 100 Mbit/s of Ethernet frames carry this much of user data, TCP or UDP; in tenths of Mbit/s.
ONE_LINK=941

setup() {
	lab_start
	router_watch
}

both() {
	mpipd_start client
	mpipd_start server
}

# Instrumented programs are several times slower: their speed says nothing.
not_sanitized() {
	[[ -z ${SANITIZE:-} ]] || skip "the sanitizers slow mpipd down"
}

# Every NIC of client and server has carried at least 30 % of its host's bytes.
nics_shared() {
	local there back
	there=$(all_path_bytes "$CLIENT1" "$CLIENT2" "$SERVER1" "$SERVER2")
	back=$(all_path_bytes "$SERVER1" "$SERVER2" "$CLIENT1" "$CLIENT2")
	echo "bytes per path: $there / $back"
	# there: c1s1 c1s2 c2s1 c2s2, back: s1c1 s1c2 s2c1 s2c2
	awk '{
		all = $1 + $2 + $3 + $4 + $5 + $6 + $7 + $8
		client1 = $1 + $2 + $5 + $7; server1 = $1 + $3 + $5 + $6
		printf "client eth0 %.2f, server eth0 %.2f\n", client1 / all, server1 / all
		exit !(client1 > 0.3 * all && client1 < 0.7 * all && \
			server1 > 0.3 * all && server1 < 0.7 * all)
	}' <<<"$there $back"
}

# tcp_download SECONDS [OPTION...]: tenths of Mbit/s that the receiving application has read; in $GOODPUT.
tcp_download() {
	start sender server "$BUILD/ci/stream" listen 0.0.0.0 5001 --generate 1 --seconds "$@"
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --verify 1 "${@:2}"
	finish sender
	finish receiver
	GOODPUT=$(awk "BEGIN {print int($(field received "$REPORT") * 8 / 1e5 / \
		$(field seconds "$REPORT"))}")
}

# bats test_tags=virtual-time
@test "TCP gets at least 1.5 times one link, each NIC 30 % of the bytes, with the paper's settings" {
	both
	tcp_download 4
	nics_shared
	within "$GOODPUT" 1350 $((2 * ONE_LINK)) "goodput in tenths of Mbit/s"
}

# bats test_tags=virtual-time
@test "without mpipd the same transfer gets one link" {
	tcp_download 2
	within "$GOODPUT" 850 $((ONE_LINK + 40)) "goodput in tenths of Mbit/s"
	run ! nics_shared
}

# bats test_tags=virtual-time
@test "the kernel's MPTCP gets at least 1.25 times one link" {
	local host
	[[ -e /proc/sys/net/mptcp/enabled ]] || skip "this kernel has no MPTCP"
	for host in client server; do
		in_host "$host" sysctl -qw net.mptcp.enabled=1
		in_host "$host" ip mptcp limits set subflows 8 add_addr_accepted 8
	done
	in_host client ip mptcp endpoint add "$CLIENT1" dev eth0 subflow fullmesh
	in_host client ip mptcp endpoint add "$CLIENT2" dev eth1 subflow fullmesh
	in_host server ip mptcp endpoint add "$SERVER2" dev eth1 signal
	tcp_download 8 --mptcp # the subflows come one after the other
	within "$GOODPUT" 1175 $((2 * ONE_LINK)) "goodput in tenths of Mbit/s"
}

# 3 s of 1400 bytes every 62 us; what is received, in $GOODPUT.
udp_at_180() {
	start sink server "$BUILD/ci/datagrams" sink "$SERVER1" 5002
	wait_for 5 bound server 5002
	in_host client "$BUILD/ci/datagrams" send "$SERVER1" 5002 --sizes 1400 --gap-us 62 \
		--repeat 48500
	finish sink
	[[ $(field wrong "$REPORT") -eq 0 && $(field duplicates "$REPORT") -eq 0 ]]
	GOODPUT=$(awk "BEGIN {print int($(field received "$REPORT") * 1400 * 8 / 1e5 / \
		$(field seconds "$REPORT"))}")
}

# bats test_tags=virtual-time
@test "UDP at 180 Mbit/s gets at least 1.7 times one link" {
	both
	udp_at_180
	nics_shared
	within "$GOODPUT" $((ONE_LINK * 17 / 10)) 1820 "received in tenths of Mbit/s"
}

rss_kb() { # HOST
	awk '/^VmRSS/ {print $2}' "/proc/${MPIPD_PID[$1]}/status"
}

# Connections that come and go, large and small, and datagrams, for so many seconds.
mixed_load() {
	local until=$((SECONDS + $1)) port=6000
	while ((SECONDS < until)); do
		port=$((port + 1))
		start tcp server "$BUILD/ci/stream" listen "$SERVER1" "$port" \
			--generate 1 --verify 2 --seconds 1
		start udp server "$BUILD/ci/datagrams" sink "$SERVER1" "$port"
		wait_for 5 listening server "$port"
		wait_for 5 bound server "$port"
		in_host client "$BUILD/ci/datagrams" send "$SERVER1" "$port" \
			--sizes 1-1472 --gap-us 300 >/dev/null &
		in_host client "$BUILD/ci/stream" connect "$SERVER1" "$port" \
			--generate 2 --verify 1 --seconds 1 >/dev/null
		wait $!
		finish tcp >/dev/null
		finish udp >/dev/null
	done
}

@test "mixed TCP and UDP for MINUTES leaves mpipd's memory where it was after the first one" {
	not_sanitized
	# The short form has shorter minutes.
	local host seconds=$((${MINUTES:-1} > 1 ? 60 : 8)) rounds=$((${MINUTES:-1} > 1 ? MINUTES : 3))
	local -A first
	both
	mixed_load "$seconds"
	for host in client server; do
		first[$host]=$(rss_kb "$host")
	done
	mixed_load $(((rounds - 1) * seconds))
	for host in client server; do
		echo "$host: ${first[$host]} kB, then $(rss_kb "$host") kB"
		within "$(rss_kb "$host")" 0 $((first[$host] + 1024)) "kB of memory on $host"
	done
}
