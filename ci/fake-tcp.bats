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
	in_host router nft -f - <<-'EOF2'
		table ip strict {
			counter invalid {}
			counter new_inbound {}
			chain forward {
				type filter hook forward priority 10;
				ct state invalid counter name invalid drop
			}
		}
	EOF2
}

strict_drops() {
	in_host router nft list counter ip strict invalid | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

@test "exact content, four paths" {
	both '{"wire_form": "fake-tcp"}'
	tcp_both_ways 5001
	ctl client stats protocol
	for n in $(all_path_bytes "$CLIENT1" "$CLIENT2" "$SERVER1" "$SERVER2") \
		$(all_path_bytes "$SERVER1" "$SERVER2" "$CLIENT1" "$CLIENT2"); do
		within "$n" 500000 1000000000 "bytes of a path"
	done
}

@test "a firewall that tracks windows drops nothing" {
	strict_firewall
	both '{"wire_form": "fake-tcp"}'
	tcp_both_ways 5001
	[[ $(strict_drops) -eq 0 ]]
}
