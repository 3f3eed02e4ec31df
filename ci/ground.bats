#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The vm ground, by a user who has nothing but a copy of this directory: no root, no sudo, no home.
# All tests share that copy, its image of the guest, and its experiment `small`, of one second.

# bats file_tags=host,full,beside

bats_require_minimum_version 1.5.0

# A test that hangs must not hang the suite.
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-600}

NOBODY=65534

setup_file() {
	local root build kernel
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	build=${BUILD:-build}
	[[ $build == /* ]] || build=$root/$build
	[[ -z ${SANITIZE:-} ]] || skip "the guest's image is for programs without sanitizers"
	# Not in a directory of bats, which are closed to others.
	PLACE=$(mktemp -d "${TMPDIR:-/tmp}/mpip-ground.XXXXXX")
	chmod 755 "$PLACE"
	# A folder has any name, and nothing is put together for a shell as text.
	export PLACE COPY="$PLACE/a copy's \"\$HOME\" #1 %2; é" CACHE=$PLACE/cache
	mkdir -p "$COPY/build" "$CACHE"
	tar -C "$root" --exclude ./.git --exclude ./out --exclude './build*' -cf - . | tar -C "$COPY" -xpf -
	tar -C "$build" --exclude ./vm --exclude ./asan -cf - . | tar -C "$COPY/build" -xpf -
	# What is fetched or built once: it is there, as for anybody's second run.
	kernel=$(cd "$root" && BUILD=$build lab/vm/kernel.sh && BUILD=$build lab/vm/time-travel.sh)
	kernel=${kernel##*$'\n'}
	mkdir "$CACHE/mpip"
	for kernel in "${kernel%/*}"/linux-image-* "$kernel"; do
		[[ ! -d $kernel ]] || cp -al "$kernel" "$CACHE/mpip/" 2>/dev/null || cp -a "$kernel" "$CACHE/mpip/"
	done
	small cubic
	[[ $(id -u) -ne 0 ]] || chown -R --no-dereference "$NOBODY:$NOBODY" "$COPY"
	[[ $(id -u) -ne 0 ]] || chown "$NOBODY:$NOBODY" "$PLACE" "$CACHE" "$CACHE/mpip"
}

teardown_file() {
	[[ -z ${PLACE:-} ]] || rm -rf "$PLACE"
}

setup() {
	cd "$COPY" || return
	T=$PLACE/$BATS_TEST_NUMBER
	mkdir "$T"
	[[ $(id -u) -ne 0 ]] || chown "$NOBODY:$NOBODY" "$T"
	RUN=out/small/mpip+mptcp-r01-s1-d1-vm1
}

# small CONGESTION-CONTROL: writes the experiment.
small() {
	cat >"$COPY/experiments/small.json" <<-END
		{ "title": "t", "scenario": "../lab/scenarios/dual-nic.json",
		  "workload": { "kind": "tcp", "congestion_control": "$1" },
		  "duration_s": 1, "repeats": 1, "gips": 1,
		  "contestants": [ { "name": "plain" }, { "name": "mpip+mptcp", "mptcp": true, "mpipd": {} } ] }
	END
}

# user CMD...: as somebody without any rights, with no place but the copy.
user() {
	local who=()
	[[ $(id -u) -ne 0 ]] ||
		who=(setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups --inh-caps=-all)
	"${who[@]}" env -u BUILD -u MAKEFLAGS -u MAKELEVEL -u TESTS HOME=/nonexistent \
		XDG_CACHE_HOME="$CACHE" TMPDIR="$T" "$@"
}

experiment() {
	user build/experiments/experiment --ground vm "$@" experiments/small.json
}

# Both cores, until busy_end.
busy() {
	local i
	BUSY=()
	for i in 1 2 3; do
		(exec 3>&- 4>&-; while :; do :; done) &
		BUSY+=($!)
	done
}

busy_end() {
	kill -KILL "${BUSY[@]}"
	wait "${BUSY[@]}" 2>/dev/null || true
	BUSY=()
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || echo "${output:-}"
	((${#BUSY[@]} == 0)) || busy_end
}

@test "ground: an ordinary user without sudo runs an experiment in a guest, and gets the table" {
	run -0 user make experiment NAME=two-nics GROUND=vm GIPS=1 DURATION=2 REPS=1 ONLY=plain
	[[ $output == *"two-nics: ground vm (asked for)"* && $output != *uncalibrated* ]]
	[[ $output =~ plain\ +1(\ \(1\ limited\))?\ +9[0-9]\.[0-9] ]]
	[[ -s out/figures/two-nics.svg && -s out/two-nics/calibration.json ]]
	run -0 user build/experiments/check-result experiments/result.schema.json out/two-nics/*/result.json
}

@test "ground: the same again has the same digest, beside busy cores too; another seed has another" {
	experiment --only mpip+mptcp
	experiment --only mpip+mptcp --seed 2
	busy
	run -0 user make reproduce RUN="$RUN"
	busy_end
	local first other
	first=$(build/ci/json digest <"$RUN/result.json")
	other=$(build/ci/json digest <"${RUN/s1/s2}/result.json")
	[[ $output == *"equal: $first"* && ${#first} -eq 64 && $first != "$other" ]]
	[[ -z $(find "$T" -name 'mpip-*') ]]
}

@test "ground: where the processor takes no time, the digest is the same, too, and nothing is said of its load" {
	experiment --gips 0 --only mpip+mptcp
	busy
	run -0 user make reproduce RUN="${RUN/vm1/vm0}"
	busy_end
	[[ $output == *"equal: "* ]]
	grep -q '"cpu": null' "${RUN/vm1/vm0}/result.json"
	run -0 user build/experiments/check-result experiments/result.schema.json "${RUN/vm1/vm0}/result.json"
}

@test "ground: BBR runs in a guest, on all of MPTCP's subflows too, and its state is in the result" {
	sed 's/"cubic"/"bbr"/; s/"name": "mpip+mptcp", "mptcp": true, "mpipd": {}/"name": "mptcp", "mptcp": true/' \
		experiments/small.json >experiments/bbr.json
	run -0 user build/experiments/experiment --ground vm --gips 0 --duration 3 experiments/bbr.json
	local each name result key
	for each in "plain 1" "mptcp 4"; do
		name=${each% *} result=out/bbr/${each% *}-r01-s1-d3-vm0/result.json
		[[ $(build/ci/json marks <"$result") == "[]" ]] || { build/ci/json marks <"$result"; return 1; }
		[[ $(build/ci/json "tcp.connections[].congestion_control" <"$result" | uniq -c) == *" ${each#* } bbr" ]]
		# the shortest round trip is 0 where no processor takes time
		for key in bandwidth_mbit pacing_gain cwnd_gain; do
			[[ $(build/ci/json "tcp.connections[].bbr.$key" <"$result" | awk '$1 > 0 {n++} END {print n}') == "${each#* }" ]] ||
				{ echo "$name: $key"; build/ci/json tcp.connections <"$result"; return 1; }
		done
		run -0 user build/experiments/check-result experiments/result.schema.json "$result"
	done
}

@test "ground: mpipd takes a packet that comes alone, and what TCP answers, in one turn" {
	sed 's/"mpipd": {}/"mpipd": { "wire_form": "fake-tcp" }/' experiments/small.json \
		>experiments/small-fake-tcp.json
	user build/experiments/experiment --ground vm --gips 0 --only mpip+mptcp \
		experiments/small-fake-tcp.json
	local io=mpipd.hosts.client.stats.io turns from_hook from_host
	local result=out/small-fake-tcp/mpip+mptcp-r01-s1-d1-vm0/result.json
	turns=$(build/ci/json $io.turns <"$result")
	from_hook=$(build/ci/json $io.hook_reads <"$result")
	from_host=$(build/ci/json $io.tun_reads <"$result")
	echo "$turns turns, $from_hook packets from the networks, $from_host from TCP"
	((turns > 1000 && turns < (from_hook + from_host) * 3 / 4))
}

# slow NAME EVENTS WORKLOAD: an experiment of 2 s with 20 packets of queue that hold two seconds.
slow() {
	sed "s/\"rate_mbit\": 10,/\"rate_mbit\": 0.114,/; s/\"queue_packets\": 50/\"queue_packets\": 20/;
		s/^}/, \"events\": [ $2 ] }/" lab/scenarios/one-path.json >"experiments/$1-link.json"
	cat >"experiments/$1.json" <<-END
		{ "title": "t", "scenario": "$1-link.json", "workload": $3, "duration_s": 2, "repeats": 1,
		  "contestants": [ { "name": "plain" } ] }
	END
}

# A second of iperf3 asking without a pause took minutes: with the queue's two, it would not end.
@test "ground: a run ends whose last word waits behind a full queue, and 0 is never left before" {
	slow drains '' '{ "kind": "udp", "rate_mbit": 30, "datagram_bytes": 1400 }'
	run -0 timeout 200 script -qec "$(declare -p NOBODY CACHE T); $(declare -f user)
		user build/experiments/experiment --ground vm --gips 0 experiments/drains.json" "$T/screen"
	tr '\r' '\n' <"$T/screen" | grep 'of 2 runs done, [1-9].* left' | tee "$T/left"
	[[ -s $T/left ]]
	run -1 grep -E '[; ]0 s left' "$T/left"
}

@test "ground: a run whose only link is down at its end fails under a name" {
	slow dead '{ "at_s": 1, "link": "client.eth0", "action": "down" }' '{ "kind": "tcp" }'
	run -1 user timeout 200 build/experiments/experiment --ground vm --gips 0 experiments/dead.json
	[[ $output == *"client: iperf3 is not done 30 s after its time"* ]]
}

@test "ground: a byte changed in a log is noticed, and the run is reproduced without it" {
	user cp -r "$RUN" "$T/changed"
	user sed -i '2s/[0-9]/x/' "$T/changed/witness.csv"
	run -1 user build/experiments/check-result experiments/result.schema.json "$T/changed/result.json"
	[[ $output == "$T/changed/result.json: digest: expected "*", as its logs make it, got "* ]]
	run -0 user make reproduce RUN="$T/changed"
	[[ $output == *": a log has been changed since"*"equal: "* ]]
}

@test "ground: what cannot be reproduced is refused in one line" {
	small reno
	run -1 user build/experiments/experiment --reproduce "$RUN"
	small cubic
	[[ ${#lines[@]} -eq 1 && $output == "$RUN/result.json: "*"has changed since"* ]]
	run -1 user build/experiments/experiment --reproduce out/nowhere
	[[ ${#lines[@]} -eq 1 && $output == "out/nowhere/result.json: "* ]]
	run ! user make reproduce
	[[ $output == "RUN=: expected the directory of a run"* ]]
}

@test "ground: a wrong ground or speed is one line, and nothing is run" {
	local wrong
	run ! user make experiment NAME=small OUT="$T/out" GROUND=moon
	[[ $output == *"ground moon: expected host, vm or auto"* && ! -e $T/out ]]
	for wrong in "--gips -1" "--gips 65" "--gips 0 --twice" "--gips fast" "--gips 33 --twice" "--jobs 0"; do
		# shellcheck disable=SC2086
		run -2 experiment --out "$T/out" $wrong
		[[ $output == *"expected "* && ! -e $T/out ]] || { echo "$wrong: $output"; return 1; }
	done
	run ! user make calibrate GROUND=moon
	[[ $output == *"ground moon: expected host, vm or auto"* ]]
	run ! user make calibrate GROUND=vm GIPS=65
	[[ $output == *"GIPS=65: expected a whole number from 0 to 64"* ]]
	run ! user make converge NAME=small GROUND=host
	[[ $output == *"GROUND=host: expected vm"* ]]
}

@test "ground: a guest that has too little memory is one line with its console's place, and no result" {
	run -1 user env MEMORY_MB=80 build/experiments/experiment --ground vm --out "$T/out" --only plain \
		experiments/small.json
	[[ $output == *"failed: the guest"*"; its console is in "* && $output != *"last lines"* ]]
	[[ -s $T/out/small/failed/plain-r01-s1-d1-vm1/out/.guest/console ]]
	[[ -z $(find "$T/out" -name result.json) && -z $(find "$T/out/small" -maxdepth 1 -name '*guest*') ]]
}

@test "ground: auto says which and why, and goes where delay can be had" {
	local said
	said=$(build/lab/lab ground lab/scenarios/dual-nic-5ms.json 2>&1 >"$T/ground")
	if [[ $(<"$T/ground") == vm ]]; then
		[[ $said == "lab: ground vm (auto: "*" needs sch_netem, which this kernel lacks)" || $(id -u) -ne 0 ]]
	else
		[[ $said == "lab: ground host (auto: this kernel has sch_netem, which "* ]]
	fi
	command -v sudo >/dev/null && return
	run -0 user build/lab/lab ground lab/scenarios/dual-nic.json
	[[ $output == *"lab: ground vm (auto: not root, "* ]]
}

@test "ground: make calibrate measures the links in a guest" {
	run -0 user make calibrate SCENARIO=dual-nic GROUND=vm GIPS=1 SHORT=1 OUTPUT="$T/links.json"
	[[ $output == *"lab: ground vm (asked for)"*"lab: 8 of 8: "*"every link is as configured"* ]]
	[[ $(build/ci/json good <"$T/links.json") == true ]]
}

# speed NAME GIPS GOODPUT...: results of plain as they would be at that speed.
speed() {
	local directory=$T/converge/$1/small gips=$2 rep=0 goodput names=''
	shift 2
	user mkdir -p "$directory"
	for goodput; do
		rep=$((rep + 1))
		user mkdir -p "$directory/plain-$rep"
		user sed "s/\"goodput_mbit\": [0-9.]*/\"goodput_mbit\": $goodput/; s/\"gips\": 1/\"gips\": $gips/; s/two-nics/small/" \
			out/two-nics/plain-r01-s1-d2-vm1/result.json >"$directory/plain-$rep/result.json"
		names+="${names:+, }\"plain-$rep\""
	done
	user sh -c "echo '{ \"runs\": [ $names ] }' >$directory/runs.json"
}

@test "ground: converge compares two speeds by the interval at the lower one" {
	speed once 4 95.0 96.0
	speed twice 8 95.8 95.9
	run -0 user build/analysis/analysis converge --out "$T" small
	[[ $output == *"within the interval"*"converged: twice the speed changes no mean"* ]]
	speed twice 8 195.8 195.9
	run -1 user build/analysis/analysis converge --out "$T" small
	[[ $output == *"+100.35  changes"*"not converged at 4 GIPS" ]]
	user rm -r "$T/converge/twice/small"
	speed twice 8 95.8
	run -1 user build/analysis/analysis converge --out "$T" small
	[[ $output == *"needs two runs without marks at each speed"* ]]
}
