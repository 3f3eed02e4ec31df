#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Who writes says so when it has not arrived: each program, each of its commands that prints, with a
# standard output on which there is no room; and each that makes files, on a disk that is full. It
# ends with a status other than 0, and one line has the reason and says where.
#
# PRINTING and SILENT have a row for each command of each program that is built; a new one that is in
# neither fails the first test. Words in capitals are what setup_file and on_host make.

load common

PRINTING='
  mpip/mpipd --help
  mpip/mpipd --version
  mpip/mpipd --print-config
  mpip/mpipctl --help
  mpip/mpipctl --version
  mpip/mpipctl status
  mpip/mpipctl --json status
  mpip/mpipctl peers
  mpip/mpipctl sessions
  mpip/mpipctl paths
  mpip/mpipctl --json paths
  mpip/mpipctl stats
  mpip/mpipctl policy list
  mpip/mpipctl monitor --help
  mpip/sim/simulate --help
  mpip/sim/simulate --version
  mpip/sim/simulate --seeds 1-2
  mpip/sim/simulate --seed 4 --trace
  lab/lab --help
  lab/lab --version
  lab/lab up --name LAB-2 SCENARIO
  lab/lab status --name LAB
  lab/lab status --name LAB --json
  lab/lab exec --name LAB client echo something
  lab/lab counters --name LAB
  lab/lab play --name LAB-3
  lab/lab calibrate --short --name LAB-4 ONE-LINK
  lab/lab calibrate --short --json --name LAB-4 ONE-LINK
  lab/lab check SCENARIO
  lab/lab draw SCENARIO
  lab/lab print SCENARIO
  lab/lab ground --ground vm SCENARIO
  lab/lab link --name LAB client.eth1 up
  lab/lab sweep
  lab/lab down --name LAB-2
  experiments/experiment --help
  experiments/experiment --version
  experiments/experiment --plan SMALL
  experiments/experiment --check SMALL
  experiments/sweep --help
  experiments/sweep --version
  experiments/sweep plan THOUSAND
  experiments/sweep check THOUSAND
  experiments/sweep list THOUSAND
  experiments/sweep status THOUSAND
  experiments/check-result --help
  experiments/check-result --version
  experiments/check-result SCHEMA RESULT
  analysis/analysis --help
  analysis/analysis --version
  analysis/analysis table --out OUT small
  analysis/analysis plot --out OUT small
  analysis/analysis cells --out OUT one
  analysis/analysis cells --csv --out OUT one
  analysis/analysis cells --json --out OUT one
  analysis/analysis map --out OUT one
  analysis/analysis compare SWEEP SWEEP
  analysis/analysis compare --csv SWEEP SWEEP
  analysis/analysis compare --json SWEEP SWEEP
  analysis/analysis converge --out OUT small
  analysis/analysis report --out OUT
  analysis/analysis paths RESULT
  analysis/analysis replay RESULT
  analysis/analysis call RESULT
  analysis/analysis skew DELAYS
  analysis/analysis skew --json DELAYS
  ci/json . <RESULT
'

# What prints nothing that could get lost, and why.
SILENT='
  lab/vm/entropy      prints nothing
  lab/vm/snapshot     runs in a guest of QEMU, as its second boot
  ci/stream           talks, and reports at its end: see the test of the tools
  ci/datagrams        the same
  ci/marks            the same
  ci/icmp_errors      the same
  ci/tags             the same
  ci/cm_sender        prints nothing; its copy is a file
  ci/unix_peer        plays one end of a control socket: see host.bats
'

setup_file() {
	[[ $(id -u) -eq 0 ]] || return 0
	local made=$BATS_FILE_TMPDIR
	one_link >"$made/one-link.json"
	cat >"$made/small.json" <<-END
		{ "title": "t", "scenario": "$ROOT/lab/scenarios/dual-nic.json",
		  "workload": { "kind": "call", "audio": {}, "video": { "rate_mbit": 0.5 } },
		  "warm_up_s": 1, "duration_s": 1, "repeats": 1, "contestants": [ { "name": "mpip", "mpipd": {} } ] }
	END
	"$BUILD/experiments/experiment" --ground host --out "$made/out" "$made/small.json" 2>"$made/log" ||
		{ cat "$made/log"; return 1; }
	awk 'BEGIN { print "sent_us,delay_us"; for (i = 0; i < 1000; i++) print i * 1e5 "," 1000 + i % 7 }' >"$made/delays.csv"
	"$ROOT/ci/made-up-sweep.sh" "$made/out/sweeps/one" delays=2 rates=2
	local speed rep
	for speed in once:4 twice:8; do
		for rep in 1 2; do
			mkdir -p "$made/out/converge/${speed%:*}/small/mpip-$rep"
			sed "s/\"gips\": [0-9.]*/\"gips\": ${speed#*:}/; s/\"ground\": \"host\"/\"ground\": \"vm\"/;
				s/\"goodput_mbit\": [0-9.]*/\"goodput_mbit\": 9$rep/; s/\"vm\": null/\"vm\": { \"gips\": ${speed#*:} }/
				s/\"marks\": \[[^]]*\]/\"marks\": []/" "$made"/out/small/mpip-*/result.json \
				>"$made/out/converge/${speed%:*}/small/mpip-$rep/result.json"
		done
		echo '{ "runs": [ "mpip-1", "mpip-2" ] }' >"$made/out/converge/${speed%:*}/small/runs.json"
	done
}

# A lab of one link, which takes a second to calibrate.
one_link() {
	cat <<-'END'
		{ "hosts": [ { "name": "client", "nics": [ { "name": "eth0", "address": "10.0.1.2/24" } ] } ],
		  "routers": [ { "name": "router", "ports": [ { "name": "c0", "address": "10.0.1.1/24" } ] } ],
		  "links": [ { "ends": ["client.eth0", "router.c0"], "rate_mbit": 10 } ],
		  "events": [ { "at_s": 0, "link": "client.eth0", "action": "down" } ] }
	END
}

setup() {
	FULL_DISK=
	[[ $(id -u) -eq 0 ]] || skip "needs root, for network namespaces and a disk that is full"
	MADE=$BATS_FILE_TMPDIR T=$BATS_TEST_TMPDIR
}

teardown() {
	local lab status=0
	lab_end || status=1
	for lab in /run/mpip-lab/"${LAB:-none}"-[234]; do
		[[ ! -e $lab ]] || "$LAB_BIN" down --name "${lab##*/}" >/dev/null || status=1
	done
	[[ -z $FULL_DISK ]] || umount "$FULL_DISK" || status=1
	return "$status"
}

# on_host: what the commands are about: a lab with mpipd, another with an event to play.
on_host() {
	lab_start
	mpipd_start client
	"$LAB_BIN" up --name "$LAB-3" "$MADE/one-link.json"
}

# words ROW: with what stands for the words in capitals; in the array COMMAND.
words() {
	local word result=("$MADE"/out/small/mpip-*/result.json)
	INPUT=/dev/null COMMAND=()
	for word in $1; do
		case $word in
		LAB*) word=$LAB${word#LAB} ;;
		SCENARIO) word=$ROOT/lab/scenarios/dual-nic.json ;;
		ONE-LINK) word=$MADE/one-link.json ;;
		SMALL) word=$MADE/small.json ;;
		THOUSAND) word=$ROOT/experiments/sweeps/thousand.json ;;
		SCHEMA) word=$ROOT/experiments/record/result.schema.json ;;
		RESULT) word=${result[0]} ;;
		OUT) word=$MADE/out ;;
		SWEEP) word=$MADE/out/sweeps/one ;;
		DELAYS) word=$MADE/delays.csv ;;
		'<RESULT') INPUT=${result[0]}; continue ;;
		esac
		COMMAND+=("$word")
	done
	COMMAND[0]=$BUILD/${COMMAND[0]}
	[[ ${COMMAND[0]} != */mpipctl ]] || COMMAND=(ip netns exec "$LAB-client" "${COMMAND[@]}")
}

# says_so ROW: it prints something, and where that cannot be kept says so and fails.
says_so() {
	local status=0 lines
	words "$1"
	timeout 60 "${COMMAND[@]}" <"$INPUT" >"$T/out" 2>"$T/err" || status=$?
	[[ -s $T/out && $status -lt 124 ]] ||
		{ echo "$1: prints nothing, status $status: $(cat "$T/err")"; return 1; }
	[[ $1 != "lab/lab up"* && $1 != "lab/lab down"* ]] || undo "$1"
	status=0
	timeout 60 "${COMMAND[@]}" <"$INPUT" >/dev/full 2>"$T/err" || status=$?
	lines=$(grep -c 'No space left on device' "$T/err")
	((status > 0 && status < 124 && lines == 1)) && return
	echo "$1: status $status, said: $(cat "$T/err")"
	return 1
}

# undo ROW: so that the same command can be given again.
undo() {
	case $1 in
	*" up "*) "$LAB_BIN" down --name "$LAB-2" >/dev/null ;;
	*" down "*) "$LAB_BIN" up --name "$LAB-2" "$ROOT/lab/scenarios/dual-nic.json" >/dev/null ;;
	esac
}

# rows_of PROGRAM: each of its rows; all of them are tried.
rows_of() {
	local row wrong=0
	while read -r row; do
		[[ $row == "$1 "* ]] || continue
		# What is taken down was there.
		[[ $row != *" down "* || -e /run/mpip-lab/$LAB-2 ]] || "$LAB_BIN" up --name "$LAB-2" "$ROOT/lab/scenarios/dual-nic.json" >/dev/null
		says_so "$row" || wrong=$((wrong + 1))
	done <<<"$PRINTING"
	((wrong == 0))
}

# commands PROGRAM: those that its help names.
commands() {
	case $1 in
	lab/lab) "$BUILD/$1" --help | sed -n 's/^  lab \([a-z]*\).*/\1/p' ;;
	mpip/mpipctl) "$BUILD/$1" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' ;;
	analysis/analysis) "$BUILD/$1" --help 2>&1 | sed -nE 's/^ *(usage: )?analysis ([a-z]+).*/\2/p' ;;
	esac | sort -u
}

@test "each program that is built, and each command that its help names, is in the table" {
	local file program command missing=0
	while read -r file; do
		program=${file#"$BUILD"/}
		grep -q "^  $program " <<<"$PRINTING$SILENT" || { echo "$program: no row"; missing=$((missing + 1)); }
		for command in $(commands "$program"); do
			grep -qE "^  $program (--json )?$command( |\$)" <<<"$PRINTING" ||
				{ echo "$program $command: no row"; missing=$((missing + 1)); }
		done
	done < <(find "$BUILD"/{mpip,lab,experiments,analysis,ci} -type f -perm -u+x ! -name '*_test' ! -name '*_bench' ! -name '*.o' ! -path '*/fuzz/*')
	[[ $(commands lab/lab | wc -l) -ge 11 && $(commands analysis/analysis | wc -l) -ge 11 ]]
	((missing == 0))
}

@test "no room for standard output: mpipd and mpipctl" {
	local wrong=0
	on_host
	rows_of mpip/mpipd || wrong=1
	rows_of mpip/mpipctl || wrong=1
	((wrong == 0))
}

@test "no room for standard output: simulate" { rows_of mpip/sim/simulate; }

@test "no room for standard output: lab" {
	on_host
	rows_of lab/lab
}

@test "no room for standard output: experiment" { rows_of experiments/experiment; }
@test "no room for standard output: sweep" { rows_of experiments/sweep; }
@test "no room for standard output: check-result" { rows_of experiments/check-result; }
@test "no room for standard output: analysis" { rows_of analysis/analysis; }

@test "no room for standard output: the tools of the tests" {
	local tool wrong=0
	rows_of ci/json
	lab_start
	in_host client ip link set lo up
	timeout 20 ip netns exec "$LAB-client" "$BUILD/ci/stream" listen 127.0.0.1 5001 >/dev/full 2>"$T/stream.said" 3>&- &
	wait_for 5 listening client 5001
	in_host client "$BUILD/ci/stream" connect 127.0.0.1 5001 --generate 1 --bytes 1000
	! wait $! || wrong=1
	for tool in "datagrams send 127.0.0.1 5002 --sizes 10" "marks send 127.0.0.1 5003 2" \
		"icmp_errors udp 127.0.0.1 5004 100" "tags 127.0.0.1 5005 127.0.0.1 1 6000 0 0.5"; do
		# shellcheck disable=SC2086 # its words
		! in_host client timeout -s TERM 1 "$BUILD"/ci/$tool >/dev/full 2>"$T/${tool%% *}.said" || wrong=1
	done
	for tool in stream datagrams marks icmp_errors tags; do
		[[ $(grep -c "^$tool: standard output cannot be written: No space left on device" "$T/$tool.said") -eq 1 ]] ||
			{ echo "$tool: $(cat "$T/$tool.said")"; wrong=1; }
	done
	((wrong == 0))
}

# full_disk KIB: one with so much room left, at $FULL_DISK.
full_disk() {
	[[ -z $FULL_DISK ]] || umount "$FULL_DISK"
	FULL_DISK=$T/disk
	mkdir -p "$FULL_DISK"
	mount -t tmpfs -o size=8m full "$FULL_DISK"
	head -c $(((8192 - $1) * 1024)) /dev/zero >"$FULL_DISK/others"
}

# The rest of it, too.
fill_disk() {
	head -c 64m /dev/zero >>"$FULL_DISK/others" 2>/dev/null || true
}

# no_room STATUS SAID FILE: it has failed, and said once that there is no room for a file below FILE.
no_room() {
	local about
	about=$(grep -F "$3" <<<"$2" | grep -c 'No space left on device')
	(($1 > 0 && $1 < 124 && about >= 1)) &&
		! grep -v 'No space left on device' <<<"$2" | grep -qE 'ended with status|expected (iperf|JSON|a whole line)' &&
		return
	echo "status $1, said: $2"
	return 1
}

# The disk is full from the start; it becomes full in the middle of a run, and later.
@test "a full disk: experiment" {
	local room
	for room in 0 12 40 150; do
		full_disk "$room"
		mkdir -p "$FULL_DISK/out/small"
		# The links are calibrated already, where there is room for that.
		((room == 0)) || cp "$MADE/out/small/calibration.json" "$FULL_DISK/out/small/"
		run "$BUILD/experiments/experiment" --ground host --out "$FULL_DISK/out" "$MADE/small.json"
		no_room "$status" "$output" "$FULL_DISK/out" || { echo "with $room KiB left"; return 1; }
		[[ -z $(find "$FULL_DISK" -name result.json) ]]
	done
}

# A report or figure that is there stays as it is.
@test "a full disk: analysis" {
	local command
	full_disk 4096
	mkdir "$FULL_DISK/out"
	cp -r "$MADE/out/small" "$FULL_DISK/out/"
	mkdir "$FULL_DISK/out/figures"
	echo kept >"$FULL_DISK/out/report.html"
	fill_disk
	for command in plot report; do
		run "$BUILD/analysis/analysis" "$command" --out "$FULL_DISK/out"
		no_room "$status" "$output" "$FULL_DISK/out" || { echo "$command"; return 1; }
	done
	[[ $(<"$FULL_DISK/out/report.html") == kept ]]
	run "$BUILD/analysis/analysis" skew --corrected "$FULL_DISK/corrected.csv" "$MADE/delays.csv"
	no_room "$status" "$output" "$FULL_DISK/corrected.csv"
	[[ ! -s $FULL_DISK/corrected.csv ]]
}

@test "a full disk: lab calibrate's file, and what lab keeps of a lab" {
	lab_start
	full_disk 0
	run "$LAB_BIN" calibrate --short --name "$LAB-4" --output "$FULL_DISK/links.json" "$MADE/one-link.json"
	no_room "$status" "$output" "$FULL_DISK/links.json"
	# /run is full: nothing stays.
	run unshare --mount sh -c 'mkdir -p /run/mpip-lab && mount --bind "$1" /run/mpip-lab && "$2" up --name "$3" "$4"' - \
		"$FULL_DISK" "$LAB_BIN" "$LAB-2" "$ROOT/lab/scenarios/dual-nic.json"
	no_room "$status" "$output" /run/mpip-lab
	[[ -z $(find /run/netns -name "$LAB-2*") && ! -e $FULL_DISK/$LAB-2 ]]
}

# The daemon goes on: what its log is for does not keep connections from working.
@test "a full disk: mpipd does not start with a path log that cannot be written" {
	lab_start
	full_disk 0
	run in_host client "$MPIPD" --path-log "$FULL_DISK/paths.csv"
	no_room "$status" "$output" "$FULL_DISK/paths.csv"
}

@test "a full disk: the tools of the tests" {
	lab_start
	full_disk 0
	in_host client ip link set lo up
	start receiver client "$BUILD/ci/stream" listen 127.0.0.1 5001 --receive "$FULL_DISK/received"
	wait_for 5 listening client 5001
	in_host client "$BUILD/ci/stream" connect 127.0.0.1 5001 --generate 1 --bytes 1000000 || true
	run finish receiver
	no_room "$status" "$output" "$FULL_DISK/received"
	start sender client "$BUILD/ci/cm_sender" 127.0.0.1 5002 02:6d:70:00:02:01 1 here 700 "$FULL_DISK/copy"
	wait_for 5 listening client 5002
	in_host client "$BUILD/ci/stream" connect 127.0.0.1 5002 || true
	run finish sender
	((status > 0))
	[[ $output == *"No space left on device"* ]]
}
