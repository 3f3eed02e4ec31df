#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The vm ground: equal bits, and what is left when a guest comes to grief; in QEMU (GIPS=1) and where
# the processor takes no time (GIPS=0). Nothing here needs root; as root, one test is run by somebody
# else.

# bats file_tags=host

# shellcheck disable=SC2030,SC2031 # with() sets what one test is to see

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/.." || return
	export ROOT=$PWD MEMORY_MB=512
	export BUILD=${BUILD:-build}
	IMAGE_0=$(GIPS=0 lab/vm/image.sh run)
	IMAGE_1=$(GIPS=1 lab/vm/image.sh run)
	export IMAGE_0 IMAGE_1
	GIPS=1 lab/vm/snapshot.sh "$IMAGE_1"
}

setup() {
	cd "$ROOT" || return
	GUEST=$ROOT/lab/vm/guest.sh
	export LIMIT_S=120
	with 1
}

# with GIPS: from now on guests of that speed, and a place of their own.
with() {
	export GIPS=$1
	local image=IMAGE_$1
	IMAGE=${!image}
	T=$BATS_TEST_TMPDIR/$1
	export TMPDIR=$T/tmp
	mkdir -p "$T/job" "$TMPDIR"
}

# in_both TEST: in both kinds of guest.
in_both() {
	local gips
	for gips in 0 1; do
		echo "GIPS=$gips:"
		with "$gips"
		"$1"
	done
}

# job: makes the job of what stands in the standard input.
job() {
	cat >"$T/job/command"
}

# runs_to OUT
runs_to() {
	timeout 280 "$GUEST" "$IMAGE" "$T/job" "$T/$1"
}

digest() {
	(cd "$T/$1" && find . -type f ! -path './.guest/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
}

# nothing_left: neither the scratch directory nor a guest's process: QEMU with files below $T, or one
# that works there.
nothing_left() {
	local left
	[[ -z $(ls -A "$TMPDIR") ]] || { ls -A "$TMPDIR"; return 1; }
	left=$(pgrep -f "qemu-system.*$T/"; find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$T/*" 2>/dev/null || true)
	[[ -n $left ]] || return 0
	echo "still running: $left"
	return 1
}

same_bits() {
	cp lab/scenarios/dual-nic-5ms.json "$T/job/"
	job <<-'END'
		set -e
		build/lab/lab up --name vm /job/dual-nic-5ms.json
		build/lab/lab exec --name vm client ping -c 20 -i 0.05 10.0.3.2 >/out/ping
		cat /proc/uptime /proc/interrupts /proc/sys/kernel/random/uuid >/out/machine
		dmesg >/out/dmesg
		echo done
	END
	runs_to one
	grep -q '20 packets received' "$T/one/ping"
	grep -q '^done' "$T/one/.guest/report"
	(while :; do :; done) 3>&- &
	local busy=$!
	runs_to two
	kill "$busy"
	runs_to three
	diff -r "$T/one" "$T/two"
	diff -r "$T/one" "$T/three"
	[[ $(digest one) == "$(digest three)" ]]
	SEED=2 runs_to four
	[[ $(digest one) != "$(digest four)" ]]
	nothing_left
}
@test "the same job gives the same bits, beside a busy core too; with another seed it does not" {
	in_both same_bits
}

# clock SNAPSHOT: the virtual nanoseconds at which it goes on: of idle time, and of instructions.
clock() {
	local at idle instructions
	at=$(grep -abo timer/icount "$1/devices" | head -n 1 | cut -d: -f1)
	read -r idle instructions < <(od -An -t d8 --endian=big -j $((at + 16)) -N 16 "$1/devices")
	echo $((idle + instructions))
}

@test "a guest that was stored twice is the same, and goes on alike" {
	local other=$T/other a b
	mkdir "$other"
	cp -r "$IMAGE" "$other/"
	a=$(lab/vm/snapshot.sh "$IMAGE")
	b=$(lab/vm/snapshot.sh "$other/${IMAGE##*/}")
	cmp "$a/memory" "$b/memory"
	[[ $a != "$b" && ${a##*/} == "${b##*/}" ]]
	[[ $(clock "$a") == "$(clock "$b")" ]] || { clock "$a"; clock "$b"; return 1; }
	(($(clock "$a") % (1 << 32) == 0))
	job <<<'cat /proc/uptime /proc/interrupts /proc/self/sched /proc/stat >/out/machine'
	runs_to one
	IMAGE=$other/${IMAGE##*/} runs_to two
	diff -r "$T/one/machine" "$T/two/machine"
}

status_arrives() {
	job <<<'echo something >/out/result; no-such-program; echo "status $?"; exit 7'
	run -7 runs_to out
	[[ $output == *"the job ended with status 7"*"no-such-program: not found"* ]]
	[[ $(<"$T/out/result") == something ]]
	grep -q '^status 127' "$T/out/.guest/report"
	nothing_left
}
@test "a job's status and its last words arrive, with the results it has made" {
	in_both status_arrives
}

@test "a kernel panic: 125, its reason, no result" {
	job <<<'echo half >/out/result; echo c >/proc/sysrq-trigger'
	run -125 runs_to out
	[[ $output == *"ended before its job was done"*"Kernel panic - not syncing: sysrq triggered crash"* ]]
	[[ ! -e $T/out/result ]]
	nothing_left
}

out_of_memory() {
	job <<<'mkdir /fill; mount -t ramfs fill /fill; dd if=/dev/zero of=/fill/up bs=1M count=1000'
	run -125 runs_to out
	[[ $output == *"Kernel panic - not syncing: Out of memory"* ]] || { echo "$output"; return 1; }
	nothing_left
}
@test "out of memory: 125, its reason" {
	in_both out_of_memory
}

hang() {
	job <<<'echo before; while :; do :; done'
	LIMIT_S=15 run -125 runs_to out
	[[ $output == *"has said nothing for 15 s"* ]]
	grep -q before "$T/out/.guest/report"
	nothing_left
}
@test "a guest that hangs is ended after its limit" {
	in_both hang
}

signals() {
	local signal pid
	job <<<'echo running; while :; do :; done'
	for signal in TERM INT HUP KILL; do
		env --default-signal=INT "$GUEST" "$IMAGE" "$T/job" "$T/$signal" 3>&- &
		pid=$!
		for _ in $(seq 300); do
			grep -q running "$T/$signal/.guest/report" 2>/dev/null && break
			sleep 0.1
		done
		grep -q running "$T/$signal/.guest/report"
		kill "-$signal" "$pid"
		run wait "$pid"
		sleep 0.5
		[[ $signal != KILL ]] || rm -rf "$TMPDIR"/mpip-vm.*
		nothing_left || { echo "after SIG$signal"; return 1; }
	done
}
@test "a signal ends the guest, and leaves no file behind" {
	in_both signals
}

@test "what cannot be used is said in one line" {
	run -125 "$GUEST" "$T" "$T/job" "$T/out"
	[[ ${#lines[@]} -eq 1 && $output == *"expected an image"* ]]
	run -125 "$GUEST" "$IMAGE" "$T/job" "$T/out"
	[[ ${#lines[@]} -eq 1 && $output == *"command: expected a shell script"* ]]
	run -1 lab/vm/image.sh nonsense
	[[ ${#lines[@]} -eq 1 && $output == *"expected a profile"* ]]
}

no_rights() {
	[[ $(id -u) -eq 0 ]] || skip "the other tests were run without any"
	local place
	place=$(mktemp -d /tmp/mpip-vm-test.XXXXXX)
	cp -r "$IMAGE" lab/vm "$place/"
	((GIPS == 0)) || cp -r --sparse=always "$(lab/vm/snapshot.sh "$IMAGE")" "$place/"
	mkdir "$place/job"
	echo 'id -u >/out/id' >"$place/job/command"
	chown -R 65534:65534 "$place"
	run -0 setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all env TMPDIR="$place" \
		HOME=/nonexistent "$place/vm/guest.sh" "$place/${IMAGE##*/}" "$place/job" "$place/out"
	[[ $(<"$place/out/id") == 0 ]]
	rm -rf "$place"
}
@test "it needs no rights" {
	in_both no_rights
}

# A link that has more on its way than its queue holds; jitter of two distributions, and a queue of 20.
@test "calibration: links as they are, and altered in six ways, and no wrong verdict" {
	run env GIPS=0 CELLS="46 12 25" ci/calibration-grid.sh 1
	echo "$output"
	[[ $status -eq 0 && $output == "3 cells, seeds 1: 6 directions as they should be, "*" 0 wrong verdicts, "* ]]
	run -2 env CELLS=0 ci/calibration-grid.sh 1
	[[ $output == "calibration-grid: CELLS: 0: expected numbers from 1 to 60" ]]
}
