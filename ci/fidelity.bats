#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What an application may expect of its connection whatever its packets look like on the way (the
# paper's 3.7.3, and what it leaves open there): a network that carries less than the NIC does.

# bats file_tags=full

load common

setup() {
	lab_start
	router_watch
}

both() { # WIRE-FORM
	mpipd_launch client "{\"wire_form\": \"$1\"}"
	mpipd_launch server "{\"wire_form\": \"$1\"}"
	mpipd_ready client
	mpipd_ready server
}

# narrow MTU PORT...: what the router's ports send is no larger. Hosts do not see that.
narrow() {
	local mtu=$1 port
	shift
	for port; do
		in_host router ip link set "$port" mtu "$mtu"
	done
}

# The router no longer says what it drops.
say_nothing() {
	in_host router nft 'add chain ip ci own { type filter hook output priority 0; }'
	in_host router nft add rule ip ci own icmp type destination-unreachable drop
}

# Both ends send and check every byte, until exchange_end.
exchange_start() {
	start there server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1 --verify 2
	wait_for 5 listening server 5001
	start here client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 2 --verify 1
	wait_for 5 is_multipath client tcp 5001
	wait_for 5 is_multipath server tcp 5001
}

exchange_end() { # GAP-LIMIT
	local sent received
	kill "${STARTED[there]}"
	end here
	sent=$(field sent "$REPORT") received=$(field received "$REPORT")
	waited_less "$1" "$REPORT"
	finish there
	waited_less "$1" "$REPORT"
	[[ $(field received "$REPORT") -eq $sent && $(field sent "$REPORT") -eq $received ]]
}

# bytes_since BEFORE NOW LEAST: each path, in each direction, carried so much.
each_path_carried() { # LEAST
	local before="$before_there $before_back"
	after="$(all_path_bytes "$CLIENT1" "$CLIENT2" "$SERVER1" "$SERVER2")"
	after+=" $(all_path_bytes "$SERVER1" "$SERVER2" "$CLIENT1" "$CLIENT2")"
	echo "paths before: $before"
	echo "paths after:  $after"
	awk -v least="$1" '{for (i = 1; i <= 8; i++) if ($(i + 8) - $i < least) exit 1}' \
		<<<"$before $after"
}

paths_now() {
	before_there=$(all_path_bytes "$CLIENT1" "$CLIENT2" "$SERVER1" "$SERVER2")
	before_back=$(all_path_bytes "$SERVER1" "$SERVER2" "$CLIENT1" "$CLIENT2")
}

# narrow_from_the_start WIRE-FORM MTU PORT...
narrow_from_the_start() {
	narrow "${@:2}"
	both "$1"
	exchange_start
	sleep 1.5
	paths_now
	wait_for 2 each_path_carried 1000000
	exchange_end 2999
}

# narrow_meanwhile WIRE-FORM MTU PORT...
narrow_meanwhile() {
	both "$1"
	exchange_start
	sleep 1
	narrow "${@:2}"
	sleep 3
	paths_now
	wait_for 2 each_path_carried 1000000
	exchange_end 2999
}

@test "a path MTU of 1400 on two of four paths, told by routers, wire form udp" {
	narrow_from_the_start udp 1400 c0 s0
	at_least "$(ctl client stats protocol.icmp_too_big_rx)" 1 "ICMP errors taken"
}

@test "a path MTU of 1400 on two of four paths, told by nobody, wire form udp" {
	say_nothing
	narrow_from_the_start udp 1400 c0 s0
	within "$(ctl client stats protocol.icmp_too_big_rx)" 0 0 "ICMP errors taken"
}

@test "all path MTUs become 1400, told by routers, wire form udp" {
	narrow_meanwhile udp 1400 c0 s0 c1 s1
}

@test "path MTUs become 1400 on two of four paths, told by nobody, wire form udp" {
	say_nothing
	narrow_meanwhile udp 1400 c0 s0
}

@test "all path MTUs become 1400, told by nobody, wire form udp" {
	say_nothing
	narrow_meanwhile udp 1400 c0 s0 c1 s1
}

# The router tracks TCP's windows, lets connections begin with a SYN only, and drops the invalid.
strict_router() {
	in_host router nft -f - <<-'END'
		table ip strict {
			counter invalid {}
			chain forward {
				type filter hook forward priority 0;
				ct state invalid counter name invalid drop
			}
		}
	END
	in_host router sysctl -qw net.netfilter.nf_conntrack_tcp_be_liberal=0 \
		net.netfilter.nf_conntrack_tcp_loose=0
}

invalid_drops() {
	in_host router nft list counter ip strict invalid | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}

# What may end multipath, and when: WHAT
client_dies() { mpipd_kill client; }
server_dies() { mpipd_kill server; }
wire_blocked() {
	in_host router nft add rule ip ci loss udp dport 5280 drop
}

original_carried() { # LEAST
	local after
	after=$(path_bytes "$CLIENT1" "$SERVER1")
	((after - ${before_there%% *} >= $1))
}

# After SECONDS of multipath both ends' bytes go on over the original tuple: fall_back WHAT SECONDS
fall_back() {
	local before after
	strict_router
	both udp
	exchange_start
	sleep "$2"
	before=$(invalid_drops)
	within "$before" 0 0 "packets dropped as invalid while multipath"
	"$1"
	sleep 3
	paths_now
	wait_for 2 original_carried 3000000
	exchange_end 2999
	echo "$(invalid_drops) packets dropped as invalid"
}

@test "through a router that tracks TCP's windows: the way back, when the client's mpipd dies" {
	fall_back client_dies 10
}

@test "through a router that tracks TCP's windows: the way back, when the server's mpipd dies" {
	fall_back server_dies 10
}

@test "through a router that tracks TCP's windows: the way back, when UDP is blocked" {
	fall_back wire_blocked 10
}

# marks_sent WIRE-FORM COUNT OPTIONS...: what the receiving application saw is in $REPORT.
marks_sent() {
	local form=$1
	shift
	both "$form"
	start sink server "$BUILD/ci/marks" sink "$SERVER1" 5003
	wait_for 5 bound server 5003
	start marker client "$BUILD/ci/marks" send "$SERVER1" 5003 "$@"
	wait_for 5 is_multipath client udp 5003
	finish marker
	SENT=$(field sent "$REPORT")
	finish sink
	[[ $(field wrong "$REPORT") -eq 0 ]]
	within "$(field received "$REPORT")" $((SENT - 2)) "$SENT" "datagrams received"
}

saw() { # TOS TTL
	within "$(field tos "$REPORT")" "$1" "$1" "DSCP and ECN"
	within "$(field ttl "$REPORT")" "$2" "$2" "TTL"
	within "$(field same "$REPORT")" $((SENT - 100)) "$SENT" "datagrams of them"
}

@test "the receiver sees DSCP, ECN and TTL of the sender, less the routers on the way, both wire forms" {
	local form
	for form in udp literal; do
		marks_sent "$form" 500 --tos 0xb9 --ttl 33
		saw 185 32
		mpipd_stop client server
	done
}

@test "a router's congestion mark is seen by the receiver, both wire forms" {
	local form
	in_host router nft add rule ip ci loss ip ecn ect0 ip ecn set ce
	for form in udp literal; do
		marks_sent "$form" 500 --tos 2
		saw 3 63
		mpipd_stop client server
	done
}

@test "datagrams with IP options arrive with them" {
	local form
	for form in udp literal; do
		both "$form"
		start sink server "$BUILD/ci/marks" sink "$SERVER1" 5003
		wait_for 5 bound server 5003
		start marker client "$BUILD/ci/marks" send "$SERVER1" 5003 200 --options
		finish marker
		finish sink
		within "$(field wrong "$REPORT")" 0 0 "wrong datagrams"
		within "$(field received "$REPORT")" 200 200 "datagrams received"
		within "$(field options "$REPORT")" 4 4 "bytes of IP options"
		mpipd_stop client server
	done
}

@test "datagrams without a checksum, both wire forms" {
	local form
	for form in udp literal; do
		marks_sent "$form" 500 --no-checksum
		mpipd_stop client server
	done
}

@test "an application that only ever sends many datagrams at once (UDP_SEGMENT) becomes multipath" {
	local form
	for form in udp literal; do
		marks_sent "$form" 1000 --segment
		mpipd_stop client server
	done
}
