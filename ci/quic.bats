#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The load over QUIC: what it measures on a link that is known, beside what ngtcp2's own programs do on
# the same; equal bits in guests; and what is wrong with a definition.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	BUILD=${BUILD:-build}
	[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
	EXPERIMENT=$BUILD/experiments/experiment
	T=$BATS_TEST_TMPDIR
	PATH=$PATH:/usr/sbin:/sbin
	SERVER='' LAB='' DELAY=''
	SIZES=2000000
}

teardown() {
	[[ -z $SERVER ]] || kill "$SERVER" 2>/dev/null || true
	[[ -z $LAB ]] || "$BUILD/lab/lab" down --name "$LAB" 2>/dev/null || true
}

root() {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for network namespaces"
}

# quic NAME WORKLOAD CONTESTANT...: an experiment of 1 s over a link of 20 Mbit/s.
quic() {
	cat >"$T/lab.json" <<-END
		{ "hosts": [ { "name": "client", "nics": [ { "name": "eth0", "address": "10.0.1.2/24" } ] },
		             { "name": "server", "nics": [ { "name": "eth0", "address": "10.0.3.2/24" } ] } ],
		  "routers": [ { "name": "router", "ports": [ { "name": "c0", "address": "10.0.1.1/24" },
		                                              { "name": "s0", "address": "10.0.3.1/24" } ] } ],
		  "links": [ { "ends": ["client.eth0", "router.c0"], "rate_mbit": 20, $DELAY "queue_packets": 100 },
		             { "ends": ["router.s0", "server.eth0"], "rate_mbit": 100 } ] }
	END
	local name=$1 workload=$2 IFS=, contestants
	shift 2
	contestants="$*"
	cat >"$T/$name.json" <<-END
		{ "title": "t", "scenario": "lab.json", "workload": { "kind": "quic", $workload },
		  "duration_s": 1, "repeats": 1, "contestants": [ $contestants ] }
	END
}

# value RUN PATH: something of its result.
value() {
	"$BUILD/ci/json" "$2" <"$T/out/$1/result.json"
}

# near VALUE OTHER PERCENT: as close as that.
near() {
	awk -v a="$1" -v b="$2" -v p="$3" 'BEGIN { d = 100 * (a / b - 1); exit !(d < p && d > -p) }' && return
	echo "$1 is not within $3 % of $2" >&2
	return 1
}

@test "quic: a transfer and requests at once, by CUBIC and BBR; results are whole and say which ran" {
	root
	local run contestant
	quic it '"direction": "both", "bulk": {}, "requests": { "response_bytes": 5000, "pause_ms": 20, "parallel": 2 }' \
		'{ "name": "cubic" }' \
		'{ "name": "bbr", "workload": { "congestion_control": "bbr", "gso": true, "max_udp_payload_bytes": 1300 } }'
	"$EXPERIMENT" --ground host --out "$T/out" "$T/it.json"
	run -0 "$BUILD/experiments/check-result" experiments/result.schema.json "$T"/out/it/*/result.json
	for contestant in cubic bbr; do
		run=it/$contestant-r01-s1-d1
		[[ $(value "$run" marks) == "[]" ]]
		[[ $(value "$run" quic.requests.failed) == 0 ]]
		(($(value "$run" quic.requests.count) >= 4))
		# Every response is checked; as many bytes as the application got, payload below the link's rate.
		awk -v f="$(value "$run" quic.forward.goodput_mbit)" -v r="$(value "$run" quic.reverse.goodput_mbit)" \
			-v g="$(value "$run" goodput_mbit)" \
			'BEGIN { exit !(f > 0 && f < 20 && r > 0 && r < 20 && f + r < g * 1.001 && f + r > g * 0.999) }'
	done
	[[ $(value it/bbr-r01-s1-d1 quic.ends.server.max_udp_payload_bytes) == 1300* ]]
	# BBR alone has a rate of its own.
	awk -v b="$(value it/bbr-r01-s1-d1 quic.ends.server.pacing_mbit)" \
		-v c="$(value it/cubic-r01-s1-d1 quic.ends.server.pacing_mbit)" 'BEGIN { exit !(b > 0 && c == 0) }'
}

# theirs BYTES: what ngtcp2's own client says of three fetches of so many bytes, each by a connection of its
# own. qlog's times are ms since the client began: of the last data of the response, and since its first.
theirs() {
	local i
	head -c "$1" /dev/zero >"$T/docs/$1"
	for i in 1 2 3; do
		ip netns exec "$LAB-client" timeout 60 gtlsclient -q --exit-on-all-streams-close \
			--qlog-file="$T/$i.qlog" 10.0.3.2 4433 "https://10.0.3.2:4433/$1" >"$T/client.log" 2>&1
		sed -n '/packet_received/ s/.*"time":\([0-9.]*\),.*"frame_type":"stream","stream_id":0,.*/\1/p' "$T/$i.qlog" |
			awk 'NR == 1 { first = $1 } { last = $1 } END { print last, last - first }'
	done | sort -n | sed -n 2p
}

# ours BYTES: the same of the first response of each of three runs. The client begins when the run does: there
# is no warm-up.
ours() {
	local i
	quic "of$1" "\"requests\": { \"response_bytes\": $1, \"pause_ms\": 1000 }" '{ "name": "plain" }'
	sed -i 's/"repeats": 1/"repeats": 3/' "$T/of$1.json"
	"$EXPERIMENT" --ground host --out "$T/out" "$T/of$1.json" >"$T/experiment.log" 2>&1 || cat "$T/experiment.log" >&2
	for i in 1 2 3; do
		awk -F, 'NR == 2 { print $4 / 1e3, ($4 - $3) / 1e3 }' "$T/out/of$1/plain-r0$i-s1-d1/quic-requests.csv"
	done | sort -n | sed -n 2p
}

# Their programs are in ngtcp2-client and ngtcp2-server, which are not installed for the tests: the latter would
# start a service on the machine. What they do is HTTP/3; library, windows and congestion control are the
# same. Their times are whole milliseconds. In a guest the link has a delay, too.
# bats test_tags=virtual-time
@test "quic: responses take as long as with ngtcp2's own programs, at the same goodput" {
	root
	command -v gtlsclient && command -v gtlsserver || skip "needs ngtcp2-client and ngtcp2-server"
	local bytes i
	declare -A them=()
	[[ -z ${VIRTUAL_TIME:-} ]] || DELAY='"delay_ms": 10,' SIZES='50000 500000 2000000'
	quic any '"bulk": {}' '{ "name": "plain" }'
	LAB=ci$$-quic
	LAB_OWNER=$$ "$BUILD/lab/lab" up --name "$LAB" "$T/lab.json"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" \
		-subj /CN=localhost 2>/dev/null
	mkdir "$T/docs"
	ip netns exec "$LAB-server" gtlsserver -q 10.0.3.2 4433 "$T/key.pem" "$T/cert.pem" -d "$T/docs" \
		>"$T/server.log" 2>&1 3>&- &
	SERVER=$!
	for ((i = 0; i < 200; i++)); do
		[[ -z $(ip netns exec "$LAB-server" ss -Hlun "sport = :4433") ]] || break
		sleep 0.05
	done
	for bytes in $SIZES; do
		them[$bytes]=$(theirs "$bytes")
	done
	"$BUILD/lab/lab" down --name "$LAB"
	LAB=''
	for bytes in $SIZES; do
		us=$(ours "$bytes")
		echo "# $bytes bytes: ms to the last, and from the first: theirs ${them[$bytes]}, ours $us" >&3
		near "${us% *}" "${them[$bytes]% *}" 5
		near "${us#* }" "${them[$bytes]#* }" 5
	done
}

# bats test_tags=host
@test "quic: in guests the same bits again" {
	quic it '"bulk": {}, "requests": { "interval_ms": 50 }' '{ "name": "bbr", "workload": { "congestion_control": "bbr" } }'
	"$EXPERIMENT" --ground vm --out "$T/out" "$T/it.json"
	run -0 make reproduce DEPS= BUILD="$BUILD" RUN="$T/out/it/bbr-r01-s1-d1-vm0"
	[[ $output == *"equal: "* ]]
	[[ $(value it/bbr-r01-s1-d1-vm0 marks) == "[]" ]]
}

@test "quic: what is wrong with a definition is told in one line each" {
	quic it '"streams": 2, "requests": { "request_bytes": 10 }' '{ "name": "plain" }' \
		'{ "name": "mptcp", "mptcp": true }' '{ "name": "other", "workload": { "bulk": 3 } }'
	run -1 "$EXPERIMENT" --check "$T/it.json"
	[[ $output == *"it.json: workload.streams: unknown key, expected kind, from, to, direction, bulk, requests, "* ]]
	sed -i 's/"streams": 2, //; s/"request_bytes": 10//' "$T/it.json"
	run -1 "$EXPERIMENT" --check "$T/it.json"
	[[ $output == *"contestants[1].mptcp: expected none: the workload is UDP"* ]]
	[[ $output == *"contestants[2].workload.bulk: expected an object"* ]]
	((${#lines[@]} == 2))
}
