#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Wireshark's dissector (mpip/wireshark/mpip.lua), run by tshark on captures of a transfer in each
# wire form: what it shows is what the daemons say, no packet of theirs is missed, and nothing of a
# host without MPIP is taken for theirs.

load common
load paper/capture

FIELDS=(frame.number ip.src ip.dst mpip.{kind,wire_form,session_id,path_id,feedback_path_id,node_id} \
	mpip.{protocol,version,checksum.status,local_address_list,hello.wire_form,hello.port} \
	mpip.flags.{enable,enabled,hb,hs} mpip.data_length)

# rows FILE: each packet with a CM as a line |FIELD=VALUE|FIELD=VALUE|..., to $T/FILE.rows.
rows() {
	local field options=()
	for field in "${FIELDS[@]}"; do
		options+=(-e "$field")
	done
	dissect "$1" -T fields -Y mpip "${options[@]}" |
		awk -F'\t' -v names="${FIELDS[*]}" '
			BEGIN {split(names, name, " ")}
			{printf "|"; for (i = 1; i <= NF; i++) printf "%s=%s|", name[i], $i; print ""}' |
		sed "s/|ip.src=\($CLIENT1\|$CLIENT2\)|/&from=client|/; s/|ip.src=\($SERVER1\|$SERVER2\)|/&from=server|/" \
			>"$T/$1.rows"
}

# pick FIELD=VALUE...: the rows with all of them.
pick() {
	awk -v words="$*" '
		BEGIN {n = split(words, word, " ")}
		{for (i = 1; i <= n; i++) if (!index($0, "|" word[i] "|")) next; print}'
}

# values FIELD [FIELD=VALUE...]: the different values of a field in wire.pcap.rows, in one line.
values() {
	local field=$1
	shift
	pick "$@" <"$T/wire.pcap.rows" | sed -n "s/.*|$field=\([^|]*\)|.*/\1/p" | tr ',' '\n' | words
}

how_many() {
	pick "$@" <"$T/wire.pcap.rows" | grep -c . || true
}

# is VALUE VALUE WHAT
is() {
	[[ $1 == "$2" ]] && return
	echo "$3: the dissector says '$1', mpipd says '$2'" >&2
	return 1
}

words() {
	sort -u | xargs
}

# said HOST COMMAND PATH: what mpipctl said at the end of the capture.
said() {
	"$BUILD/ci/json" "$3" <"$T/$1-$2.json"
}

# transfer FORM BYTES: one TCP connection, all of it captured at the router's two ports to the client.
transfer() {
	local host what
	capture_client
	mpipd_start client "{\"wire_form\": \"$1\"}"
	mpipd_start server "{\"wire_form\": \"$1\"}"
	upload "$2"
	for host in client server; do
		in_host "$host" "$MPIPCTL" --json stats >"$T/before-$host.json"
	done
	sleep 0.3
	captured
	for host in client server; do
		for what in status sessions paths stats; do
			in_host "$host" "$MPIPCTL" --json "$what" >"$T/$host-$what.json"
		done
	done
	mpipd_stop client server
	rows wire.pcap
}

# all_of HOST PEER: every CM that the host's daemon has sent is shown, once; but what a queue on the way
# has dropped. What has come to the peer is.
all_of() {
	local from=from=$1 beats
	sent() { said "$2" stats "protocol.$1"; }
	# When the capture was about to end, at one of the two.
	before() { "$BUILD/ci/json" "protocol.$1" <"$T/before-$2.json"; }
	within "$(how_many "$from" mpip.kind=data)" "$(sent received_multipath "$2")" \
		"$(sent sent_multipath "$1")" "data packets"
	within "$(how_many "$from" mpip.kind=query)" "$(sent queries_received "$2")" \
		"$(sent queries_sent "$1")" "queries"
	within "$(how_many "$from" mpip.kind=confirmation)" "$(sent confirmations_received "$2")" \
		"$(sent confirmations_sent "$1")" confirmations
	within "$(how_many "$from" mpip.flags.hs=1)" "$(sent handshakes_received "$2")" \
		"$(sent handshakes_sent "$1")" "handshakes of paths"
	# These go on after the capture: what has come, or was sent, before its end is there.
	beats=$(($(sent heartbeats_sent "$1") + $(sent size_probes_sent "$1")))
	within "$(how_many "$from" mpip.kind=heartbeat)" "$(before heartbeats_received "$2")" "$beats" heartbeats
	within "$(how_many "$from" mpip.kind=keepalive)" "$(before keepalives_received "$2")" "$(sent keepalives_sent "$1")" keepalives
}

# as_the_daemons_say FORM NUMBER: every field against mpipctl.
as_the_daemons_say() {
	local host path src dst session
	session=$(said client sessions sessions[].session_id)
	is "$(values mpip.session_id mpip.kind=data)" "$session" "session ID"
	is "$(values mpip.session_id mpip.flags.enable=1)" 0 "session ID of a query"
	is "$(values mpip.session_id mpip.flags.enabled=1)" "$session" "session ID of a confirmation"
	is "$(values mpip.wire_form mpip.kind=data)" "$1" "wire form"
	is "$(values mpip.hello.wire_form)" "$2" "wire form wished for"
	is "$(values mpip.hello.port)" 5280 "wire port"
	is "$(values mpip.protocol mpip.kind=data)" 6 "protocol of the session"
	is "$(values mpip.version)" 1 version
	is "$(values mpip.checksum.status)" 1 "checksum status"
	for host in client server; do
		all_of "$host" "$([[ $host == client ]] && echo server || echo client)"
		is "$(values mpip.node_id from=$host)" "$(said $host status node_id)" "$host's Node ID"
		is "$(values mpip.local_address_list from=$host)" \
			"$(said $host status nics[].address | words)" "$host's Local Address List"
		is "$(values mpip.path_id from=$host mpip.kind=heartbeat)" \
			"$(said $host paths paths[].path | words)" "$host's Path IDs"
		for path in $(said $host paths paths[].path); do
			src=$(said $host paths "paths[path=$path].src") dst=$(said $host paths "paths[path=$path].dst")
			is "$(values ip.src from=$host "mpip.path_id=$path")" "${src%:*}" "source of path $path"
			is "$(values ip.dst from=$host "mpip.path_id=$path")" "${dst%:*}" "end of path $path"
		done
	done
	is "$(values mpip.feedback_path_id from=server | sed 's/^0 //')" \
		"$(said client paths paths[].path | words)" "Feedback Path IDs"
	within "$(pick from=client mpip.kind=data <"$T/wire.pcap.rows" |
		sed -n 's/.*|mpip.data_length=\([0-9]*\)|.*/\1/p' | awk '{n += $1} END {print n}')" \
		"$(said server sessions sessions[].received_bytes)" \
		"$(said client sessions sessions[].sent_bytes)" "bytes of user data"
}

# corrupt FILE FRAME: the frame's last byte.
corrupt() {
	local at byte='\377'
	at=$(tshark -r "$T/$1" -T fields -e frame.cap_len 2>/dev/null |
		awk -v n="$2" 'NR <= n {at += 16 + $1} END {print 24 + at - 1}')
	[[ $(od -An -tu1 -j "$at" -N 1 "$T/$1") -ne 255 ]] || byte='\0'
	# shellcheck disable=SC2059 # an escape
	printf "$byte" | dd of="$T/$1" bs=1 seek="$at" conv=notrunc status=none
}

# a_wrong_checksum: of a packet that carries user data, somewhere behind others.
a_wrong_checksum() {
	local frame
	frame=$(pick mpip.kind=data <"$T/wire.pcap.rows" | sed -n '50s/|frame.number=\([0-9]*\)|.*/\1/p')
	editcap -F pcap -r "$T/wire.pcap" "$T/bad.pcap" "1-$frame"
	corrupt bad.pcap "$frame"
	[[ $(dissect bad.pcap -T fields -e frame.number -e mpip.checksum.status \
		-Y mpip.checksum.bad) == "$frame	0" ]]
}

in_form() {
	lab_start
	transfer "$1" 1500000
	as_the_daemons_say "$1" "$2"
	a_wrong_checksum
}

@test "wire form udp: every CM, and what mpipctl says" { in_form udp 0; }
@test "wire form literal: every CM, and what mpipctl says" { in_form literal 1; }
@test "wire form fake-tcp: every CM, and what mpipctl says" { in_form fake-tcp 2; }

@test "super-packets: of those merged by a host each CM is shown" {
	local merged least
	lab_start dual-nic-unshaped
	transfer udp 3000000
	merged=$(sed -n 's/.*|mpip.kind=\([^|]*\),data|.*/\1/p' "$T/wire.pcap.rows" | wc -l)
	at_least "$merged" 5 "frames with several CMs"
	# tcpdump itself may have lost some, on a busy machine.
	least=$(said server stats protocol.received_multipath)
	[[ $(cat "$T"/c[01].err | grep -cx '0 packets dropped by kernel') -eq 2 ]] || least=1
	within "$(sed -n 's/.*|from=client|.*|mpip.kind=\([^|]*\)|.*/\1/p' "$T/wire.pcap.rows" |
		tr , '\n' | grep -c data)" "$least" \
		"$(said client stats protocol.sent_multipath)" "data packets"
	# None is left out that is long enough for a heartbeat's CM.
	[[ -z $(dissect wire.pcap -Y '!mpip && udp.port == 5280 && udp.length >= 36') ]]
}

@test "hosts without MPIP: nothing of theirs, though they send CMs as user data" {
	lab_start
	mpipd_start client
	capture wire router c0 ip
	start forger server "$BUILD/ci/cm_sender" "$SERVER1" 5001 02:6d:70:00:02:01 1 elsewhere 300 "$T/sent"
	wait_for 5 listening server 5001
	in_host client "$BUILD/ci/stream" connect "$SERVER1" 5001 --receive "$T/received"
	finish forger
	same "$T/sent" "$T/received"
	start echo server "$BUILD/ci/datagrams" echo "$SERVER1" 5280
	wait_for 5 bound server 5280
	in_host client "$BUILD/ci/datagrams" send "$SERVER1" 5280 --sizes 20-400 --repeat 1 --gap-us 1000
	end echo || true
	end wire || true
	mpipd_stop client
	rows wire.pcap
	is "$(values mpip.kind from=client)" query "what the client sent"
	[[ $(how_many from=server) -eq 0 ]]
	at_least "$(tshark -r "$T/wire.pcap" -Y "ip.src == $SERVER1" 2>/dev/null | wc -l)" 500 \
		"packets of the plain host"
}
