#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Section 3.7.3 of the paper: headers are rewritten on the way out, so what routers say of a rewritten
# packet (ICMP errors) has to be put back to the socket that it is about, as other packets are. What
# a socket of a plain connection hears is the measure. The numbers are those of the table in
# mpip/README.md.

load ../common
load capture

setup() {
	lab_start
	router_watch
	in_host router sysctl -qw net.ipv4.icmp_ratelimit=0
}

both() { # FORM
	mpipd_start client "{\"wire_form\": \"$1\", \"wire_fallback\": false}"
	mpipd_start server "{\"wire_form\": \"$1\", \"wire_fallback\": false}"
}

# all_paths HOST PROTOCOL: the connection on port 5001 has its four paths in use.
all_paths() {
	local local_end remote_end id
	read -r _ _ _ local_end remote_end < <(in_host "$1" ss -Hn "--$2" state connected \
		exclude time-wait "( sport = :5001 or dport = :5001 )")
	id=$(ctl "$1" sessions "sessions[src=$local_end,dst=$remote_end].session_id")
	[[ $(ctl "$1" paths "paths[session_id=$id,state=in use].path" | wc -l) -eq 4 ]]
}

# talk PROTOCOL SIZE [--queue]: the client's socket sends to the server, which reads.
talk() {
	if [[ $1 == tcp ]]; then
		start peer server "$BUILD/ci/stream" listen "$SERVER1" 5001 --receive "$T/received"
		wait_for 5 listening server 5001
	else
		start peer server "$BUILD/ci/datagrams" echo "$SERVER1" 5001
		wait_for 5 bound server 5001
	fi
	start socket client "$BUILD/ci/icmp_errors" "$1" "$SERVER1" 5001 "${@:2}"
}

# What it heard, without numbers of times and places: heard_all has these. The peer got only letters.
talked() { # PROTOCOL
	end socket
	heard_all=$REPORT
	heard=$(sed -n '/^call\|^queue/s/ from=.*//p' <<<"$REPORT" | sort -u | xargs)
	[[ $(field foreign "$REPORT") -eq 0 ]]
	end peer || true
	[[ $1 == udp || -z $(tr -d m <"$T/received" | head -c 1) ]]
}

toggle() {
	local pid
	for pid in $(ip netns pids "$LAB-client"); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != icmp_errors ]] || kill -USR1 "$pid"
	done
}

# exceeded PROTOCOL SIZE: for a second nothing gets further than the first router.
exceeded() {
	talk "$1" "$2" --queue
	if [[ ${#MPIPD_PID[@]} -gt 0 ]]; then
		wait_for 5 all_paths client "$1"
	else
		sleep 0.5
	fi
	toggle
	sleep 1
	toggle
	sleep 0.5
	talked "$1"
}

@test "3.7-10: time exceeded is the socket's that sent the packet, in every wire form" {
	local form plain_tcp plain_udp
	exceeded tcp 1000
	plain_tcp=$heard
	exceeded udp 1000
	plain_udp=$heard
	[[ $plain_tcp == *EHOSTUNREACH* && $plain_udp == *"queue EHOSTUNREACH type=11 code=0"* ]]
	for form in literal fake-tcp udp; do
		both $form
		exceeded tcp 1000
		[[ $heard == "$plain_tcp" ]]
		exceeded udp 1000
		[[ $heard == "$plain_udp" ]]
		# Small ones are quoted whole, with the CM: none of it comes up.
		exceeded udp 200
		[[ $heard == "$plain_udp" ]]
		# From both NICs' routers: packets went over all paths.
		[[ $heard_all == *"from=10.0.1.1"* && $heard_all == *"from=10.0.2.1"* ]]
		at_least "$(ctl client stats protocol.icmp_errors_translated)" 20 "errors put back"
		mpipd_stop client server
	done
}

# refuse WHAT: the router refuses what has user data on the path between the two hosts' second NICs.
refuse() {
	in_host router nft add rule ip ci loss ip saddr "$CLIENT2" ip daddr "$SERVER2" \
		meta length 400-1400 reject with icmp "$1"
}

# refused PROTOCOL WHAT [--queue]
refused() {
	talk "$1" 1000 "${@:3}"
	wait_for 5 all_paths client "$1"
	refuse "$2"
	sleep 1.5
	lose_nothing
	talked "$1"
}

@test "3.7-10: host unreachable on one path: TCP takes it for a hint, a UDP socket hears it if it asks" {
	local form
	for form in literal fake-tcp udp; do
		both $form
		refused tcp host-unreachable
		[[ -z $heard ]]
		refused udp host-unreachable
		[[ -z $heard ]]
		refused udp host-unreachable --queue
		# The call fails with it, too, as it does on a plain connection.
		[[ $heard == "call EHOSTUNREACH queue EHOSTUNREACH type=3 code=1" ]]
		# Out of use at once, and not when its feedback is too old.
		at_least "$(ctl client stats protocol.icmp_errors_received)" 3 "errors taken"
		at_least "$(ctl client stats protocol.paths_down)" 3 "times that a path was taken out of use"
		mpipd_stop client server
	done
}

@test "3.7-10: port unreachable: fatal where the ports are the socket's, and the path's affair else" {
	both literal
	refused udp port-unreachable
	[[ $heard == "call ECONNREFUSED" ]]
	refused tcp port-unreachable
	[[ -z $heard ]]
	mpipd_stop client server
	both fake-tcp
	refused udp port-unreachable
	[[ -z $heard ]]
	refused udp admin-prohibited
	[[ -z $heard ]]
	at_least "$(ctl client stats protocol.paths_down)" 1 "times that a path was taken out of use"
	mpipd_stop client server
}

# narrowed FORM: two of four paths carry less, and routers say so.
narrowed() {
	local told
	both "$1"
	start there server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1 --verify 2
	wait_for 5 listening server 5001
	start here client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 2 --verify 1
	wait_for 5 all_paths client tcp
	sleep 1
	in_host router ip link set c0 mtu 1400
	in_host router ip link set s0 mtu 1400
	for told in client server; do
		wait_for 5 eval "[[ \$(ctl $told stats protocol.icmp_too_big_rx) -ge 1 && \$(ctl $told stats protocol.icmp_too_big_tx) -ge 1 ]]"
	done
	sleep 1
	kill "${STARTED[there]}" "${STARTED[here]}"
	finish here
	waited_less 2000 "$REPORT"
	finish there
	waited_less 2000 "$REPORT"
	mpipd_stop client server
	in_host router ip link set c0 mtu 1500
	in_host router ip link set s0 mtu 1500
}

@test "3.7-10: fragmentation needed: the path's MTU, and TCP is told what is left for it" {
	narrowed literal
	narrowed fake-tcp
}

@test "3.7-10: ICMP errors about packets that are not rewritten are the kernel's" {
	local before
	both literal
	# The other end's port closes during a session: its kernel's word is for our socket.
	talk udp 500
	wait_for 5 all_paths client udp
	end peer || true
	sleep 0.5
	end socket
	[[ $REPORT == *"call ECONNREFUSED"* ]]
	# A port where nobody ever was; and a host that does not exist, on another connection.
	start socket client "$BUILD/ci/icmp_errors" udp "$SERVER2" 5999 100
	sleep 0.5
	end socket
	[[ $REPORT == *"call ECONNREFUSED"* ]]
	in_host router nft add rule ip ci loss udp dport 5998 reject with icmp host-unreachable
	start socket client "$BUILD/ci/icmp_errors" udp "$SERVER2" 5998 100 --queue
	sleep 0.5
	end socket
	[[ $REPORT == *"queue EHOSTUNREACH type=3 code=1 from=10.0.1.1"* ]]
	# And with a daemon that does not run any more.
	mpipd_kill client
	start socket client "$BUILD/ci/icmp_errors" udp "$SERVER2" 5999 100
	sleep 0.5
	end socket
	[[ $REPORT == *"call ECONNREFUSED"* ]]
	mpipd_stop server
}

@test "3.7-8, 3.7-9: addresses and ports of the path on the way, and the socket's own at both ends" {
	local path src dst ports
	both literal
	capture_client
	upload 1500000
	captured
	dissect wire.pcap -T fields -E separator=' ' -Y "mpip.kind == \"data\" && ip.src in {$CLIENT1, $CLIENT2}" \
		-e mpip.path_id -e ip.src -e tcp.srcport -e ip.dst -e tcp.dstport | sort -u >"$T/on-the-way"
	# The ports are the connection's, here and there; the addresses are those of the path in the CM.
	ports=$(ctl server sessions sessions[].dst)
	[[ $ports == "$CLIENT1:"* && $(ctl client sessions sessions[].src) == "$ports" ]]
	ports=${ports#*:}
	for path in 1 2 3 4; do
		src=$(ctl client paths "paths[path=$path].src") dst=$(ctl client paths "paths[path=$path].dst")
		echo "$path ${src%:*} $ports ${dst%:*} 5001"
	done >"$T/table-3"
	diff "$T/on-the-way" "$T/table-3"
	mpipd_stop client server
}
