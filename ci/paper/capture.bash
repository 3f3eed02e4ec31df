# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Looking at the wire: captures, and the control messages in them.

# capture NAME HOST NIC FILTER...: from now on, into $T/NAME.pcap.
capture() {
	local name=$1 host=$2 nic=$3
	shift 3
	start "$name" "$host" tcpdump -i "$nic" -U -s 0 -w "$T/$name.pcap" --immediate-mode "$@"
	wait_for 5 test -s "$T/$name.pcap"
}

# capture_client: from now on, all that passes the client's NICs. captured: that ends, in $T/wire.pcap.
capture_client() {
	capture c0 router c0 -B 16384 ip
	capture c1 router c1 -B 16384 ip
}
captured() {
	end c0 || true
	end c1 || true
	mergecap -F pcap -w "$T/wire.pcap" "$T/c0.pcap" "$T/c1.pcap"
}

# four_in_use HOST
four_in_use() {
	[[ $(ctl "$1" paths "paths[state=in use].path" | sort -u | wc -l) -ge 4 ]]
}

# upload BYTES: from the client to the server, over one connection: most of them when all paths are in
# use, however long that takes.
upload() {
	head -c "$1" /dev/urandom >"$T/data"
	rm -f "$T/all-paths"
	start receiver server "$BUILD/ci/stream" listen "$SERVER1" 5001 --receive "$T/received"
	wait_for 5 listening server 5001
	start sender client "$BUILD/ci/stream" connect "$SERVER1" 5001 --send "$T/data" --until "$T/all-paths"
	wait_for 3 four_in_use client
	wait_for 3 four_in_use server
	touch "$T/all-paths"
	finish sender
	finish receiver
	same "$T/data" "$T/received"
}

# dissect FILE [OPTION...]: what tshark makes of $T/FILE.
dissect() {
	local file=$1
	shift
	tshark -X "lua_script:$ROOT/mpip/wireshark/mpip.lua" -r "$T/$file" "$@" 2>"$T/tshark.err"
	! grep -i lua "$T/tshark.err" >&2
}

# payloads NAME: each UDP datagram's payload as hexadecimal digits, with its source and destination.
payloads() {
	tshark -r "$T/$1.pcap" -d udp.port==5280,data -T fields -e ip.src -e ip.dst -e data.data \
		-Y 'udp.port == 5280' 2>/dev/null
}

# cms NAME FLAG [SOURCE]: how many datagrams to the wire port have a CM with this bit in its flags;
# FLAG 0: any flags.
cms() {
	payloads "$1" | awk -v flag="$2" -v source="${3:-}" '
		function digit(s, i) { return index("0123456789abcdef", substr(s, i, 1)) - 1 }
		{
			n = length($3)
			if (n < 56 || substr($3, n - 9, 1) != "1" || (source && $1 != source)) next
			flags = 16 * digit($3, n - 11) + digit($3, n - 10)
			if (!flag || int(flags / flag) % 2) count++
		}
		END {print count + 0}'
}
