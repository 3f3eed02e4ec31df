#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# A connection outlives what happens below it: the sudden death of mpipd at either end, and paths
# that lose everything without a word. The gap is the longest time between two reads of the
# receiving application.

load common

setup() {
	lab_start
	router_watch
}

# A download, server to client, that goes on until download_end.
download_start() { # WIRE-FORM
	mpipd_start client "{\"wire_form\": \"$1\"}"
	mpipd_start server "{\"wire_form\": \"$1\"}"
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --verify 1
	wait_for 3 is_multipath client tcp 5001
	wait_for 3 is_multipath server tcp 5001
}

download_end() { # GAP-LIMIT
	local sent
	end sender
	sent=$(field sent "$REPORT")
	finish receiver # which has compared every byte
	[[ $(field received "$REPORT") -eq $sent ]]
	waited_less "$1" "$REPORT"
}

download_paths() {
	all_path_bytes "$SERVER1" "$SERVER2" "$CLIENT1" "$CLIENT2"
}

# other_share: percent of the download's bytes that were not on the original path.
other_share() {
	awk '{all = $1 + $2 + $3 + $4; print all ? int(100 * (all - $1) / all) : 0}' <<<"$(download_paths)"
}

downloaded() {
	download_paths | awk '{print $1 + $2 + $3 + $4}'
}

# download_rate: kB/s, of a second from now.
download_rate() {
	local bytes time
	bytes=$(downloaded) time=$(milliseconds)
	sleep 1
	echo $((($(downloaded) - bytes) / ($(milliseconds) - time)))
}

# killed WHERE WIRE-FORM
killed() {
	local rate_before rate_after
	download_start "$2"
	sleep 1.5
	at_least "$(other_share)" 25 "percent of bytes on other paths than the original"
	rate_before=$(download_rate)
	mpipd_kill "$1"
	wait_for 3 eval "(( \$(download_rate) > $rate_before / 8 ))"
	rate_after=$(download_rate)
	echo "kB/s before the death of mpipd $rate_before, after it $rate_after"
	# One link in the place of two, on whatever machine.
	at_least "$rate_after" $((rate_before / 8)) "kB/s after the death of mpipd"
	download_end 2999

	# Started again, it makes the next connection multipath.
	mpipd_start "$1" "{\"wire_form\": \"$2\"}"
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --verify 1
	wait_for 3 is_multipath client tcp 5001
	download_end 999
}

# datagrams_killed WHERE WIRE-FORM: an echo, 200 datagrams a second; no end may see a byte of a CM.
datagrams_killed() {
	mpipd_start client "{\"wire_form\": \"$2\"}"
	mpipd_start server "{\"wire_form\": \"$2\"}"
	start echo server "$BUILD/ci/datagrams" echo "$SERVER1" 5002
	wait_for 5 bound server 5002
	start pinger client "$BUILD/ci/datagrams" send "$SERVER1" 5002 --sizes 20,1000 \
		--gap-us 5000 --repeat 250 --until "$T/begin-$1-$2"
	wait_for 3 is_multipath client udp 5002
	touch "$T/begin-$1-$2"
	sleep 0.5
	mpipd_kill "$1"
	finish pinger
	[[ $(field wrong "$REPORT") -eq 0 && $(field duplicates "$REPORT") -eq 0 ]]
	# The fallback may cost those of one second, and of what the machine is late.
	local lost=$(($(field sent "$REPORT") - $(field received "$REPORT")))
	within "$lost" 0 $((200 + 10 * $(field late_ms "$REPORT") / 5)) "datagrams lost"
	at_least "$(field received "$REPORT")" 150 "datagrams that came back"
	end echo
	[[ $(field wrong "$REPORT") -eq 0 && $(field duplicates "$REPORT") -eq 0 ]]
	mpipd_stop "${!MPIPD_PID[@]}"
}

# left WHERE WIRE-FORM: mpipd leaves properly while a download goes on.
left() {
	download_start "$2"
	sleep 1
	mpipd_stop "$1"
	sleep 1.5
	download_end 999
	mpipd_stop "${!MPIPD_PID[@]}"
}

four_in_use() { # HOST
	[[ $(ctl "$1" paths "paths[state=in use].path" | sort -u | wc -l) -ge 4 ]]
}

# Each of the four paths has carried more than heartbeats since BYTES were read.
all_carry() { # BYTES
	awk '{for (i = 1; i <= 4; i++) if ($i - $(i + 4) < 3000) exit 1}' <<<"$(download_paths) $1"
}

# lost FROM TO [FROM TO]: a while of loss; 5 s later at the latest all is as before.
lost() {
	local before
	echo "lost: $*"
	lose "$1" "$2"
	[[ $# -eq 2 ]] || lose "$3" "$4"
	sleep 1.5
	lose_nothing
	wait_for 5 eval "four_in_use client && four_in_use server"
	before=$(download_paths)
	wait_for 2 all_carry "$before"
}

# A path, one direction after the other and both at once; then a NIC.
paths_lost() { # WIRE-FORM
	download_start "$1"
	sleep 1
	lost "$SERVER1" "$CLIENT1" # the original path's data
	lost "$CLIENT1" "$SERVER1" # its acknowledgements
	lost "$SERVER1" "$CLIENT1" "$CLIENT1" "$SERVER1"
	lost "$SERVER2" "$CLIENT1" # another path
	lost "$SERVER2" "$CLIENT2" "$CLIENT2" "$SERVER2"
	lost any "$CLIENT1" "$CLIENT1" any # a whole NIC, the original one
	lost any "$SERVER2" "$SERVER2" any
	download_end 999
}

@test "kill -9 of the receiver's mpipd, wire form udp" { killed client udp; }
@test "kill -9 of the receiver's mpipd, wire form literal" { killed client literal; }
@test "kill -9 of the sender's mpipd, wire form udp" { killed server udp; }
@test "kill -9 of the sender's mpipd, wire form literal" { killed server literal; }

@test "kill -9 of an end's mpipd under UDP: no application reads our bytes" {
	datagrams_killed client udp
	datagrams_killed client literal
	datagrams_killed server udp
	datagrams_killed server literal
}

@test "SIGTERM of an end's mpipd in the middle of a transfer, each wire form" {
	left client udp
	left client literal
	left server udp
	left server literal
}

@test "paths and NICs that lose everything silently, wire form udp" { paths_lost udp; }
@test "paths and NICs that lose everything silently, wire form literal" { paths_lost literal; }
