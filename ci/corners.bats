#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Where transparency is easiest to lose: user data that looks like ours, Fast Open, merged packets,
# reverse-path filters, and ends that come, go or do not answer when it suits them.

load common

setup() {
	lab_start
}

both() { # WIRE-FORM
	mpipd_launch client "{\"wire_form\": \"$1\"}"
	mpipd_launch server "{\"wire_form\": \"$1\"}"
	mpipd_ready client
	mpipd_ready server
}

# exchange_start PORT [OPTIONS...]: bytes of a seed both ways, all of them checked, until exchange_end.
# Options go to both ends.
exchange_start() {
	local port=$1
	shift
	start "server-$port" server "$BUILD/ci/stream" listen "$SERVER1" "$port" \
		--generate 1 --verify 2 "$@"
	wait_for 5 listening server "$port"
	start "client-$port" client "$BUILD/ci/stream" connect "$SERVER1" "$port" \
		--generate 2 --verify 1 "$@"
	wait_for 5 connected "$port"
}

connected() { # PORT
	in_host client ss -Hnti state established "dport = :$1" | grep -q 'bytes_received:[0-9]\{5\}'
}

exchange_end() { # PORT
	local there
	kill "${STARTED[server-$1]}" "${STARTED[client-$1]}"
	finish "server-$1"
	there=$REPORT
	finish "client-$1"
	[[ $(field sent "$there") -eq $(field received "$REPORT") ]]
	[[ $(field sent "$REPORT") -eq $(field received "$there") ]]
}

# received_more HOST BEFORE: packets with a CM than before, enough to have used all paths.
received_more() {
	[[ $(ctl "$1" stats protocol.received_multipath) -ge $(($2 + 300)) ]]
}

# Exchanges until it has been multipath for a while.
exchange_multipath() { # PORT [OPTIONS...]
	local host
	local -A before
	for host in client server; do
		before[$host]=$(ctl "$host" stats protocol.received_multipath)
	done
	exchange_start "$@"
	for host in client server; do
		wait_for 3 is_multipath "$host" tcp "$1"
		wait_for 3 received_more "$host" "${before[$host]}"
	done
	exchange_end "$1"
}

set_on_hosts() { # SYSCTL=VALUE
	in_host client sysctl -qw "$1"
	in_host server sysctl -qw "$1"
}

# The server's application sends segments that end in valid CMs of a node, and of 64 sessions.
forged_cms_start() { # NODE-ID FIRST-SESSION here|elsewhere SEGMENTS
	start forger server "$BUILD/ci/cm_sender" "$SERVER1" 5001 "$@" "$T/sent"
	wait_for 5 listening server 5001
	start victim client "$BUILD/ci/stream" connect "$SERVER1" 5001 --receive "$T/received"
}

forged_cms_finish() { # LEAST-BYTES
	finish forger
	finish victim
	at_least "$(stat -c %s "$T/sent")" "$1" "bytes full of CMs"
	same "$T/sent" "$T/received"
}

@test "user data full of valid CMs, from a host without mpipd" {
	local form
	for form in udp literal; do
		mpipd_start client "{\"wire_form\": \"$form\"}"
		forged_cms_start 02:6d:70:00:02:01 1 here 700
		forged_cms_finish 400000
		mpipd_stop client
	done
}

# next_session: what the one after the last one will be called, or a little more.
next_session() {
	ctl client sessions sessions[].session_id | sort -n | awk '{last = $1} END {print last + 1}'
}

@test "user data full of valid CMs, from a host with mpipd, about its own session" {
	local form
	for form in udp literal; do
		both "$form"
		exchange_multipath 5003
		forged_cms_start "$(ctl server status node_id)" "$(next_session)" here 700
		forged_cms_finish 400000
		mpipd_stop client server
	done
}

put_back() { # LEAST
	[[ $(ctl client stats protocol.put_back) -ge $1 ]]
}

# When the server's mpipd dies, its kernel sends the same user data without a CM of ours behind it,
# on a connection that the client knows as MPIP's: nothing but the checksum tells a quoted CM.
@test "user data that quotes CMs of its own session, when its mpipd has died" {
	local session states
	for _ in 1 2 3 4 5 6 7 8; do
		both literal
		exchange_multipath 5003
		session=$(next_session)
		# Until it is told to end.
		forged_cms_start "$(ctl server status node_id)" "$session" elsewhere 1000000
		wait_for 2 is_multipath client tcp 5001
		states=$(ctl client sessions 'sessions[].session_id')
		echo "forged $session and up, real: $states"
		# Each end draws from a range of its own: which one, depends on who asks first.
		! within "$(sort -n <<<"$states" | tail -n 1)" "$session" $((session + 63)) "real session ID" || break
		kill "${STARTED[forger]}"
		forged_cms_finish 10000
		mpipd_stop client server
	done
	((${#MPIPD_PID[@]} == 2))
	mpipd_kill server
	wait_for 10 put_back 500
	kill "${STARTED[forger]}"
	forged_cms_finish 300000
	# Each of its segments was a packet: none is handed back again and again.
	within "$(ctl client stats protocol.put_back)" 500 $(($(stat -c %s "$T/sent") * 2 / 600)) "packets handed back"
}

@test "TCP Fast Open: a server that takes data with the SYN, without and with mpipd" {
	local form opened=0
	set_on_hosts net.ipv4.tcp_fastopen=0x603
	mpipd_start client
	for _ in 1 2; do
		exchange_start 5001 --fastopen
		exchange_end 5001
	done
	opened=$(in_host server nstat -asz TcpExtTCPFastOpenPassive | awk '/Passive/ {print $2}')
	within "$opened" 2 2 "SYNs that the plain server took data from"
	mpipd_stop client
	for form in udp literal; do
		both "$form"
		for _ in 1 2; do
			exchange_multipath 5001 --fastopen
		done
		mpipd_stop client server
	done
	opened=$(in_host server nstat -asz TcpExtTCPFastOpenPassive | awk '/Passive/ {print $2}')
	within "$opened" 6 6 "SYNs that the server took data from"
}

@test "GRO off and on at the hosts' NICs, each wire form" {
	local form gro host nic
	for gro in off on; do
		for host in client server; do
			for nic in eth0 eth1; do
				in_host "$host" ethtool -K "$nic" gro "$gro" >/dev/null
			done
		done
		for form in udp literal; do
			both "$form"
			exchange_multipath 5001
			mpipd_stop client server
		done
	done
}

received_bytes() { # by the client's socket
	in_host client ss -Hnti "dport = :5001" | grep -o 'bytes_received:[0-9]*' | cut -d: -f2
}

# After its daemon's end, the server's kernel goes on by itself, on addresses and ports that the
# client still takes for MPIP: merged packets without a CM, to be handed back whole.
@test "packets of 64 KiB without a CM are handed back, and the connection goes on" {
	local before packets bytes
	"$LAB_BIN" down --name "$LAB"
	lab_start dual-nic-unshaped
	both literal
	exchange_start 5001
	wait_for 2 is_multipath client tcp 5001
	mpipd_kill server
	before=$(received_bytes) packets=$(ctl client stats protocol.put_back)
	wait_for 10 put_back $((packets + 500))
	sleep 0.5
	packets=$(($(ctl client stats protocol.put_back) - packets)) bytes=$(($(received_bytes) - before))
	exchange_end 5001
	echo "$packets packets handed back, $bytes bytes received meanwhile"
	# On average more than a packet on the wire has.
	at_least $((bytes / packets)) 3000 "bytes of a packet that was handed back"
}

@test "rp_filter 0, 1 and 2, on all and on the NICs, each wire form" {
	local filter form nic
	for filter in 0 1 2; do
		# The larger of all's and the NIC's own is in force.
		for nic in all default eth0 eth1; do
			set_on_hosts "net.ipv4.conf.$nic.rp_filter=$filter"
		done
		for form in udp literal; do
			both "$form"
			exchange_multipath 5001
			mpipd_stop client server
		done
	done
}

@test "both ends start at once, in the middle of a connection that talks both ways" {
	local form
	for form in udp literal udp literal; do
		exchange_start 5001
		both "$form"
		wait_for 2 is_multipath client tcp 5001
		wait_for 1 is_multipath server tcp 5001
		[[ $(ctl client sessions 'sessions[state=multipath].session_id') == \
			"$(ctl server sessions 'sessions[state=multipath].session_id')" ]]
		exchange_end 5001
		mpipd_stop client server
	done
}

@test "an end that was given up starts mpipd in the middle of a connection: it becomes multipath" {
	local form
	for form in udp literal; do
		mpipd_start server "{\"wire_form\": \"$form\"}"
		exchange_start 5001
		wait_for 3 eval "[[ \$(ctl server peers \
			'availability[address=$CLIENT1,port=0].mpip') == no ]]"
		mpipd_start client "{\"wire_form\": \"$form\"}"
		wait_for 2 is_multipath client tcp 5001
		wait_for 1 is_multipath server tcp 5001
		exchange_end 5001
		mpipd_stop client server
	done
}

@test "ends of different wire forms agree on one" {
	mpipd_start client '{"wire_form": "udp"}'
	mpipd_start server '{"wire_form": "literal"}'
	exchange_multipath 5001
	wait_for 1 eval "[[ \$(ctl client sessions sessions[].wire_form | sort -u) == \
		\$(ctl server sessions sessions[].wire_form | sort -u) ]]"
}

@test "a port that does not answer does not make its address be given up" {
	both udp
	# An application bound to a NIC bypasses its mpipd, so this port never confirms.
	start silent server "$BUILD/ci/stream" listen "$SERVER1" 5003 --device eth0 \
		--generate 1 --verify 2
	wait_for 5 listening server 5003
	exchange_multipath 5001
	start talker client "$BUILD/ci/stream" connect "$SERVER1" 5003 --generate 2 --verify 1
	wait_for 5 eval '[[ $(ctl client peers "availability[address=$SERVER1,port=5003].mpip") == no ]]'
	kill "${STARTED[silent]}"
	end talker
	finish silent
	[[ $(ctl client peers "availability[address=$SERVER1,port=0].mpip") == yes ]]
	exchange_multipath 5001
}

@test "UDP without checksums stays without, and exact" {
	local form report
	for form in udp literal; do
		both "$form"
		start echo server "$BUILD/ci/datagrams" echo "$SERVER1" 5002 --no-checksum
		wait_for 5 bound server 5002
		rm -f "$T/multipath"
		start talk client "$BUILD/ci/datagrams" send "$SERVER1" 5002 --no-checksum \
			--sizes 1-100,1373-1472,4000 --repeat 5 --until "$T/multipath"
		wait_for 5 is_multipath client udp 5002
		touch "$T/multipath"
		finish talk
		report=$REPORT
		at_least "$(field sent "$report")" 1005 "datagrams sent"
		[[ $(field received "$report") -eq $(field sent "$report") && $(field wrong "$report") -eq 0 ]]
		end echo
		[[ $(field received "$REPORT") -eq $(field sent "$report") && $(field wrong "$REPORT") -eq 0 ]]
		# All but those that are larger than the TUN's MTU.
		at_least "$(ctl client stats protocol.sent_multipath)" 700 "datagrams with a CM"
		mpipd_stop client server
	done
}

# As many of each host's are TCP as are UDP. No tag may be read in another session (issue 4).
@test "two hosts open 200 sessions to each other at once, and no tag shows up in another session" {
	local at
	both udp
	at=$(($(milliseconds) + 1000))
	start tags-server server "$BUILD/ci/tags" "$SERVER1" 5300 "$CLIENT1" 200 30000 "$at" 280
	start tags-client client "$BUILD/ci/tags" "$CLIENT1" 5300 "$SERVER1" 200 31000 "$at" 280
	wait_for 10 eval '[[ $(ctl client sessions "sessions[state=multipath].session_id" | wc -l) -eq 400 ]]'
	[[ $(ctl client sessions "sessions[].session_id" | sort -u | wc -l) -eq 400 ]]
	sleep 2
	kill "${STARTED[tags-server]}" "${STARTED[tags-client]}"
	finish tags-server
	[[ $(field wrong "$REPORT") -eq 0 && $(field served "$REPORT") -eq 200 ]]
	finish tags-client
	[[ $(field wrong "$REPORT") -eq 0 && $(field served "$REPORT") -eq 200 ]]
	at_least "$(field words "$REPORT")" $((2 * 200 * 150)) "words compared"
	mpipd_stop client server
}
