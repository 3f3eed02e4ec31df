#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# NATs, firewalls and events of the lab, seen by plain packets: there is no mpipd here.
#
#     client eth0 192.168.1.2 ---+                              +--- 10.0.3.2 eth0 server
#                                | NAT or firewall --- core --- |
#     client eth1 192.168.2.2 ---+                              +--- 10.0.4.2 eth1 server

bats_require_minimum_version 1.5.0
load common.bash

# Notes in the core which ports of the client's the server sees.
watch_ports() {
	in_host core nft -f - <<-'RULES'
		table ip ci {
			set tcp_ports { type inet_service; flags dynamic; size 1000; }
			set udp_ports { type inet_service; flags dynamic; size 1000; }
			set sources { type ipv4_addr; flags dynamic; size 1000; }
			chain watch {
				type filter hook forward priority 0;
				tcp dport 5001 add @tcp_ports { tcp sport } add @sources { ip saddr }
				udp dport 5001 add @udp_ports { udp sport } add @sources { ip saddr }
			}
		}
	RULES
}

noted() { # SET
	in_host core nft list set ip ci "$1" | sed -n '/elements/,/}/p' | tr -d '\n\t' |
		sed 's/.*{ *//; s/ *}.*//'
}

# Lets the SYNs of new connections pass the box without its noticing: what comes after them is, to
# it, TCP in the middle.
hide_syns() { # ROUTER
	in_host "$1" nft -f - <<-'RULES'
		table ip hide {
			chain first {
				type filter hook prerouting priority raw;
				tcp flags syn / syn,ack notrack
				tcp flags syn,ack / syn,ack notrack
			}
		}
	RULES
}

dropped() { # ROUTER KIND
	"$LAB_BIN" counters --name "$LAB" | "$BUILD/ci/json" "routers[name=$1].dropped.$2"
}

# Whether TCP gets 10 kB through: tcp_passes SERVER [OPTIONS]. It has so many seconds:
PASSES=$((1 + 2 * PATIENCE))
tcp_passes() {
	local to=$1 status=0
	shift
	start sink server timeout -s KILL $((PASSES + 1)) "$BUILD/ci/stream" listen "$to" 5001 --verify 1
	wait_for 5 listening server 5001
	start source client timeout -s KILL "$PASSES" "$BUILD/ci/stream" connect "$to" 5001 --generate 1 \
		--bytes 10000 "$@"
	finish source || status=1
	finish sink || status=1
	return "$status"
}

udp_passes() { # SERVER
	start echo server "$BUILD/ci/datagrams" echo "$1" 5001
	wait_for 5 bound server 5001
	start source client "$BUILD/ci/datagrams" send "$1" 5001 --sizes 100 --repeat 5
	finish source || true
	end echo || true
	[[ $(field received "$(cat "$T/source.out")") -gt 0 ]]
}

@test "a port-restricted NAT keeps the port, and lets nobody in who was not spoken to" {
	lab_start nat-one
	watch_ports
	tcp_passes "$SERVER1" --from 192.168.1.2
	tcp_passes "$SERVER2" --from 192.168.2.2
	[[ $(noted sources) == 10.0.1.2 ]]
	start echo server "$BUILD/ci/datagrams" echo "$SERVER1" 5001
	wait_for 5 bound server 5001
	in_host client bash -c 'exec 3<>/dev/udp/10.0.3.2/5001; echo x >&3
		ss -Hun "dport = :5001" | awk "{ sub(/.*:/, \"\", \$3); print \$3 }" >"$0"' "$T/port"
	wait_for 5 eval '[[ -n $(noted udp_ports) ]]'
	echo "seen: $(noted udp_ports), sent from: $(cat "$T/port")"
	[[ $(noted udp_ports) == "$(cat "$T/port")" ]]

	# The way in is open for 10.0.3.2:5001 alone, not for the server's other ports.
	# It is dropped: nobody refuses it.
	run -124 in_host server timeout 1 bash -c 'echo x >/dev/tcp/10.0.1.2/22'
	(($(dropped home unsolicited) > 0))
	run ! in_host server ping -c 1 -W 1 192.168.1.2
}

@test "a symmetric NAT gives each connection another port" {
	lab_start nat-symmetric
	watch_ports
	start echo server "$BUILD/ci/datagrams" echo 0.0.0.0 5001
	wait_for 5 bound server 5001
	in_host client bash -c 'exec 3<>/dev/udp/10.0.3.2/5001 4<>/dev/udp/10.0.4.2/5001
		echo x >&3; echo x >&4
		ss -Hun "dport = :5001" | awk "{ sub(/.*:/, \"\", \$3); print \$3 }" >"$0"' "$T/ports"
	wait_for 5 eval '[[ $(noted udp_ports) == *,* ]]'
	local port
	[[ $(wc -l <"$T/ports") -eq 2 ]]
	while read -r port; do
		[[ $(noted udp_ports) != *"$port"* ]]
	done <"$T/ports"
}

@test "two NATs in a row: the outer one's address is seen, and answers come back" {
	lab_start nat-double
	watch_ports
	tcp_passes "$SERVER1"
	udp_passes "$SERVER2"
	[[ $(noted sources) == 10.0.1.2 ]]
}

@test "each box passes what its rules pass" {
	local box udp middle dropped_as row
	while read -r box udp middle dropped_as; do
		row="$box: UDP $udp, TCP in the middle $middle"
		echo "$row"
		lab_start "$box"
		tcp_passes "$SERVER1"
		# Nor does it let anybody in.
		run -124 in_host server timeout 1 bash -c 'echo x >/dev/tcp/192.168.1.2/22'
		(($(dropped home unsolicited) > 0))
		if [[ $udp == pass ]]; then
			udp_passes "$SERVER1"
		else
			! udp_passes "$SERVER1" || false
			(($(dropped home udp) > 0))
		fi
		hide_syns home
		if [[ $middle == pass ]]; then
			tcp_passes "$SERVER1"
		else
			! PASSES=3 tcp_passes "$SERVER1" || false
			(($(dropped home "$dropped_as") > 0))
		fi
		"$LAB_BIN" down --name "$LAB"
	done <<-TABLE
		firewall-strict       pass  drop  invalid
		firewall-unknown-tcp  pass  drop  unknown-tcp
		firewall-no-udp       drop  pass
	TABLE
	unset LAB
}

# A lab of one box and its events.
lab_with() { # SCENARIO EVENTS
	LAB=${CI_PREFIX:-ci$$}-${BATS_SUITE_TEST_NUMBER:-0}
	T=$BATS_TEST_TMPDIR
	sed '$d' "$ROOT/lab/scenarios/$1.json" >"$T/lab.json"
	echo ", \"events\": [ $2 ] }" >>"$T/lab.json"
	"$LAB_BIN" up --name "$LAB" "$T/lab.json"
}

pings() { # SOURCE
	in_host client ping -c 1 -W 1 -I "$1" "$SERVER1"
}

@test "a NAT that rebinds gives what goes on another port, and forgets what it knew" {
	lab_with nat-one '{ "at_s": 0, "nat": "home", "action": "rebind" }'
	watch_ports
	start echo server "$BUILD/ci/datagrams" echo "$SERVER1" 5001
	wait_for 5 bound server 5001
	start source client "$BUILD/ci/datagrams" send "$SERVER1" 5001 --sizes 100 --repeat 40 \
		--gap-us 50000
	start sink server "$BUILD/ci/stream" listen "$SERVER1" 5001 --verify 1
	wait_for 5 listening server 5001
	start stream client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 1
	sleep 0.5
	local before
	before=$(noted udp_ports)
	[[ $before != *,* ]]
	"$LAB_BIN" play --name "$LAB"
	finish source
	[[ $(noted udp_ports) == *,* ]]
	# The connection's packets are of no connection any more.
	(($(dropped home invalid) > 0))
	tcp_passes "$SERVER2"
}

# bats test_tags=virtual-time
@test "events come at their times: links, NICs, addresses, rates" {
	lab_with nat-one '
		{ "at_s": 0.5, "link": "client.eth1", "action": "down" },
		{ "at_s": 2.5, "link": "client.eth1", "action": "up" },
		{ "at_s": 2.5, "link": "client.eth0", "action": "rate", "rate_mbit": 7, "direction": "up" },
		{ "at_s": 3.0, "nic": "client.eth0", "action": "down" },
		{ "at_s": 3.5, "nic": "client.eth0", "action": "up" },
		{ "at_s": 3.5, "nic": "client.eth0", "action": "change", "address": "192.168.1.7/24" },
		{ "at_s": 3.5, "nic": "client.eth1", "action": "add", "address": "192.168.2.9/24" },
		{ "at_s": 4.0, "nic": "client.eth1", "action": "remove" }'
	"$LAB_BIN" play --name "$LAB" >"$T/play.out" 3>&- &
	local pid=$! start
	start=$(milliseconds)
	at() { # SECONDS: sleeps until then
		local wait=$((start + $1 - $(milliseconds)))
		((wait <= 0)) || sleep "$(awk "BEGIN { print $wait / 1000 }")"
	}
	pings 192.168.2.2
	at 700
	# The kernel says so within a second.
	wait_for 1.5 eval "in_host client ip -br link show eth1 | grep -q NO-CARRIER"
	run ! pings 192.168.2.2
	at 2700
	pings 192.168.2.2
	in_host home tc qdisc show dev in0.up1 | grep -q 'rate 7Mbit'
	in_host home tc qdisc show dev in0 | grep -q 'rate 20Mbit'
	at 3200
	[[ $(in_host client ip -4 route show default) == *"dev eth1"* ]]
	in_host client ping -c 1 -W 1 "$SERVER1"
	at 3700
	pings 192.168.1.7
	pings 192.168.2.2
	pings 192.168.2.9
	run ! pings 192.168.1.2
	at 4200
	pings 192.168.2.9
	run ! pings 192.168.2.2
	in_host client ip -4 route show default | grep -q 'dev eth1 .*src 192.168.2.9'
	wait "$pid"
	cat "$T/play.out"
	[[ $(wc -l <"$T/play.out") -eq 8 ]]
	[[ $(head -1 "$T/play.out") == *"0.500 s  link client.eth1 down" ]]
}

@test "play: a lab without events, and Ctrl-C" {
	lab_start nat-one
	run "$LAB_BIN" play --name "$LAB"
	[[ $status -eq 1 && $output == "lab: lab $LAB has no events or changing rates to play" ]]
	"$LAB_BIN" down --name "$LAB"

	lab_with nat-one '{ "at_s": 60, "nat": "home", "action": "rebind" }'
	"$LAB_BIN" play --name "$LAB" 2>"$T/play.err" 3>&- &
	local pid=$! status=0
	sleep 0.3
	kill -INT "$pid"
	wait "$pid" || status=$?
	[[ $status -eq 1 ]]
	grep -q "interrupted" "$T/play.err"
	"$LAB_BIN" draw "$T/lab.json" | grep -q '60.000 s  nat home rebind'
}
