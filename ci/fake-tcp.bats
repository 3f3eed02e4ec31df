#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The wire form fake-tcp (paper 3.8.1): applications read what was sent, over four paths, each of
# which looks like one ordinary TCP connection to a firewall that drops what it finds invalid, also
# behind a port-restricted NAT; and where a form does not get through, another is taken.

load common

setup_file() {
	local name
	for name in up down; do
		head -c 20000000 /dev/urandom >"$BATS_FILE_TMPDIR/$name"
	done
}

setup() {
	UP=$BATS_FILE_TMPDIR/up DOWN=$BATS_FILE_TMPDIR/down
	lab_start
	router_watch
}

both() { # CONFIG
	mpipd_start client "$1"
	mpipd_start server "$1"
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

# A firewall in the router that tracks TCP windows: what it takes for invalid is counted and dropped.
strict_firewall() {
	in_host router sysctl -qw net.netfilter.nf_conntrack_tcp_be_liberal=0 \
		net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_checksum=1
	in_host router nft -f - <<-'RULES'
		table ip strict {
			counter path {}
			counter original {}
			chain forward {
				type filter hook forward priority 10;
				ct state invalid tcp sport 5280 counter name path drop
				ct state invalid tcp dport 5280 counter name path drop
				ct state invalid counter name original drop
			}
		}
	RULES
}

# strict_drops path|original: of the paths, or of the connection itself.
strict_drops() {
	in_host router nft list counter ip strict "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

@test "exact content, four paths" {
	both '{"wire_form": "fake-tcp"}'
	tcp_both_ways 5001
	for n in $(all_path_bytes "$CLIENT1" "$CLIENT2" "$SERVER1" "$SERVER2") \
		$(all_path_bytes "$SERVER1" "$SERVER2" "$CLIENT1" "$CLIENT2"); do
		at_least "$n" 500000 "bytes of a path"
	done
}

@test "a firewall that tracks windows drops nothing of the paths" {
	strict_firewall
	both '{"wire_form": "fake-tcp"}'
	tcp_both_ways 5001
	echo "dropped of the connection itself: $(strict_drops original)"
	[[ $(strict_drops path) -eq 0 ]]
}

# What a host sends from one of its NICs, as text, one segment a line: capture NAME HOST NIC.
capture() {
	start "$1" "$2" tcpdump -n -i "$3" -Q out -s 100 -B 16384 -U -w "$T/$1.pcap" tcp port 5280
	wait_for 5 grep -q listening "$T/$1.err"
}

# Each connection begins with a SYN, every segment is the next one, acknowledgements only grow, and
# nothing is acknowledged selectively. Prints the number of connections, and of their bytes.
contiguous() { # PCAP
	tcpdump -n -S -r "$1" 2>/dev/null | awk '
		{
			flow = $3 $5; seq = ack = 0
			for (i = 6; i < NF; i++) {
				if ($i == "seq") seq = $(i + 1)
				if ($i == "ack") ack = $(i + 1) + 0
			}
			if (/sack/) { print "selective acknowledgement: " $0; exit 1 }
			split(seq, range, "[:,]")
		}
		/Flags \[S\.?\]/ { connections++; next_seq[flow] = range[1] + 1; next }
		!(flow in next_seq) { print "no SYN: " $0; exit 1 }
		ack < last_ack[flow] && last_ack[flow] - ack < 2^31 { print "acknowledges less: " $0; exit 1 }
		{ last_ack[flow] = ack }
		!/ seq / { next }
		range[1] != next_seq[flow] % 2^32 { print "expected " next_seq[flow] ": " $0; exit 1 }
		{ bytes += range[2] - range[1]; next_seq[flow] = range[2] }
		END { print connections + 0, bytes + 0 }'
}

@test "each path is a contiguous TCP connection of its own" {
	local name seen
	both '{"wire_form": "fake-tcp"}'
	capture client0 client eth0
	capture client1 client eth1
	capture server0 server eth0
	capture server1 server eth1
	head -c 4000000 "$UP" >"$T/4M"
	UP=$T/4M DOWN=$T/4M tcp_both_ways 5001
	sleep 0.3
	for name in client0 client1 server0 server1; do
		end "$name"
		seen=$(contiguous "$T/$name.pcap")
		echo "$name: $seen"
		[[ ${seen% *} -eq 2 ]]
		at_least "${seen#* }" 500000 "bytes"
	done
}

# A port-restricted NAT in front of both of the client's NICs.
nat() {
	in_host router nft -f - <<-'RULES'
		table ip nat {
			chain forward {
				type filter hook forward priority 5;
				ct state invalid drop
				iifname "s*" ct state new drop
			}
			chain post {
				type nat hook postrouting priority 100;
				oifname "s*" masquerade random
			}
		}
	RULES
}

behind_nat() { # FORM
	nat
	both "{\"wire_form\": \"$1\"}"
	UP=$BATS_FILE_TMPDIR/up tcp_both_ways 5001
	for n in $(all_path_bytes "$CLIENT1" "$CLIENT2" "$SERVER1" "$SERVER2") \
		$(all_path_bytes "$SERVER1" "$SERVER2" "$CLIENT1" "$CLIENT2"); do
		at_least "$n" 500000 "bytes of a path"
	done
}

@test "through a port-restricted NAT, wire form fake-tcp" { behind_nat fake-tcp; }
@test "through a port-restricted NAT, wire form udp" { behind_nat udp; }

# forms HOST: the wire forms of the paths in use.
forms() {
	ctl "$1" paths "paths[state=in use].wire_form" | sort -u | tr '\n' ' '
}

# instead RULE WISHED TAKEN: a firewall does not let the form through that is wished for.
instead() {
	in_host router nft add table ip wall
	in_host router nft add chain ip wall forward '{ type filter hook forward priority 0; }'
	in_host router nft add rule ip wall forward "$1"
	both "{\"wire_form\": \"$2\"}"
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --verify 1
	wait_for 8 eval "[[ \$(forms client) == '$3 ' && \$(forms server) == '$3 ' ]]"
	end sender
	finish receiver
}

@test "a firewall drops UDP: fake-tcp is taken" { instead "ip protocol udp drop" udp fake-tcp; }
@test "a firewall drops TCP to the wire port: udp is taken" {
	instead "tcp dport 5280 drop" fake-tcp udp
}
