#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Applications read exactly what was sent: TCP both ways at once, UDP datagrams of every size, TLS
# and ssh, with mpipd at both ends, at the client only and at the server only, in each wire form.
# A host without mpipd sees at most five queries, and no application ever sees them.

load common

# Each way over the shaped links, and over the unshaped. FULL=1: 100 MB over the shaped links too,
# 20 s a test. A guest's CPU counts every instruction, and has less to do.
MEGABYTES=10 MANY_MEGABYTES=100
[[ -z ${FULL:-} ]] || MEGABYTES=100
[[ -z ${VIRTUAL_TIME:-} ]] || MEGABYTES=5 MANY_MEGABYTES=20

setup_file() {
	local name
	for name in up down; do
		head -c $((MANY_MEGABYTES * 1000000)) /dev/urandom >"$BATS_FILE_TMPDIR/$name-many"
		head -c $((MEGABYTES * 1000000)) "$BATS_FILE_TMPDIR/$name-many" >"$BATS_FILE_TMPDIR/$name"
	done
}

setup() {
	UP=$BATS_FILE_TMPDIR/up DOWN=$BATS_FILE_TMPDIR/down
}

# mpipd at "both" ends, the "client" or the "server": sides SIDES WIRE-FORM
sides() {
	SIDES=$1
	[[ $1 == server ]] || mpipd_start client "{\"wire_form\": \"$2\"}"
	[[ $1 == client ]] || mpipd_start server "{\"wire_form\": \"$2\"}"
	case $1 in
	client) PLAIN=server OURS=client THEIRS=$SERVER1 ;;
	server) PLAIN=client OURS=server THEIRS=$CLIENT1 ;;
	both) return ;;
	esac
	watch_queries
}

# Queries as they arrive at the plain host: a TCP header full of our experimental option, or a UDP
# length that ends before the IP packet does.
watch_queries() {
	local nic
	for nic in eth0 eth1; do
		start "queries-$nic" "$PLAIN" tcpdump --immediate-mode -nlpi "$nic" -Q in '
			(tcp and ip[6:2] & 0x1fff = 0 and tcp[12] & 0xf0 = 0xf0 and
				tcp[20] = 254 and tcp[21] = 40)
			or (udp and ip[6:2] & 0x3fff = 0 and
				ip[2:2] - ((ip[0] & 0xf) << 2) > udp[4:2])'
		wait_for 5 grep -q listening "$T/queries-$nic.err"
	done
}

queries_seen() {
	cat "$T"/queries-eth?.out | wc -l
}

# What has reached mpipd's user space of the connections' packets.
user_space() {
	echo "$(ctl "$OURS" stats protocol.host_in) $(ctl "$OURS" stats io.hook_reads)"
}

# Where one end is plain: one to five queries, then its traffic stays out of user space.
plain_end_was_left_alone() {
	local before
	[[ $SIDES != both ]] || return 0
	talk_until given_up
	before=$(user_space)
	UP=$BATS_FILE_TMPDIR/up DOWN=$BATS_FILE_TMPDIR/down tcp_both_ways 5011
	[[ $(user_space) == "$before" ]]
	within "$(queries_seen)" 1 5 "queries seen by the plain host"
	[[ $(ctl "$OURS" stats protocol.queries_sent) -eq $(queries_seen) ]]
}

given_up() {
	[[ $(ctl "$OURS" peers "availability[address=$THEIRS,port=0].mpip") == no ]]
}

# Datagrams back and forth until then: what was sent before may have been too short for all five queries.
talk_until() {
	start talk server "$BUILD/ci/datagrams" echo "$SERVER1" 5012
	wait_for 5 bound server 5012
	start talker client "$BUILD/ci/datagrams" send "$SERVER1" 5012 --sizes 200 \
		--gap-us 20000 --repeat 100000
	wait_for 5 "$@"
	end talker
	end talk
}

# tcp_both_ways PORT: $UP and $DOWN at once, by SHA-256.
tcp_both_ways() {
	start "server-$1" server "$BUILD/ci/stream" listen "$SERVER1" "$1" \
		--send "$DOWN" --receive "$T/up"
	wait_for 5 listening server "$1"
	in_host client "$BUILD/ci/stream" connect "$SERVER1" "$1" \
		--send "$UP" --receive "$T/down"
	finish "server-$1"
	same "$UP" "$T/up"
	same "$DOWN" "$T/down"
}

# A connection carried data on all four paths, both ways.
four_paths_carried() { # LEAST-BYTES
	local bytes
	for bytes in $(all_path_bytes "$CLIENT1" "$CLIENT2" "$SERVER1" "$SERVER2") \
		$(all_path_bytes "$SERVER1" "$SERVER2" "$CLIENT1" "$CLIENT2"); do
		at_least "$bytes" "$1" "bytes of a path"
	done
}

tcp_exact() {
	lab_start
	router_watch
	sides "$1" "$2"
	tcp_both_ways 5001
	four_paths_carried 200000
}

# multipath_bytes HOST BYTES: it has sent so many over paths.
multipath_bytes() {
	[[ $(ctl "$1" paths paths[].sent_bytes | awk '{n += $1} END {print n + 0}') -ge $2 ]]
}

# Many more bytes, with super-packets at both ends. However fast the machine is, they are sent until so
# many of them have gone over several paths.
tcp_unshaped() {
	local host
	lab_start dual-nic-unshaped
	sides "$1" "$2"
	if [[ $1 != both ]]; then
		UP=$BATS_FILE_TMPDIR/up-many DOWN=$BATS_FILE_TMPDIR/down-many tcp_both_ways 5001
		plain_end_was_left_alone
		return
	fi
	start there server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1 --verify 2
	wait_for 5 listening server 5001
	start here client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 2 --verify 1
	for host in client server; do
		wait_for 10 multipath_bytes "$host" $((MANY_MEGABYTES * 1000000))
	done
	kill "${STARTED[there]}" "${STARTED[here]}"
	finish there
	host=$REPORT
	finish here # each has compared every byte
	[[ $(field sent "$host") -eq $(field received "$REPORT") && $(field sent "$REPORT") -eq $(field received "$host") ]]
}

# all_came REPORT SENT: none wrong, none twice, and none lost but in the queue of a link, which a
# burst after a pause of this machine may fill.
all_came() {
	local lost=$(($2 - $(field received "$1"))) drops
	drops=$(queue_drops)
	echo "$1 lost=$lost queue_drops=$drops"
	within "$lost" 0 "$drops" "datagrams lost"
	at_least "$(field received "$1")" $(($2 / 2)) "datagrams received"
	[[ $(field wrong "$1") -eq 0 && $(field duplicates "$1") -eq 0 ]]
	((lost > 0)) || [[ $(field sizes "$1") -eq 1473 ]]
}

# every_size PORT: of datagrams from the client, of which all are multipath where both ends know how; the
# first ones are so, too, if they are regular.
every_size() {
	rm -f "$T/begin"
	start sizes client "$BUILD/ci/datagrams" send "$SERVER1" "$1" --sizes 1-1472,4000 --gap-us 300 \
		--until "$T/begin"
	[[ $SIDES != both ]] || wait_for 5 is_multipath client udp "$1"
	touch "$T/begin"
	finish sizes
}

udp_exact() {
	local report
	lab_start
	router_watch
	sides "$1" "$2"
	start echo server "$BUILD/ci/datagrams" echo "$SERVER1" 5002
	start sink server "$BUILD/ci/datagrams" sink "$SERVER1" 5003
	wait_for 5 bound server 5002
	wait_for 5 bound server 5003

	every_size 5002
	report=$REPORT
	all_came "$report" "$(field sent "$report")"
	end echo
	all_came "$REPORT" "$(field sent "$report")"

	every_size 5003
	report=$REPORT
	finish sink
	all_came "$REPORT" "$(field sent "$report")"
	if [[ $1 == both ]]; then
		# All that were sent since they were multipath, but those larger than the TUN's MTU.
		at_least "$(ctl client stats protocol.sent_multipath)" 2700 "datagrams with a CM"
		four_paths_carried 100000
	fi
	plain_end_was_left_alone
}

tls_and_ssh() {
	lab_start
	router_watch
	head -c 4000000 "$UP" >"$T/4M"
	UP=$T/4M DOWN=$T/4M
	sides "$1" "$2"
	tls_exact
	ssh_exact
	[[ $1 != both ]] || four_paths_carried 100000
	plain_end_was_left_alone
}

tls_exact() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" \
		-subj /CN=server -days 2 2>"$T/openssl.err"
	mkdir "$T/www"
	cp "$DOWN" "$T/www/down"
	start tls server sh -c "cd '$T/www' && exec openssl s_server -HTTP -naccept 1 \
		-accept $SERVER1:4433 -key '$T/key.pem' -cert '$T/cert.pem'"
	wait_for 5 listening server 4433
	printf 'GET /down HTTP/1.0\r\n\r\n' | in_host client timeout 30 openssl s_client -quiet \
		-CAfile "$T/cert.pem" -verify_return_error -connect "$SERVER1:4433" \
		>"$T/tls-down" 2>"$T/tls.err"
	finish tls
	same "$DOWN" "$T/tls-down"
}

# The server's home directory is one of ours, seen by that process only.
ssh_exact() {
	local home
	home=$(getent passwd root | cut -d: -f6)
	mkdir -m 700 "$T/home" "$T/home/.ssh"
	ssh-keygen -q -t ed25519 -N '' -f "$T/id"
	cp "$T/id.pub" "$T/home/.ssh/authorized_keys"
	dropbearkey -t ed25519 -f "$T/hostkey" >"$T/hostkey.err" 2>&1
	start sshd server sh -c "mount --bind '$T/home' '$home' && exec dropbear -F -E -s \
		-r '$T/hostkey' -P '' -p $SERVER1:2222"
	wait_for 5 listening server 2222
	ssh_run "cat >$home/up && echo stored" <"$UP" >"$T/said"
	[[ $(<"$T/said") == stored ]]
	same "$UP" "$T/home/up"
	ssh_run "cat $home/up" >"$T/ssh-down" </dev/null
	same "$UP" "$T/ssh-down"
	# A session of many small turns.
	[[ $(seq 200 | ssh_run 'while read -r n; do echo $((n * n)); done' | tail -n 1) -eq 40000 ]]
	end sshd || true # dropbear does not end with status 0
}

ssh_run() {
	in_host client timeout 60 ssh -F none -i "$T/id" -p 2222 -o BatchMode=yes \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		"root@$SERVER1" "$@"
}

@test "TCP both ways: mpipd at both ends, wire form udp" { tcp_exact both udp; }
@test "TCP both ways: mpipd at both ends, wire form literal" { tcp_exact both literal; }
@test "TCP in bulk both ways, no shaping: both ends, udp" { tcp_unshaped both udp; }
@test "TCP in bulk both ways, no shaping: both ends, literal" { tcp_unshaped both literal; }
@test "TCP in bulk both ways, no shaping: client only, udp" { tcp_unshaped client udp; }
@test "TCP in bulk both ways, no shaping: client only, literal" { tcp_unshaped client literal; }
@test "TCP in bulk both ways, no shaping: server only, udp" { tcp_unshaped server udp; }
@test "TCP in bulk both ways, no shaping: server only, literal" { tcp_unshaped server literal; }

@test "UDP of every size: mpipd at both ends, wire form udp" { udp_exact both udp; }
@test "UDP of every size: mpipd at both ends, wire form literal" { udp_exact both literal; }
@test "UDP of every size: mpipd at the client only, wire form udp" { udp_exact client udp; }
@test "UDP of every size: mpipd at the client only, wire form literal" { udp_exact client literal; }
@test "UDP of every size: mpipd at the server only, wire form udp" { udp_exact server udp; }
@test "UDP of every size: mpipd at the server only, wire form literal" { udp_exact server literal; }

@test "TLS and ssh: mpipd at both ends, wire form udp" { tls_and_ssh both udp; }
@test "TLS and ssh: mpipd at both ends, wire form literal" { tls_and_ssh both literal; }
@test "TLS and ssh: mpipd at the client only, wire form udp" { tls_and_ssh client udp; }
@test "TLS and ssh: mpipd at the client only, wire form literal" { tls_and_ssh client literal; }
@test "TLS and ssh: mpipd at the server only, wire form udp" { tls_and_ssh server udp; }
@test "TLS and ssh: mpipd at the server only, wire form literal" { tls_and_ssh server literal; }
