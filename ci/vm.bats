#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The vm ground: equal bits, and what is left when a guest comes to grief; in QEMU (GIPS=1) and where
# the processor takes no time (GIPS=0). Nothing here needs root; as root, one test is run by somebody
# else.

# bats file_tags=host,beside

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
	[[ ${lines[0]} == "vm: the guest's kernel has given up: sysrq triggered crash" ]]
	[[ $output == *"Kernel panic - not syncing: sysrq triggered crash"* ]]
	[[ ! -e $T/out/result ]]
	nothing_left
}

out_of_memory() {
	job <<<'mkdir /fill; mount -t ramfs fill /fill; dd if=/dev/zero of=/fill/up bs=1M count=1000'
	run -125 runs_to out
	[[ ${lines[0]} == "vm: the guest's memory of 512 MB is too small for its job (MEMORY_MB=): Out of memory"* ]] ||
		{ echo "$output"; return 1; }
	nothing_left
}
@test "out of memory: 125, its reason" {
	in_both out_of_memory
}

@test "a build folder may have any name: its image is made, and runs" {
	with 0
	local odd="$T/a build's \"\$HOME\" #1 %2; é" image room
	mkdir "$odd"
	for room in lab mpip experiments; do
		cp -al "$BUILD/$room" "$odd/" 2>/dev/null || cp -a "$BUILD/$room" "$odd/"
	done
	image=$(BUILD=$odd lab/vm/image.sh run)
	[[ $image == "$odd"/vm/image-run-* ]]
	[[ $(<"$image/image.json") == "$(<"$IMAGE/image.json")" ]]
	job <<<'build/lab/lab print /job/dual-nic.json >/out/scenario.json'
	cp lab/scenarios/dual-nic.json "$T/job/"
	IMAGE=$image runs_to "out of $(basename "$odd")"
	[[ -s "$T/out of $(basename "$odd")/scenario.json" ]]
}

# read_only DIRECTORY CMD...: runs CMD where nobody can write there.
read_only() {
	unshare -rm sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"' - "$@"
}

@test "kernels: without a home they are in the build folder, and none is made" {
	local place name home
	place=$(lab/vm/time-travel.sh)
	name=${place##*/}
	mkdir -p "$T/build/vm/cache"
	cp -al "$place" "$T/build/vm/cache/" 2>/dev/null || cp -a "$place" "$T/build/vm/cache/"
	for home in '-u HOME' "HOME=$T/nowhere"; do
		# shellcheck disable=SC2086 # two words
		run -0 timeout 20 env -u XDG_CACHE_HOME $home BUILD="$T/build" lab/vm/time-travel.sh
		[[ $output == "$T/build/vm/cache/$name" && ! -e $T/nowhere ]]
	done
}

@test "kernels: one in a home that cannot be written is used; where nothing can be, one line" {
	local place
	place=$(lab/vm/time-travel.sh)
	mkdir -p "$T/my home/.cache/mpip"
	cp -al "$place" "$T/my home/.cache/mpip/" 2>/dev/null || cp -a "$place" "$T/my home/.cache/mpip/"
	run -0 read_only "$T/my home" timeout 20 env -u XDG_CACHE_HOME HOME="$T/my home" BUILD="$T/build" \
		lab/vm/time-travel.sh
	[[ $output == "$T/my home/.cache/mpip/${place##*/}" && ! -e $T/build ]]
	rm -r "$T/my home/.cache/mpip"
	run -1 read_only "$T/my home" timeout 20 env -u XDG_CACHE_HOME HOME="$T/my home" \
		BUILD="$T/my home/build" lab/vm/time-travel.sh
	[[ ${#lines[@]} -eq 1 && $output == "kernel: no place to keep a kernel: "*"$T/my home/.cache/mpip "* ]]
}

# mounted OPTIONS DIRECTORY CMD...: runs CMD with another tmpfs there, which nobody else sees.
mounted() {
	unshare -rm sh -c 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"' - "$@"
}

@test "memory: where /dev/shm is small, read-only or noexec, it is on a disk" {
	with 0
	unset TMPDIR
	local options
	job <<<'mkdir /fill; mount -t ramfs fill /fill; dd if=/dev/zero of=/fill/up bs=1M count=100; echo filled'
	for options in size=64m ro noexec; do
		run -0 mounted "$options" /dev/shm "$GUEST" "$IMAGE" "$T/job" "$T/out"
		grep -q '^filled' "$T/out/.guest/report"
	done
	# One that is named is taken, if it will do.
	mkdir "$T/small"
	TMPDIR=$T/small run -0 mounted size=64m "$T/small" "$GUEST" "$IMAGE" "$T/job" "$T/out"
	grep -q '^filled' "$T/out/.guest/report"
	[[ -z $(ls -A "$T/small") ]]
}

@test "memory: where there is no room for it anywhere, one line names TMPDIR, and nothing is started" {
	with 0
	job <<<'echo something'
	MEMORY_MB=99999999 run -126 runs_to out
	[[ ${#lines[@]} -eq 1 && $output == "vm: no room for a guest's memory of 99999999 MB: $TMPDIR has "*'with TMPDIR=' ]]
	nothing_left
}

@test "memory: a place that gets full while the guest runs is named in one line" {
	with 0
	mkdir "$T/full"
	job <<<'sleep 1; mkdir /fill; mount -t ramfs fill /fill; dd if=/dev/zero of=/fill/up bs=1M count=300'
	# Others fill it as soon as the guest has said something.
	cat >"$T/fill.sh" <<-'END'
		mount -t tmpfs -o size=600m none "$4/full"
		TMPDIR=$4/full "$1" "$2" "$3" "$4/out" &
		until [ -s "$4/out/.guest/console" ]; do sleep 0.05; done
		dd if=/dev/zero of="$4/full/other" bs=1M count=600 2>/dev/null
		wait $!
	END
	run -125 unshare -rm sh "$T/fill.sh" "$GUEST" "$IMAGE" "$T/job" "$T"
	[[ ${lines[0]} == "vm: $T/full has no more room for the guest's memory of 512 MB; name a directory"* ]]
}

@test "a guest that somebody kills: 125, and one line says so" {
	with 0
	local machine=''
	job <<<'echo running; while :; do :; done'
	runs_to out >"$T/said" 2>&1 3>&- &
	local guest=$!
	for _ in $(seq 300); do
		grep -q running "$T/out/.guest/report" 2>/dev/null && break
		sleep 0.1
	done
	for machine in /proc/[0-9]*; do
		[[ $machine/cwd -ef $T/out/.guest && $machine/exe -ef $IMAGE/vmlinuz ]] || continue
		kill -KILL "${machine#/proc/}"
	done
	local ended=0
	wait "$guest" || ended=$?
	((ended == 125))
	[[ $(head -n 1 "$T/said") == "vm: the guest's machine was killed (signal 9)"* ]]
	run -1 grep Killed "$T/said"
	nothing_left
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

scratch_goes_with_the_next() {
	[[ -n $(ls -A "$TMPDIR") ]]
	mkdir -p "$T/next"
	echo true >"$T/next/command"
	"$GUEST" "$IMAGE" "$T/next" "$T/next-out"
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
		# It cannot take its scratch files with it: the next one does.
		[[ $signal != KILL ]] || scratch_goes_with_the_next
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

@test "scratch directories: those of the killed go with the next, those in use stay" {
	cat >"$T/one.sh" <<-'END'
		. lab/vm/scratch.sh
		trap 'rm -rf "$mine"' EXIT
		make_scratch mine "$1"
		echo "$mine"
		exec {out}>&1 1>&-
		[[ -z ${2:-} ]] || "$2" 300
	END
	local killed working new
	coproc bash "$T/one.sh" "$T/scratch" sleep
	read -r killed <&"${COPROC[0]}"
	kill -KILL -- "$COPROC_PID" $(pgrep -P "$COPROC_PID")
	wait "$COPROC_PID" || true
	bash "$T/one.sh" "$T/scratch" sleep >"$T/working" 3>&- &
	local pid=$!
	until [[ -s $T/working ]]; do sleep 0.05; done
	working=$(<"$T/working")
	[[ ! -e $killed && -d $working ]]
	mkdir "$T/scratch.new" # one that is being made
	new=$(bash "$T/one.sh" "$T/scratch")
	[[ ! -e $new && -d $working && -d $T/scratch.new ]]
	kill "$(pgrep -P "$pid")" "$pid"
	wait "$pid" || true
}

@test "of images and stored guests the newest are kept, and those in use" {
	local i
	for i in 1 2 3 4 5; do
		mkdir "$T/image-$i"
		touch -d "2026-01-0$i" "$T/image-$i"
	done
	(
		. lab/vm/scratch.sh
		hold "$T/image-2"
		bash -c '. lab/vm/scratch.sh; keep_newest 2 "$1"' bash "$T/image-"
	)
	[[ $(find "$T" -mindepth 1 -maxdepth 1 -name 'image-*' -printf '%f\n' | sort | tr '\n' ' ') == "image-2 image-4 image-5 " ]]
	bash -c '. lab/vm/scratch.sh; ! hold "$1"' bash "$T/image-1"
}

@test "a command that is to end with a script does, also when that is killed before it has begun" {
	local i
	for ((i = 0; i < 20; i++)); do
		bash -c '. lab/vm/scratch.sh; "${with_us[@]}" sleep 3'"$i"'.125 & sleep 0.00'"$((i % 10))"'; kill -KILL $$' 3>&- || true
	done
	sleep 0.2
	run -1 pgrep -f 'sleep 3[0-9]*\.125'
}

# A link that has more on its way than its queue holds; jitter of two distributions, and a queue of 20.
@test "calibration: links as they are, and altered in six ways, and no wrong verdict" {
	run env GIPS=0 CELLS="46 12 25" ci/calibration-grid.sh 1
	echo "$output"
	[[ $status -eq 0 && $output == "3 cells, seeds 1: 6 directions as they should be, "*" 0 wrong verdicts, "* ]]
	run -2 env CELLS=0 ci/calibration-grid.sh 1
	[[ $output == "calibration-grid: CELLS: 0: expected numbers from 1 to 60" ]]
}
