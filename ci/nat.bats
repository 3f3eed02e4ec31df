#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# MPIP through NATs and firewalls (paper 3.7.2, 3.8.1, 3.8.2):
#
#     client eth0 192.168.1.2 ---+                     +--- 10.0.3.2 eth0 server
#                                | box, box ... core --|
#     client eth1 192.168.2.2 ---+                     +--- 10.0.4.2 eth1 server
#
# OUTCOMES is the table of boxes and wire forms, with what each must come to; mpip/README.md shows
# the same one. "any" is the default: a form that does not work on a path is followed by another.
#
#   paths     so many paths in use at either end, each with at least 10 % of the bytes; or "regular"
#   fallback  when MPIP's packets are lost, after NAT_SECONDS of multipath, the connection goes on
#             on its own addresses and ports, through the same box
#   back      when they get through again, it becomes multipath again
#
# Waiting is for busy machines, where everything takes longer; what an application feels is the limit, beside
# what the machine itself is late.
#
# In every case every byte is right, in both directions at once, and no application waits for 3 s.

# bats file_tags=full

bats_require_minimum_version 1.5.0
load common.bash

# Multipath before the fallback, in seconds; 60 for the long form.
NAT_SECONDS=${NAT_SECONDS:-3}
# Boxes may keep one path of several from growing as fast as the others.
SHARE=10

OUTCOMES='
  box                   form      paths    fallback  back
  nat-one               udp       4        yes       yes
  nat-one               fake-tcp  4        yes       yes
  nat-two               udp       4        yes       yes
  nat-two               fake-tcp  4        yes       yes
  nat-symmetric         udp       4        yes       yes
  nat-symmetric         fake-tcp  4        yes       yes
  nat-double            udp       4        yes       yes
  nat-double            fake-tcp  4        yes       yes
  nat-lenient           udp       4        yes       yes
  nat-lenient           fake-tcp  4        yes       yes
  nat-lenient           literal   4        yes       yes
  nat-rebind            udp       4        -         -
  nat-rebind            fake-tcp  4        -         -
  nat-private-server    udp       2        yes       yes
  nat-private-server    fake-tcp  2        yes       yes
  firewall-strict       udp       4        yes       yes
  firewall-strict       fake-tcp  4        yes       yes
  firewall-unknown-tcp  udp       4        yes       yes
  firewall-unknown-tcp  fake-tcp  4        yes       yes
  firewall-unknown-tcp  literal   4        yes       yes
  firewall-no-udp       udp       regular  -         -
  firewall-no-udp       fake-tcp  4        yes       yes
  firewall-no-udp       literal   4        yes       yes
  firewall-no-udp       any       4        yes       yes
'

# outcome COLUMN: of the row that the test is named by.
outcome() {
	awk -v row="${BATS_TEST_DESCRIPTION//,/}" -v column="$1" '
		NF && !n { for (n = 1; n <= NF; n++) name[n] = $n; next }
		$1 " " $2 == row { for (i = 1; i <= NF; i++) if (name[i] == column) print $i }
	' <<<"$OUTCOMES"
}

# The connection's session at a host, by a key of it.
session() { # HOST KEY
	local local_end remote_end
	read -r _ _ local_end remote_end < <(in_host "$1" ss -Hnt state established \
		"( sport = :5001 or dport = :5001 )")
	ctl "$1" sessions "sessions[src=$local_end,dst=$remote_end].$2"
}

# "PATH BYTES" of the session's paths at a host.
sent_by_path() { # HOST
	local row
	row="paths[session_id=$(session "$1" session_id)]"
	in_host "$1" "$MPIPCTL" --json paths >"$T/paths.json"
	paste <("$BUILD/ci/json" "$row.path" <"$T/paths.json") \
		<("$BUILD/ci/json" "$row.sent_bytes" <"$T/paths.json")
}

has_paths() { # HOST COUNT
	[[ $(session "$1" state) == multipath && $(session "$1" paths_in_use) -ge $2 ]]
}

is_regular() { # HOST
	[[ $(session "$1" state) == regular ]]
}

# Nothing but the connection's own addresses and ports is in use; in the form `literal` these are a
# path's, too.
is_back_on_its_own() { # HOST FORM
	is_regular "$1" || [[ $2 == literal && $(session "$1" paths_in_use) -le 1 ]]
}

# No path of a host leads to one of its own addresses, though the other end may have the same.
no_path_to_itself() { # HOST
	local own
	own=$(in_host "$1" ip -4 -o addr show scope global | awk '{ sub(/\/.*/, "", $4); print $4 }')
	! ctl "$1" paths "paths[].dst" | cut -d: -f1 | grep -Fx "$own"
}

# So many paths carried their share between two lists of sent_by_path: shares BEFORE AFTER COUNT
shares() {
	awk -v limit="$SHARE" -v count="$3" '
		NR == FNR { before[$1] = $2; next }
		{ bytes[$1] = $2 - before[$1]; sum += bytes[$1] }
		END {
			for (path in bytes) {
				percent = sum ? 100 * bytes[path] / sum : 0
				printf "path %d: %.1f %%\n", path, percent
				if (percent >= limit) good++
			}
			exit good < count
		}' <(echo "$1") <(echo "$2")
}

# Bytes that the client's application has read and written so far, by its socket.
moved() {
	in_host client ss -Hnti "dport = :5001" |
		grep -o 'bytes_\(acked\|received\):[0-9]*' | cut -d: -f2 | awk '{ n += $1 } END { print n }'
}

# The connection goes on: it moves so many kB more in both directions together. moves KB
moves() {
	local before
	before=$(moved)
	wait_for 3 eval "(( \$(moved) - $before >= $1 * 1000 ))"
}

start_transfer() { # CONFIG
	local host
	for host in client server; do
		mpipd_launch "$host" "$1"
	done
	for host in client server; do
		mpipd_ready "$host"
	done
	start sender server "$BUILD/ci/stream" listen "$SERVER1" 5001 --generate 1 --verify 2
	wait_for 5 listening server 5001
	start receiver client "$BUILD/ci/stream" connect "$SERVER1" 5001 --generate 2 --verify 1
}

# Both ends have compared every byte; and neither waited for long.
end_transfer() {
	local name
	for name in sender receiver; do
		kill "${STARTED[$name]}"
	done
	for name in sender receiver; do
		finish "$name"
		waited_less 2999 "$REPORT"
	done
}

# MPIP's packets no longer pass the core: what is left is the connection's own pair of endpoints.
lose_multipath() {
	local client_end
	read -r _ _ _ client_end < <(in_host server ss -Hnt state established "sport = :5001")
	in_host core nft -f - <<-RULES
		table ip ci {
			chain loss {
				type filter hook forward priority -10;
				ip saddr $SERVER1 ip daddr ${client_end%:*} tcp sport 5001 tcp dport ${client_end#*:} accept
				ip daddr $SERVER1 ip saddr ${client_end%:*} tcp dport 5001 tcp sport ${client_end#*:} accept
				meta l4proto { tcp, udp } drop
			}
		}
	RULES
}

lose_no_more() {
	in_host core nft delete table ip ci
}

row() {
	local form paths config before_client before_server host id
	form=$(outcome form) paths=$(outcome paths)
	lab_start "$(outcome box)"
	config="{\"wire_form\": \"$form\", \"scheduler\": \"fixed\", \"wire_fallback\": false}"
	[[ $form != any ]] || config='{"scheduler": "fixed"}'
	start_transfer "$config"

	if [[ $paths == regular ]]; then
		sleep "$NAT_SECONDS"
		for host in client server; do
			is_regular "$host"
			[[ -n $(session "$host" reason) ]]
			session "$host" reason
		done
		moves 500
		end_transfer
		return
	fi

	for host in client server; do
		wait_for 20 has_paths "$host" "$paths"
	done
	id=$(session client session_id)
	if grep -q '"events"' "$ROOT/lab/scenarios/$(outcome box).json"; then
		"$LAB_BIN" play --name "$LAB"
		for host in client server; do
			wait_for 10 has_paths "$host" "$paths"
		done
	fi
	before_client=$(sent_by_path client)
	before_server=$(sent_by_path server)
	sleep "$NAT_SECONDS"
	for host in client server; do
		wait_for 10 has_paths "$host" "$paths"
		no_path_to_itself "$host"
	done
	# Recognised by node and session: there was no second handshake.
	[[ $(session client session_id) == "$id" && $(session server session_id) == "$id" ]]
	shares "$before_client" "$(sent_by_path client)" "$paths"
	shares "$before_server" "$(sent_by_path server)" "$paths"

	if [[ $(outcome fallback) == yes ]]; then
		lose_multipath
		for host in client server; do
			wait_for 5 is_back_on_its_own "$host" "$form"
		done
		moves 500
		is_back_on_its_own client "$form"
	fi
	if [[ $(outcome back) == yes ]]; then
		lose_no_more
		for host in client server; do
			wait_for 20 has_paths "$host" "$paths"
		done
	fi
	end_transfer
}

@test "nat-one udp" { row; }
@test "nat-one fake-tcp" { row; }
@test "nat-two udp" { row; }
@test "nat-two fake-tcp" { row; }
@test "nat-symmetric udp" { row; }
@test "nat-symmetric fake-tcp" { row; }
@test "nat-double udp" { row; }
@test "nat-double fake-tcp" { row; }
@test "nat-lenient udp" { row; }
@test "nat-lenient fake-tcp" { row; }
@test "nat-lenient literal" { row; }
@test "nat-rebind udp" { row; }
@test "nat-rebind fake-tcp" { row; }
@test "nat-private-server udp" { row; }
@test "nat-private-server fake-tcp" { row; }
@test "firewall-strict udp" { row; }
@test "firewall-strict fake-tcp" { row; }
@test "firewall-unknown-tcp udp" { row; }
@test "firewall-unknown-tcp fake-tcp" { row; }
@test "firewall-unknown-tcp literal" { row; }
@test "firewall-no-udp udp" { row; }
@test "firewall-no-udp fake-tcp" { row; }
@test "firewall-no-udp literal" { row; }
@test "firewall-no-udp any" { row; }

@test "every row of the table is a test" {
	local box form
	while read -r box form _; do
		[[ -z $box || $box == box ]] || grep -q "^@test \"$box $form\" { row; }$" "$BATS_TEST_FILENAME"
	done <<<"$OUTCOMES"
}
