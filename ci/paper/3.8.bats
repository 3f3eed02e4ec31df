#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Section 3.8 of the paper, TCP, on the wire: fake connections (3.8.1), the UDP wrapper (3.8.2), MPTCP
# over MPIP (3.8.4). Captures are read with the dissector. The numbers are those of the table in
# mpip/README.md.

load ../common
load capture

setup() {
	lab_start
}

both() { # FORM
	mpipd_start client "{\"wire_form\": \"$1\", \"wire_fallback\": false}"
	mpipd_start server "{\"wire_form\": \"$1\", \"wire_fallback\": false}"
}

# captured_upload BYTES: with all that passes the client's NICs in $T/wire.pcap.
captured_upload() {
	capture_client
	upload "$1"
	captured
}

# packets FILTER: the ends and the kind of each packet with a CM, in their order.
packets() {
	dissect wire.pcap -T fields -E separator=' ' -Y "mpip && ($1)" -e ip.src -e ip.dst \
		-e mpip.kind -e mpip.flags.hs -e frame.number
}

@test "3.8-1, 3.8-2, 3.8-3: the client opens each path but the original one, and then it carries TCP" {
	both literal
	captured_upload 1500000
	packets 'tcp.port == 5001' >"$T/packets"
	# One line for each way between two addresses, in the order of the first packet of each kind.
	awk -v client="$CLIENT1 $CLIENT2" '
		{
			up = index(client, $1); path = up ? $1 " " $2 : $2 " " $1
			if ($3 == "SYN" || $3 == "SYN-ACK" || $3 == "ACK") {
				if ($4 != 1 || (up > 0) == ($3 == "SYN-ACK")) print "wrong: " $0
				order[path] = order[path] " " $3
			} else if ($3 == "data" || $3 == "heartbeat") {
				if (!(path in first)) order[path] = order[path] " " $3
				first[path] = 1
				data[path] += up && $3 == "data"
			}
		}
		END {for (path in order) print path ":" order[path], (data[path] >= 20) ? "many" : "few"}
	' "$T/packets" | sed 's/ \(data\|heartbeat\) / then /' | sort >"$T/paths"
	cat "$T/paths"
	[[ $(wc -l <"$T/paths") -eq 4 ]]
	grep -qx "$CLIENT1 $SERVER1: then many" "$T/paths"
	[[ $(grep -cx ".*: SYN SYN-ACK ACK then many" "$T/paths") -eq 3 ]]
	# No kernel saw a handshake: it would have answered with a reset.
	[[ -z $(dissect wire.pcap -Y 'tcp.flags.reset == 1 && tcp.port == 5001') ]]
	mpipd_stop client server
}

@test "3.8-4, 3.8-6: a server address that nothing reaches is not used, and its paths are removed" {
	in_host router ip link set s1 down
	both fake-tcp
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --verify 1
	wait_for 3 is_multipath client tcp 5001
	wait_for 8 eval "[[ \$(ctl client paths 'paths[state=removed].dst' | wc -l) -eq 2 ]]"
	[[ $(ctl client paths 'paths[state=in use].dst' | sed 's/:.*//' | sort -u) == "$SERVER1" ]]
	[[ $(ctl client paths 'paths[state=removed].dst' | sed 's/:.*//' | sort -u) == "$SERVER2" ]]
	end sender
	finish receiver
	mpipd_stop client server
}

@test "3.8-5, 3.8-7: a TCP packet and its header travel in a datagram, and come out of it as TCP" {
	local client_port
	both udp
	captured_upload 1500000
	client_port=$(ctl client sessions "sessions[protocol=tcp].src" | sed 's/.*://')
	dissect wire.pcap -T fields -E separator=' ' -Y "mpip.kind == \"data\" && ip.src in {$CLIENT1, $CLIENT2}" \
		-e udp.dstport -e mpip.protocol -e mpip.segment.srcport -e mpip.segment.dstport >"$T/data-packets"
	[[ $(sort -u "$T/data-packets") == "5280 6 $client_port 5001" ]]
	at_least "$(wc -l <"$T/data-packets")" 500 "datagrams with a TCP packet inside"
	mpipd_stop client server
}

# sixteen HOST: four sessions of this connection, each of its own pair of addresses and with four
# paths in use, whose Path IDs are all different.
sixteen() {
	local id
	[[ $(ctl "$1" sessions "sessions[protocol=tcp,state=multipath].session_id" | sort -u | wc -l) -eq 4 ]] || return 1
	[[ $(paste <(ctl "$1" sessions "sessions[protocol=tcp].src") \
		<(ctl "$1" sessions "sessions[protocol=tcp].dst") | sed 's/:[0-9]*//g' | sort -u | wc -l) -eq 4 ]] || return 1
	[[ $(ctl "$1" paths "paths[state=in use].path" | sort -u | wc -l) -eq 16 ]] || return 1
	for id in $(ctl "$1" sessions "sessions[protocol=tcp].session_id"); do
		[[ $(ctl "$1" paths "paths[session_id=$id,state=in use].path" | wc -l) -eq 4 ]] || return 1
		[[ $(paste <(ctl "$1" paths "paths[session_id=$id].src") \
			<(ctl "$1" paths "paths[session_id=$id].dst") | sed 's/:[0-9]*//g' | sort -u | wc -l) -eq 4 ]] || return 1
	done
}

sixteen_carry() { # 100 packets each
	[[ $(ctl server paths "paths[].sent_packets" | awk '$1 >= 100' | wc -l) -eq 16 ]]
}

@test "3.8-12: the four subflows of MPTCP are four sessions, with sixteen paths, and exact content" {
	local host sent
	[[ -e /proc/sys/net/mptcp/enabled ]] || skip "this kernel has no MPTCP"
	for host in client server; do
		in_host "$host" sysctl -qw net.mptcp.enabled=1
		in_host "$host" ip mptcp limits set subflows 8 add_addr_accepted 8
	done
	# Without a device: a subflow bound to one would bypass mpipd.
	in_host client ip mptcp endpoint add "$CLIENT1" subflow fullmesh
	in_host client ip mptcp endpoint add "$CLIENT2" subflow fullmesh
	in_host server ip mptcp endpoint add "$SERVER2" signal
	both fake-tcp # as in the paper's experiments
	start sender server "$BUILD/ci/stream" listen 0.0.0.0 5001 --mptcp --generate 1
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --mptcp --verify 1
	wait_for 7 sixteen server
	wait_for 1 sixteen client
	wait_for 5 sixteen_carry
	end sender
	sent=$(field sent "$REPORT")
	finish receiver # which has compared every byte
	[[ $(field received "$REPORT") -eq $sent ]]
	[[ $(in_host server nstat -asz MPTcpExtMPJoinAckRx | awk '/Join/ {print $2}') -eq 3 ]]
	mpipd_stop client server
}
